"""Neurons that fall silent: the weights with which they send nothing on."""

from collections.abc import Mapping

from jaxtyping import Bool
from torch import Tensor

from bimt_bench.metrics.base import Scored


def silenced(scored: Scored, silent: Mapping[str, Bool[Tensor, "#member _"]]) -> dict[str, Tensor]:
    """Weights with which some neurons send nothing on: group name -> whether silent, [P, n]."""
    changed = {}
    for name, mask in silent.items():
        for connection in scored.wiring.out_of(name):
            weight = scored.weights[connection.parameter].detach()
            columns = mask.repeat(1, connection.source_folds)
            columns = columns.reshape(len(mask), 1, -1, *(1,) * (weight.dim() - 3))
            changed[connection.parameter] = weight.masked_fill(columns.to(weight.device), 0.0)
    return changed
