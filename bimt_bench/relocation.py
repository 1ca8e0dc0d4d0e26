"""Relocation: neurons swap places within their group to shorten wires; the function stays.

With its neighbours fixed, neuron j of a group would cost C[j, p] at position p, a table made of
two batched products; swapping j and k changes the cost by C[j,k] + C[k,j] - C[j,j] - C[k,k], and
afterwards only two rows of the table trade places (arXiv 2305.08746, section 2; closed form).
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.models import Population
from bimt_bench.wiring import Connection, Group


def relocate(
    population: Population,
    *,
    top_k: Sequence[int],
    reduce: str,
    members: Sequence[int] | None = None,
    moments: Sequence[Tensor] = (),
    carry_moments: bool = False,
) -> None:
    """Greedy relocation of all movable groups, input to output, in place.

    In each group the `top_k` positions with the largest sums of |incoming| and |outgoing| weights
    are tried in that order against every position, and the swap that lowers the cost most is
    kept, if any does. `top_k` has one entry for each of `members` (default: all).

    `moments` are the optimizer's tables, laid out like `population.flat`. As published, they stay
    at their positions while the weights move (`carry_moments` takes them along); those of an
    embedding always travel, because the published code leaves the embedding in place and
    permutes what it is connected to.
    """
    chosen = range(population.size) if members is None else members
    if not chosen:
        return
    rows = torch.tensor(list(chosen), device=population.flat.device)
    for group in population.architecture.wiring.groups:
        if group.movable:
            order = greedy_order(
                cost_table(population, group, rows, reduce=reduce),
                strength(population, group, rows),
                top_k,
            )
            permute(population, group, rows, order, table=population.flat)
            for table in moments:
                kinds = ("weight", "bias", "embedding") if carry_moments else ("embedding",)
                permute(population, group, rows, order, table=table, kinds=kinds)
            if group.relabelled:
                _relabel(population, group, rows, order)


def cost_table(
    population: Population, group: Group, rows: Int[Tensor, " member"], *, reduce: str
) -> Float[Tensor, "member size size"]:
    """C[j, p]: the distance cost of the group's neuron j at position p, float64.

    Only the distance part is counted: spacing and bias terms do not change under relocation, and
    the size of A > 0 scales all gains alike. Raises ValueError for a group connected to itself.
    """
    wiring = population.architecture.wiring
    size = group.size
    table = population.flat.new_zeros(len(rows), size, size, dtype=torch.float64)
    for connection in (*wiring.into(group.name), *wiring.out_of(group.name)):
        if connection.source == connection.target:
            raise ValueError(f"group '{group.name}' is connected to itself: no linear cost table")
        magnitude = _folded_magnitude(population, connection, rows)
        if reduce == "mean":
            shape = population.architecture.shapes[connection.parameter]
            magnitude = magnitude / torch.Size(shape).numel()
        distance = population.distances(connection)[rows].to(torch.float64)
        if connection.target == group.name:
            table += magnitude @ distance.mT
        else:
            table += magnitude.mT @ distance
    return table


def strength(
    population: Population, group: Group, rows: Int[Tensor, " member"]
) -> Float[Tensor, "member size"]:
    """Sum of |incoming| and |outgoing| weights of each neuron."""
    wiring = population.architecture.wiring
    total = population.flat.new_zeros(len(rows), group.size)
    for connection in wiring.into(group.name):
        total = total + _folded_magnitude(population, connection, rows).sum(2).to(total.dtype)
    for connection in wiring.out_of(group.name):
        total = total + _folded_magnitude(population, connection, rows).sum(1).to(total.dtype)
    return total


def greedy_order(
    table: Float[Tensor, "member size size"],
    strength: Float[Tensor, "member size"],
    top_k: Sequence[int],
) -> Int[Tensor, "member size"]:
    """Which neuron comes to stand at each position after the greedy pass; `table` is used up.

    The order of trials is fixed at the start, by position: a neuron that was swapped away is not
    followed (the published semantics).
    """
    members, size, _ = table.shape
    every = torch.arange(members, device=table.device)
    order = torch.arange(size, device=table.device).repeat(members, 1)
    tried = strength.argsort(dim=1, descending=True, stable=True)
    limits = torch.tensor([min(k, size) for k in top_k], device=table.device)
    for trial in range(min(max(top_k), size)):
        here = tried[:, trial]
        diagonal = table.diagonal(dim1=1, dim2=2)
        row = table[every, here]
        gain = row + table[every, :, here] - diagonal - diagonal[every, here].unsqueeze(1)
        best, there = gain.min(dim=1)
        there = torch.where((best < 0.0) & (trial < limits), there, here)
        _swap_rows(table, every, here, there)
        _swap_rows(order, every, here, there)
    return order


def permute(
    population: Population,
    group: Group,
    rows: Int[Tensor, " member"],
    order: Int[Tensor, "member size"],
    *,
    table: Float[Tensor, "members width"],
    kinds: Sequence[str] = ("weight", "bias", "embedding"),
) -> None:
    """Puts at position k of the group what stood at order[:, k], in a table laid out like `flat`.

    Incoming rows, outgoing columns and attachments of the given kinds travel.
    """
    views = population.views(table)
    for name, axis, folds, kind in _axes(population, group):
        if kind in kinds:
            index = _fold_index(order, folds, group.size)
            views[name][rows] = _take(views[name][rows], axis, index)


def _relabel(population: Population, group: Group, rows: Tensor, order: Tensor) -> None:
    identity = torch.arange(group.size, device=order.device).repeat(population.size, 1)
    identity[rows] = order
    population.relabel(group.name, identity)


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


def _take(values: Tensor, axis: int, index: Tensor) -> Tensor:
    shape = [1] * values.dim()
    shape[0], shape[axis] = index.shape
    return values.gather(axis, index.view(shape).expand_as(values))


def _folded_magnitude(population: Population, connection: Connection, rows: Tensor) -> Tensor:
    """|weights| of a connection, folds added up: [members, target, source], float64."""
    weight = population.parameters[connection.parameter][rows].abs().to(torch.float64)
    members = weight.shape[0]
    folds = (connection.target_folds, connection.source_folds)
    size = (weight.shape[1] // folds[0], weight.shape[2] // folds[1])
    return weight.view(members, folds[0], size[0], folds[1], size[1]).sum(dim=(1, 3))


def _swap_rows(table: Tensor, every: Tensor, here: Tensor, there: Tensor) -> None:
    kept = table[every, here].clone()
    table[every, here] = table[every, there]
    table[every, there] = kept
