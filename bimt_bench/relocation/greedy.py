"""Greedy relocation: the published order of trial swaps, read from the cost table."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.relocation.table import CostTable, swap_rows
from bimt_bench.relocation.wires import Wires


def greedy(wires: Wires, top_k: Sequence[int]) -> dict[str, Tensor]:
    """Which neuron comes to stand at each position, group -> [m, size], groups input to output."""
    orders = {}
    for group in wires.groups:
        order = greedy_order(wires.table(group), wires.strength(group), top_k)
        wires.permute(group, order)
        orders[group.name] = order
    return orders


def greedy_order(
    table: CostTable, strength: Float[Tensor, "member size"], top_k: Sequence[int]
) -> Int[Tensor, "member size"]:
    """Which neuron comes to stand at each position after the greedy pass; `table` is used up.

    The order of trials is fixed at the start, by position: a neuron that was swapped away is not
    followed (the published semantics).
    """
    members, size = table.shape
    order = torch.arange(size, device=strength.device).repeat(members, 1)
    tried = strength.argsort(dim=1, descending=True, stable=True)
    limits = torch.tensor([min(k, size) for k in top_k], device=strength.device)
    for trial in range(min(max(top_k), size)):
        here = tried[:, trial]
        best, there = table.gains(here).min(dim=1)
        there = torch.where((best < 0.0) & (trial < limits), there, here)
        table.swap(here, there)
        swap_rows(order, here, there)
    return order
