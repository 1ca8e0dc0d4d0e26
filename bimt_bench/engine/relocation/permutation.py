"""Permutations of a group's neurons, carried out on tables laid out like the parameters."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.network import Group

KINDS = ("weight", "bias", "embedding")


def permute(
    population: Population,
    group: Group,
    rows: Int[Tensor, " member"],
    order: Int[Tensor, "member size"],
    *,
    table: Float[Tensor, "members width"],
    kinds: Sequence[str] = KINDS,
) -> None:
    """Puts at position k of the group what stood at order[:, k], in a table laid out like `flat`.

    Incoming rows, outgoing columns and attachments of the given kinds travel, in the members
    `rows`.
    """
    views = population.views(table)
    for name, axis, folds, kind in _axes(population, group):
        if kind in kinds:
            index = _fold_index(order, folds, group.size)
            if axis == 1:
                views[name][rows] = views[name][rows[:, None], index]
            else:
                views[name][rows] = take(views[name][rows], axis, index)


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


def take(values: Tensor, axis: int, index: Int[Tensor, "member size"]) -> Tensor:
    """Entries [P, ..., size, ...] of `values` along an axis, each member by its own index."""
    shape = [1] * values.dim()
    shape[0], shape[axis] = index.shape
    wanted = list(values.shape)
    wanted[axis] = index.shape[1]
    return values.gather(axis, index.view(shape).expand(wanted))


def _axes(population: Population, group: Group) -> Iterator[tuple[str, int, int, str]]:
    """(parameter, axis, folds, kind) of everything that travels with a group."""
    wiring = population.architecture.wiring
    for connection in wiring.into(group.name):
        yield connection.parameter, 1, connection.target_folds, "weight"
    for connection in wiring.out_of(group.name):
        yield connection.parameter, 2, connection.source_folds, "weight"
    for attachment in wiring.attached_to(group.name):
        yield attachment.parameter, attachment.axis, attachment.folds, attachment.kind


def _fold_index(order: Tensor, folds: int, size: int) -> Tensor:
    offsets = torch.arange(folds, device=order.device) * size
    return (order.unsqueeze(1) + offsets[:, None]).flatten(1)
