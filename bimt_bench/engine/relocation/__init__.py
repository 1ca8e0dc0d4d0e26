"""Relocation: neurons swap places within their group to shorten wires; the function stays.

With its neighbours fixed, neuron j of a group would cost C[j, p] at position p, a table made of
two batched products. `greedy` takes swaps from it as published; `assignment` solves it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.engine.relocation.assignment import assignment
from bimt_bench.engine.relocation.greedy import greedy
from bimt_bench.engine.relocation.permutation import PARTS, permute, relabel
from bimt_bench.engine.relocation.wires import Wires

__all__ = ["permute", "relabel", "relocate"]

OnOrder = Callable[[str, Tensor, Tensor], None]

# Bounds the float64 tables of a relocation to some 64 MiB, however large the pack.
_WEIGHTS_AT_ONCE = 2**23


def relocate(
    population: Population,
    *,
    top_k: Sequence[int],
    reduce: str,
    members: Sequence[int] | None = None,
    method: str = "greedy",
    moments: Sequence[Tensor] = (),
    carry_moments: bool = False,
    on_order: OnOrder | None = None,
) -> None:
    """Relocates all movable groups of some members (default: all), in place.

    method 'greedy', as published: input to output, the `top_k` positions of each group with the
    largest sums of |incoming| and |outgoing| weights are tried in that order against every
    position, and the swap that lowers the cost most is kept, if any does. 'assignment': each
    group in turn takes its best placement, to and fro until nothing improves. `top_k` has one
    entry for each of `members`; assignment has no use for it.

    `moments` are the optimizer's tables, laid out like `population.flat`. As published, they stay
    at their positions while the weights move (`carry_moments` takes them along); those of an
    embedding always travel, because the published code leaves the embedding in place and
    permutes what it is connected to. `on_order` is told of each group which neuron now stands at
    each position of which members, to take other tables along. Raises ValueError for another
    method.
    """
    if method not in ("greedy", "assignment"):
        raise ValueError(f"method must be 'greedy' or 'assignment', but is '{method}'")
    chosen = list(range(population.size) if members is None else members)
    at_once = max(1, _WEIGHTS_AT_ONCE // population.flat.shape[1])
    for begin in range(0, len(chosen), at_once):
        some = slice(begin, begin + at_once)
        rows = torch.tensor(chosen[some], device=population.flat.device)
        wires = Wires(population, rows, reduce=reduce)
        if method == "greedy":
            greedy(wires, top_k[some])
        else:
            assignment(wires)
        _carry_out(population, wires, rows, moments=moments, carry_moments=carry_moments)
        if on_order is not None:
            for group in wires.groups:
                on_order(group.name, rows, wires.orders[group.name])


def _carry_out(
    population: Population,
    wires: Wires,
    rows: Tensor,
    *,
    moments: Sequence[Tensor],
    carry_moments: bool,
) -> None:
    """Moves parameters, labels and moments of the members `rows` as `wires.orders` says."""
    carried = PARTS if carry_moments else ("embedding",)
    for group in wires.groups:
        order = wires.orders[group.name]
        permute(population, group, rows, order, table=population.flat)
        for table in moments:
            permute(population, group, rows, order, table=table, parts=carried)
        if group.relabelled:
            relabel(population, group, rows, order)
