"""Buffers that a perceptron's gradient keeps between steps, and views of its parameters.

Made once for the members that are worked through together, so that a step allocates nothing and
spends no time on taking views.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from bimt_bench.engine.perceptron.products import Products
from bimt_bench.engine.population import Population
from bimt_bench.network import EmbeddingMlp, Mlp

_CACHE_LINE = 64  # bytes


def whole_lines(entries: int, dtype: torch.dtype) -> int:
    """So many entries that the next ones begin at a cache line."""
    line = _CACHE_LINE // dtype.itemsize
    return -(-entries // line) * line


class Workspace:
    """What one gradient of the T members `rows` on a batch of B samples needs.

    Layers count from 0. `weights[l]` [T, out, in], `biases[l]` [T, out, 1]; gradients the same,
    biases [T, out]. `sums[l]` [T, out, B] is what enters layer l's neurons (the last: outputs),
    `active[l]` what they send on, `deltas[l]` the loss gradient with respect to `sums[l]`,
    `backs[l]` that with respect to `active[l]`. Below layer 1 samples lie as rows where tokens
    were gathered. `moving` names the groups whose neurons leave the task's order. Spaces of as
    many members share their buffers.
    """

    def __init__(
        self,
        population: Population,
        table: Tensor,
        rows: slice,
        samples: int,
        *,
        products: Products,
        shared: Iterable["Workspace"] = (),
    ) -> None:
        architecture = population.architecture
        assert isinstance(architecture, Mlp)
        self.population, self.products = population, products
        self.rows, self.members, self.samples = rows, rows.stop - rows.start, samples
        self.flat, self.table = population.flat[rows], table[: self.members]
        alike = (space for space in shared if space.members == self.members)
        self._buffers: dict[tuple[str, tuple[int, ...]], Tensor] = next(
            (space._buffers for space in alike), {}
        )
        groups = architecture.wiring.groups
        self.moving = frozenset(g.name for g in groups if g.movable and g.relabelled)
        self.depth, self.tokens = architecture.depth, isinstance(architecture, EmbeddingMlp)
        mine = {name: value[rows] for name, value in population.parameters.items()}
        gradients = {k: v[: self.members] for k, v in population.views(table).items()}
        layers = range(self.depth)
        self.weights = [mine[f"layers.{layer}.weight"] for layer in layers]
        self.biases = [mine[f"layers.{layer}.bias"].unsqueeze(2) for layer in layers]
        self.weight_gradients = [gradients[f"layers.{layer}.weight"] for layer in layers]
        self.bias_gradients = [gradients[f"layers.{layer}.bias"] for layer in layers]
        if self.tokens:
            self.embedding = mine["embedding.weight"]
            self.embedding_gradient = gradients["embedding.weight"]
        self._lay_out([weight.shape[1] for weight in self.weights])

    def buffer(self, name: str, shape: Iterable[int]) -> Tensor:
        """A contiguous buffer [T, *shape], zero at first."""
        key = (name, tuple(shape))
        if key not in self._buffers:
            self._buffers[key] = self.flat.new_zeros((self.members, *key[1]))
        return self._buffers[key]

    def aligned(self, name: str, shape: Iterable[int]) -> Tensor:
        """A buffer [T, *shape] whose members begin at multiples of a cache line.

        Matrix kernels may depend on how an operand is aligned, and a member's numbers must not
        depend on where it stands in its pack.
        """
        wanted = torch.Size(shape)
        width = whole_lines(wanted.numel(), self.flat.dtype)
        return self.buffer(name, (width,))[:, : wanted.numel()].view(self.members, *wanted)

    def _lay_out(self, sizes: list[int]) -> None:
        """Makes the tables of the layers, `sizes` [out] each."""
        last = len(sizes) - 1
        self.sums: list[Tensor] = []
        self.active: list[Tensor] = []
        self.deltas: list[Tensor] = []
        self.backs: list[Tensor] = []
        for layer, size in enumerate(sizes[:last]):
            as_rows = self.tokens and layer == 0
            shape = (self.samples, size) if as_rows else (size, self.samples)
            made = (
                self.buffer(f"z{layer}", shape),
                self.aligned(f"a{layer}", shape),
                self.aligned(f"d{layer}", shape),
                self.buffer(f"back{layer}", shape),
            )
            kept = (self.sums, self.active, self.deltas, self.backs)
            for tables, table in zip(kept, made, strict=True):
                tables.append(table.mT if as_rows else table)
        self.sums.append(self.buffer("outputs", (sizes[last], self.samples)))
        self.deltas.append(self.aligned("d_out", (sizes[last], self.samples)))
