"""The cost table of one group: what each neuron would cost at each position, and what swaps do."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

Square = Float[Tensor, "member size size"]


class CostTable:
    """cost[j, p], the cost of the neuron at j if it stood at p while all others stay, float64.

    Swapping j and k changes the total by C[j,k] + C[k,j] - C[j,j] - C[k,k], and afterwards two
    rows trade places. In a group connected to itself, `within` [m, n, n] holds what j and i
    weigh upon each other (W + W', no diagonal: a loop on one neuron has no length) and `distance`
    [m, n, n] how far apart positions are. Its share of C is within @ distance; since both ends of
    the wire between j and k move at once, a swap costs 2 within[j,k] distance[j,k] more than
    the four entries say. `order` says which neuron stands at each position after the swaps.
    """

    def __init__(
        self, cost: Square, within: Square | None = None, distance: Square | None = None
    ) -> None:
        self.cost = cost
        self.within = within
        self.distance = distance
        members, size, _ = cost.shape
        self.order = torch.arange(size, device=cost.device).repeat(members, 1)
        self._first = torch.arange(members, device=cost.device) * size

    @property
    def is_linear(self) -> bool:
        """Whether the cost of a placement is the sum of its entries: no wires within the group."""
        return self.within is None

    def gains(self, here: Int[Tensor, " member"]) -> Float[Tensor, "member size"]:
        """What swapping position `here` with each position adds to the cost; negative is better."""
        row, column = self._row(self.cost, here), _column(self.cost, here)
        diagonal = self.cost.diagonal(dim1=1, dim2=2)
        gain = row + column - diagonal - diagonal.gather(1, here.unsqueeze(1))
        if self.within is not None and self.distance is not None:
            gain += 2.0 * _column(self.within, here) * _column(self.distance, here)
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
        ends = torch.cat([self._first + here, self._first + there])
        turned = torch.cat([self._first + there, self._first + here])
        _exchange(self.order, ends, turned)
        _exchange(self.cost, ends, turned)
        if self.within is None or self.distance is None:
            return
        _exchange(self.within, ends, turned)
        weights = _column(self.within, there) - _column(self.within, here)
        lengths = _column(self.distance, here) - _column(self.distance, there)
        self.cost += weights.unsqueeze(2) * lengths.unsqueeze(1)
        # symmetric before and after: its columns trade places when the rows of its transpose do
        self.within = self.within.mT.contiguous()
        _exchange(self.within, ends, turned)

    def _row(self, table: Square, here: Tensor) -> Float[Tensor, "member size"]:
        return table.flatten(0, 1).index_select(0, self._first + here)


def _column(table: Square, here: Tensor) -> Float[Tensor, "member size"]:
    return table.gather(2, here.view(-1, 1, 1).expand(-1, table.shape[1], 1)).squeeze(2)


def _exchange(values: Tensor, ends: Tensor, turned: Tensor) -> None:
    """Puts the entries `ends` of the first two axes, counted as one, where `turned` says."""
    flat = values.view(-1, *values.shape[2:])
    flat.index_copy_(0, turned, flat.index_select(0, ends))
