"""Sparsity: over how many connections a member spreads its weight.

w = |W| over all connections of a member together, folds counted apart, a window as one.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from bimt_bench.metrics.base import PerMember, Scored, per_member, ratio
from bimt_bench.metrics.contract import metric


@metric(
    title="Effective connections",
    family="sparsity",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="share of all connections",
    source="exp(-sum p log p) / n with p = w / sum w over n connections",
    untrained="about 0.8, whatever the size",
)
def effective_connections(scored: Scored) -> PerMember:
    """exp(entropy of w / sum w) over the number of connections.

    1 when all weights are equal, 1 / n when one of n carries everything; NaN if all are zero.
    """
    w = _strengths(scored)
    shares = ratio(w, w.sum(dim=1, keepdim=True))
    entropy = -torch.special.xlogy(shares, shares).sum(dim=1)
    return per_member(entropy.exp() / w.shape[1])


@metric(
    title="Participation ratio",
    family="sparsity",
    direction="lower",
    low=1.0,
    unit="connections",
    source="(sum w)^2 / sum w^2",
    untrained="about three quarters of all connections",
)
def participation_ratio(scored: Scored) -> PerMember:
    """(sum w)^2 / sum w^2: as many equal connections would be as concentrated.

    Between 1 and the number of connections; NaN if all weights are zero.
    """
    w = _strengths(scored)
    largest = w.amax(dim=1, keepdim=True)
    w = ratio(w, largest)  # squares of tiny weights must not vanish
    return per_member(w.sum(dim=1).square() / w.square().sum(dim=1))


def _strengths(scored: Scored) -> Float64[Tensor, "member connection"]:
    """The strength of every connection of every member."""
    strengths = [scored.strengths[c.parameter] for c in scored.wiring.connections]
    return torch.cat([w.cpu().double().flatten(1) for w in strengths], dim=1)
