"""Permutations of a group's neurons, carried out on tables laid out like the parameters."""

from collections.abc import Sequence
from typing import get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.network import Group, Part, in_folds, take

PARTS: tuple[Part, ...] = get_args(Part)


def permute(
    population: Population,
    group: Group,
    rows: Int[Tensor, " member"],
    order: Int[Tensor, "member size"],
    *,
    table: Float[Tensor, "members width"],
    parts: Sequence[Part] = PARTS,
) -> None:
    """Puts at position k of the group what stood at order[:, k], in a table laid out like `flat`.

    Incoming rows, outgoing columns and attachments of the given parts travel, in the members
    `rows`.
    """
    views = population.views(table)
    for one in population.wiring.axes(group.name):
        if one.part in parts:
            view, index = views[one.parameter], in_folds(order, one.folds)
            if one.axis == 1:
                view[rows] = view[rows[:, None], index]
            else:
                view[rows] = take(view[rows], one.axis, index)


def relabel(
    population: Population,
    group: Group,
    rows: Int[Tensor, " member"],
    order: Int[Tensor, "member size"],
) -> None:
    """Records for the members `rows` which feature or class now stands at each position."""
    identity = torch.arange(group.size, device=order.device).repeat(population.size, 1)
    identity[rows] = order
    population.relabel(group.name, identity)
