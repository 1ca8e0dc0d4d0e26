"""Structure: does a member use only the inputs that the task's formulas use?"""

import itertools
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.metrics import needs
from bimt_bench.metrics.base import PerMember, Scored, per_member, ratio
from bimt_bench.metrics.contract import metric


@metric(
    title="Input leakage",
    family="structure",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="share of sensitivity",
    source=(
        "sum of S[o, i] over pairs that no formula has / sum of S, "
        "S[o, i] = E |dy_o / dx_i| std(x_i) / std(t_o)"
    ),
    untrained="near the share of pairs that no formula has: 0.17 to 0.66",
    need=needs.STRANGERS,
)
def input_leakage(scored: Scored) -> PerMember:
    """Share of the input sensitivity that lies on pairs (o, i) the formulas do not have.

    Sensitivity S[o, i] = E |dy_o / dx_i| * std(x_i) / std(t_o) over the test data, so that the
    units of inputs x and targets t do not count (a constant target and classes are not rescaled).
    Of sequences, x_i is feature i at a time step: the times add up. NaN if the member ignores all
    its inputs.
    """
    truth = scored.data.truth
    if truth is None:
        raise ValueError(f"input_leakage: task '{scored.task.name}' has no ground truth")
    mass = _sensitivities(scored) * _units(scored)
    strangers = torch.from_numpy(~truth.depends)
    leaked = (mass * strangers).sum(dim=(1, 2))
    return per_member(ratio(leaked, mass.sum(dim=(1, 2))))


@torch.no_grad()
def _sensitivities(scored: Scored) -> Float[Tensor, "member output input"]:
    """E |dy_o / dx_i| over the test data.

    Forward-mode: one pass an input yields the slopes of all members and outputs, where backward
    mode needs one a member and output.
    """
    inputs = scored.inputs(scored.data.test_inputs)
    *times, features = inputs.shape[1:]
    found: list[Tensor] = []
    for place in itertools.product(*map(range, times), range(features)):
        total = torch.zeros(scored.size, len(scored.data.output_names), dtype=torch.float64)
        for rows, block in itertools.product(inputs.split(scored.rows), scored.blocks):
            direction = torch.zeros_like(rows)
            direction[:, *place] = 1.0
            outputs = partial(scored.population.outputs_with, {}, rows=block)
            slopes = torch.func.jvp(outputs, (rows,), (direction,))[1]
            total[block] += slopes.cpu().double().abs().flatten(1, -2).sum(dim=1)
        found.append(total / len(inputs))
    return torch.stack(found, dim=2).unflatten(2, (-1, features)).sum(dim=2)


def _units(scored: Scored) -> Float[Tensor, "output input"]:
    """std(x_i) / std(t_o) over the test data."""
    x = scored.inputs(scored.data.test_inputs).cpu().double()
    spread = x.flatten(0, -2).std(dim=0, correction=0)
    targets = scored.data.test_targets
    if not targets.is_floating_point():
        return spread.expand(len(scored.data.output_names), -1)
    t = targets.cpu().double().flatten(0, -2)
    known = ~t.isnan()
    mean = t.nan_to_num().sum(dim=0) / known.sum(dim=0)
    variance = torch.where(known, t - mean, 0.0).square().sum(dim=0) / known.sum(dim=0)
    scale = variance.sqrt()
    return spread[None, :] / torch.where(scale == 0, 1.0, scale)[:, None]
