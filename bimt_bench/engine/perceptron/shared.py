"""The first layer's products with columns that all members share, on a CPU.

Members that see the same minibatch multiply the same columns: with their weights side by side one
large product does for all, and runs nearer to the machine's rate than a product a member.
"""

from dataclasses import dataclass
from functools import cache
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bimt_bench.engine.perceptron.products import Products
from bimt_bench.engine.perceptron.workspace import whole_lines


@dataclass(frozen=True)
class SharedShape:
    """T members with h neurons each, K columns of B samples, and how products are taken."""

    members: int
    neurons: int
    columns: int
    samples: int
    dtype: torch.dtype
    threads: int
    products: Products


@runtime_checkable
class SharedProduct(Protocol):
    """Products of T members' `weights` [T, K, h] with K columns that they share."""

    weights: Tensor

    def ascend(self, values: Tensor, *, out: Tensor) -> None:
        """out [T, h, B] = transposed weights @ values [K, B]."""
        ...

    def descend(self, values: Tensor, deltas: Tensor) -> None:
        """weights = values [K, B] @ transposed deltas [T, h, B]."""
        ...


class Apart:
    """A product a member, whose weights lie one below the other in a row of memory [T, width]."""

    def __init__(self, shape: SharedShape, memory: Tensor) -> None:
        used = memory[:, : shape.columns * shape.neurons]
        self._products = shape.products
        self.weights = used.view(-1, shape.columns, shape.neurons)

    def ascend(self, values: Tensor, *, out: Tensor) -> None:
        """out = transposed weights @ values."""
        self._products.times(self.weights.mT, values.expand(len(out), -1, -1), out=out)

    def descend(self, values: Tensor, deltas: Tensor) -> None:
        """weights = values @ transposed deltas."""
        self._products.times(values.expand(len(deltas), -1, -1), deltas.mT, out=self.weights)


class Together:
    """One product for all members, whose weights lie side by side: T h to each of K columns.

    `scratch` [T, h B] is written over.
    """

    def __init__(self, shape: SharedShape, memory: Tensor, scratch: Tensor) -> None:
        flat = memory.view(-1)[: shape.columns * shape.members * shape.neurons]
        self._products, self._samples = shape.products, shape.samples
        self._joined = flat.view(1, shape.columns, -1)
        self.weights = flat.view(shape.columns, shape.members, shape.neurons).transpose(0, 1)
        self._sums = scratch.view(1, shape.samples, -1)
        self._turned = self._sums[0].T

    def ascend(self, values: Tensor, *, out: Tensor) -> None:
        """out = transposed weights @ values."""
        # matrix kernels cut rows into blocks; of the longer ones fewer are not full
        self._products.times(values.T.unsqueeze(0), self._joined, out=self._sums)
        out.view(-1, self._samples).copy_(self._turned)

    def descend(self, values: Tensor, deltas: Tensor) -> None:
        """weights = values @ transposed deltas."""
        below = deltas.view(1, -1, self._samples).mT
        self._products.times(values.unsqueeze(0), below, out=self._joined)


@cache
def one_does_for_all(shape: SharedShape) -> bool:
    """Whether one product for all members gives each the very bits of a product of its own.

    Tried out with random numbers: in which order a product adds depends on shapes, not on values.
    Where it differs a member's numbers would depend on how many travel with it.
    """
    per_member = shape.neurons * shape.samples
    if shape.members == 1 or whole_lines(per_member, shape.dtype) != per_member:
        return False  # deltas do not lie end to end
    made = torch.Generator().manual_seed(0)

    def some(*size: int) -> Tensor:
        return torch.rand(size, generator=made, dtype=shape.dtype).sub_(0.5)

    values = some(shape.samples, shape.columns).T
    deltas = some(shape.members, shape.neurons, shape.samples)
    start = some(shape.members, shape.columns, shape.neurons)
    width = whole_lines(shape.columns * shape.neurons, shape.dtype)
    room, scratch = start.new_zeros(shape.members, width), torch.zeros_like(deltas)
    found = []
    for product in (Apart(shape, room), Together(shape, torch.zeros_like(room), scratch)):
        sums = torch.zeros_like(deltas)
        product.weights.copy_(start)
        product.ascend(values, out=sums)
        product.descend(values, deltas)
        found.append((sums, product.weights))
    return all(torch.equal(one, other) for one, other in zip(*found, strict=True))
