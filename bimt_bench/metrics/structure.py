"""Structure: does a member use only the inputs that the task's formulas use?"""

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.metrics import needs
from bimt_bench.metrics.base import Metric, PerMember, Scored, per_member, ratio


def input_leakage(scored: Scored) -> PerMember:
    """Share of the input sensitivity that lies on pairs (o, i) the formulas do not have.

    Sensitivity S[o, i] = E |dy_o / dx_i| * std(x_i) / std(t_o) over the test data, so that the
    units of inputs x and targets t do not count (a constant target is not rescaled). NaN if the
    member ignores all its inputs.
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
    columns = []
    for i in range(inputs.shape[1]):
        direction = torch.zeros_like(inputs)
        direction[:, i] = 1.0
        slopes = torch.func.jvp(scored.population.outputs, (inputs,), (direction,))[1]
        columns.append(slopes.cpu().double().abs().mean(dim=1))
    return torch.stack(columns, dim=2)


def _units(scored: Scored) -> Float[Tensor, "output input"]:
    """std(x_i) / std(t_o) over the test data."""
    x = scored.inputs(scored.data.test_inputs).cpu().double().std(dim=0, correction=0)
    t = scored.data.test_targets.cpu().double().std(dim=0, correction=0)
    return x[None, :] / torch.where(t == 0, 1.0, t)[:, None]


FAMILY = (
    Metric(
        name="input_leakage",
        family="structure",
        title="Input leakage",
        direction="lower",
        low=0.0,
        high=1.0,
        unit="share of sensitivity",
        cost="cheap",
        source="sum of S[o, i] over pairs that no formula has / sum of S, "
        "S[o, i] = E |dy_o / dx_i| std(x_i) / std(t_o)",
        compute=input_leakage,
        need=needs.TRUTH,
    ),
)
