"""Greedy relocation: the published order of trial swaps, read from the cost table."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.engine.relocation.table import CostTable
from bimt_bench.engine.relocation.wires import Wires


def greedy(wires: Wires, top_k: Sequence[int]) -> None:
    """Permutes `wires`, groups input to output; `top_k` has an entry a member."""
    for group in wires.groups:
        wires.permute(group, greedy_order(wires.table(group), wires.strength(group), top_k))


def greedy_order(
    table: CostTable, strength: Float[Tensor, "member size"], top_k: Sequence[int]
) -> Int[Tensor, "member size"]:
    """Which neuron comes to stand at each position after the greedy pass; `table` is used up.

    The order of trials is fixed at the start, by position: a neuron that was swapped away is not
    followed (the published semantics).
    """
    size = strength.shape[1]
    trials = min(max(top_k), size)
    tried = strength.argsort(dim=1, descending=True, stable=True).T[:trials].contiguous()
    limits = torch.tensor(list(top_k), device=strength.device)
    allowed = torch.arange(trials, device=strength.device).unsqueeze(1) < limits
    for here, may in zip(tried, allowed, strict=True):
        best, there = table.gains(here).min(dim=1)
        table.swap(here, torch.where((best < 0.0) & may, there, here))
    return table.order
