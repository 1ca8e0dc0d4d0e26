"""All that belongs to a hidden neuron is charged as one, by its length: whole neurons die.

A weight between two hidden neurons belongs to both of them, so the groups of neighbouring layers
overlap. The gradient adds both. The proximal form takes one hidden layer after the other, from
input to output: exact where there is one hidden layer, and for more of them the incremental
proximal method, whose minimum is off by something of the order of the learning rate. Groups of
incoming weights alone would not overlap, but they leave a dead neuron's outgoing weights alive
and would be another objective than the gradient's.
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import RECIPES, Members, PenaltySettings, Recipe
from bimt_bench.network import Wiring

_ITERATIONS = 4  # the error squares in each: 1e-8 of the length, metrics of six orders apart
_SOURCE = "Yuan and Lin 2006; Scardapane et al., arXiv 1607.00485"


class GroupLassoSettings(PenaltySettings):
    """The strength and its phases."""


@RECIPES.register
class GroupLasso(Recipe):
    """Charged by the gradient, 0 where a group is zero: neurons become small, but not zero."""

    name = "group_lasso"
    title = "Group lasso"
    equation = (
        "loss + strength lambda sum_hidden neurons j sqrt(n_j) |(W_in[j, :], b_j, W_out[:, j])|_2"
    )
    source = _SOURCE
    dial = "strength"

    class Settings(GroupLassoSettings):
        """The strength and its phases."""

    def penalty(self, m: Members, theta: Mapping[str, Tensor]) -> Float[Tensor, " n"]:
        """Strength times the lengths of all groups, each by the root of its size."""
        lengths = [
            math.sqrt(own.shape[2]) * torch.linalg.vector_norm(own, dim=2).sum(dim=1)
            for own in (m.neurons(theta, group) for group in _hidden(m.wiring))
        ]
        return m.strength * torch.stack(lengths).sum(dim=0)


@RECIPES.register
class GroupLassoProx(Recipe):
    """Charged by a proximal step after each update, in the metric of AdamW: dead neurons are zero.

    AdamW divides a step by D, a number for each parameter. The proximal step that belongs to it
    minimises |x - y|_D^2 / 2 + learning_rate strength lambda sqrt(n_j) |x|_2 for each group y, so
    that this form and the gradient's have the same minimum. Where D is 1 it is the block soft
    threshold. (Without D, strength would mean another thing: lambda would have to hold against a
    step of the size of the learning rate, however small the gradient.)
    """

    name = "group_lasso_prox"
    title = "Group lasso (proximal)"
    equation = (
        "loss; after each update, for hidden neurons j, x_j = argmin |x - x_j|_D^2 / 2 "
        "+ learning_rate strength lambda sqrt(n_j) |x|_2, x_j = (W_in[j, :], b_j, W_out[:, j])"
    )
    source = f"{_SOURCE}; step in AdamW's metric: Yun, Lozano and Yang, arXiv 2007.07434"
    dial = "strength"

    class Settings(GroupLassoSettings):
        """The strength and its phases."""

    def project(self, m: Members) -> None:
        """The proximal step of each hidden layer; nothing before the first update."""
        divisors = m.divisors
        if divisors is None:
            return
        threshold = m.learning_rate * m.strength
        metric = m.views(divisors)
        for group in _hidden(m.wiring):
            own = m.neurons(m.theta, group)
            limit = threshold[:, None] * math.sqrt(own.shape[2])
            m.scale_neurons(group, shrinkage(own, m.neurons(metric, group), limit))

    def working_bytes(self, settings: PenaltySettings, wiring: Wiring) -> int:
        """The divisors, and six tables of the largest group's neurons."""
        return 8 * sum(g.size * sum(o.size for o in wiring.groups) for g in wiring.groups)


def shrinkage(
    groups: Float[Tensor, "n size k"],
    metric: Float[Tensor, "n size k"],
    limit: Float[Tensor, "n _"],
) -> Float[Tensor, "n size k"]:
    """What the entries y of each group are multiplied with by its proximal step.

    x = argmin sum_i d_i (x_i - y_i)^2 / 2 + limit |x|_2 is 0 where |d y| <= limit; else
    x_i = y_i d_i s / (d_i s + limit), where the length s of x solves |d y / (d s + limit)| = 1.
    The inverse of that length is concave in s, so Newton's method on it rises to s from below,
    where it begins: at the s of a metric that is d's largest everywhere.
    """
    pull, limit = metric * groups, limit[:, :, None]
    strength = torch.linalg.vector_norm(pull, dim=2, keepdim=True)
    alive = strength > limit
    length = (strength - limit).clamp_min(0.0) / metric.amax(dim=2, keepdim=True)
    for _ in range(_ITERATIONS):
        below = metric * length + limit
        share = pull / below
        size = torch.linalg.vector_norm(share, dim=2, keepdim=True)
        slope = (share.square() * (metric / below)).sum(dim=2, keepdim=True)
        length = length + (size - 1.0).clamp_min(0.0) * size.square() / slope
    kept = metric * length
    return torch.where(alive, kept / (kept + limit), 0.0)


def _hidden(wiring: Wiring) -> list[str]:
    return [group.name for group in wiring.groups if group.role == "hidden"]
