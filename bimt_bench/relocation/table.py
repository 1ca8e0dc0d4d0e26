"""The cost table of one group: what each neuron would cost at each position, and what swaps do."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Square = Float[Tensor, "member size size"]


@dataclass(eq=False)
class CostTable:
    """cost[j, p], the cost of neuron j at position p while all others stay, float64.

    Swapping j and k changes the total by C[j,k] + C[k,j] - C[j,j] - C[k,k], and afterwards two
    rows trade places. In a group connected to itself, `within` [m, n, n] holds what j and i
    weigh upon each other (W + W', no diagonal: a loop on one neuron has no length) and `distance`
    [m, n, n] how far apart positions are. Its share of C is within @ distance; since both ends of
    the wire between j and k move at once, a swap costs 2 within[j,k] distance[j,k] more than
    the four entries say.
    """

    cost: Square
    within: Square | None = None
    distance: Square | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Members and neurons."""
        return self.cost.shape[0], self.cost.shape[1]

    @property
    def is_linear(self) -> bool:
        """Whether the cost of a placement is the sum of its entries: no wires within the group."""
        return self.within is None

    def gains(self, here: Int[Tensor, " member"]) -> Float[Tensor, "member size"]:
        """What swapping position `here` with each position adds to the cost; negative is better."""
        every = torch.arange(len(here), device=here.device)
        row = self.cost[every, here]
        diagonal = self.cost.diagonal(dim1=1, dim2=2)
        gain = row + self.cost[every, :, here] - diagonal - diagonal[every, here].unsqueeze(1)
        if self.within is not None and self.distance is not None:
            gain += 2.0 * self.within[every, here] * self.distance[every, here]
        return gain

    def all_gains(self) -> Square:
        """What swapping each two positions adds to the cost."""
        diagonal = self.cost.diagonal(dim1=1, dim2=2)
        gain = self.cost + self.cost.mT - diagonal.unsqueeze(1) - diagonal.unsqueeze(2)
        if self.within is not None and self.distance is not None:
            gain += 2.0 * self.within * self.distance
        return gain

    def swap(self, here: Int[Tensor, " member"], there: Int[Tensor, " member"]) -> None:
        """The neurons at `here` and `there` trade places; nothing happens where they are one."""
        swap_rows(self.cost, here, there)
        if self.within is None or self.distance is None:
            return
        every = torch.arange(len(here), device=here.device)
        swap_rows(self.within, here, there)
        weights = self.within[every, :, there] - self.within[every, :, here]
        lengths = self.distance[every, here] - self.distance[every, there]
        self.cost += weights.unsqueeze(2) * lengths.unsqueeze(1)
        swap_rows(self.within.mT, here, there)


def swap_rows(values: Tensor, here: Int[Tensor, " member"], there: Int[Tensor, " member"]) -> None:
    """Exchanges rows (entries of axis 1) of a table [member, ...], in place."""
    every = torch.arange(len(here), device=here.device)
    kept = values[every, here]
    values[every, here] = values[every, there]
    values[every, there] = kept
