"""Relocation by assignment: each group in turn takes its best placement, until none improves.

With its neighbours fixed, the cheapest placement of a group is a linear assignment problem over
its cost table (arXiv 2305.08746, section 2, states the cost; solved as in D. F. Crouse, IEEE
Transactions on Aerospace and Electronic Systems 52, 2016, by scipy). A group connected to itself
is a quadratic assignment, which has no such solution: it takes best swaps while they help.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from bimt_bench.engine.relocation.table import CostTable
from bimt_bench.engine.relocation.wires import Wires

# The cost falls with each move, so sweeps end by themselves; the bound is for the time they take.
MAX_SWEEPS = 100
# A gain below this share of the table's dearest entry is rounding: float32's, in which distances
# and weights are given, so that placements which are mirror images stay as they are.
_ROUNDING = 1e-7


def assignment(wires: Wires) -> None:
    """Permutes `wires` until no group has a better placement.

    Groups are visited from input to output and back, each only while a neighbour has moved since
    its last visit; members that have settled are not looked at again.
    """
    groups = wires.groups
    stale = {g.name: torch.ones(wires.members, dtype=torch.bool) for g in groups}
    for sweep in range(MAX_SWEEPS):
        for group in groups if sweep % 2 == 0 else reversed(groups):
            visited = stale[group.name].nonzero().squeeze(1)
            if not len(visited):
                continue
            stale[group.name][:] = False
            chosen = visited.to(wires.device)
            order = best_order(wires.table(group, chosen))
            moved = (order != torch.arange(group.size, device=wires.device)).any(dim=1)
            chosen, order = chosen[moved], order[moved]
            wires.permute(group, order, chosen)
            for name in wires.neighbours(group):
                stale[name][chosen.cpu()] = True
        if not any(members.any() for members in stale.values()):
            break


def best_order(table: CostTable) -> Int[Tensor, "member size"]:
    """Which neuron stands at each position of the cheapest placement; `table` is used up.

    The identity unless the gain exceeds rounding, and for members with numbers that are not
    finite. In a group connected to itself: a placement that no single swap improves.
    """
    margin = _ROUNDING * table.cost.abs().amax(dim=(1, 2))
    if not table.is_linear:
        return _by_swaps(table, margin)
    solved = [
        _solve(cost, bonus)
        for cost, bonus in zip(table.cost.cpu().numpy(), margin.tolist(), strict=True)
    ]
    return torch.from_numpy(np.stack(solved)).to(table.cost.device)


def _solve(cost: Float[np.ndarray, "size size"], margin: float) -> Int[np.ndarray, " size"]:
    """The best order of one member, with a bonus for each neuron that stays where it is."""
    identity = np.arange(len(cost))
    if not np.isfinite(cost).all():
        return identity
    favoured = cost - margin * np.eye(len(cost))
    neurons, places = linear_sum_assignment(favoured)
    if not favoured[neurons, places].sum() < favoured.trace() - margin:
        return identity
    return np.argsort(places)


def _by_swaps(table: CostTable, margin: Float[Tensor, " member"]) -> Int[Tensor, "member size"]:
    """The best of all swaps, time and again, until none gains more than the margin."""
    size = table.cost.shape[1]
    for _ in range(size * size):
        best, which = table.all_gains().flatten(1).min(dim=1)
        gains = best < -margin
        if not gains.any():
            break
        here = which // size
        table.swap(here, torch.where(gains, which % size, here))
    return table.order
