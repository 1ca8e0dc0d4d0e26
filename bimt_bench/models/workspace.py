"""Buffers that a perceptron's gradient keeps between steps, and views of its parameters.

Made once for the members that are worked through together, so that a step allocates nothing and
spends no time on taking views.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from bimt_bench.models.mlp import EmbeddingMlp, Mlp
from bimt_bench.models.population import ALIGNMENT, Population
from bimt_bench.models.products import Products


class Workspace:
    """What one gradient of the T members `rows` on a batch of B samples needs.

    Layers count from 0. `weights[l]` [T, out, in], `biases[l]` [T, out, 1]; gradients the same,
    biases [T, out]. `sums[l]` [T, out, B] is what enters layer l's neurons (the last: outputs),
    `active[l]` what they send on, `deltas[l]` the loss gradient with respect to `sums[l]`,
    `backs[l]` that with respect to `active[l]`. Samples lie as rows where tokens were gathered.
    Spaces of as many members share their buffers.
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
        self.rows, self.members, self.samples = rows, rows.stop - rows.start, samples
        self.products = products
        self._flat = population.flat
        alike = (space for space in shared if space.members == self.members)
        self._buffers: dict[tuple[str, tuple[int, ...]], Tensor] = next(
            (space._buffers for space in alike), {}
        )
        self._tokens = isinstance(architecture, EmbeddingMlp)
        depth = architecture.depth
        mine = {name: value[rows] for name, value in population.parameters.items()}
        gradients = {k: v[: self.members] for k, v in population.views(table).items()}
        self.weights = [mine[f"layers.{layer}.weight"] for layer in range(depth)]
        self.biases = [mine[f"layers.{layer}.bias"].unsqueeze(2) for layer in range(depth)]
        self.weight_gradients = [gradients[f"layers.{layer}.weight"] for layer in range(depth)]
        self.bias_gradients = [gradients[f"layers.{layer}.bias"] for layer in range(depth)]
        self.weight_entries = [weight[0].numel() for weight in self.weights]
        if self._tokens:
            self.embedding = mine["embedding.weight"]
            self.embedding_gradient = gradients["embedding.weight"]
        self._lay_out([weight.shape[1] for weight in self.weights])

    def samples_are_rows(self, layer: int) -> bool:
        """Whether samples lie as rows below a layer: they do where tokens were gathered."""
        return layer == 1 and self._tokens

    def buffer(self, name: str, shape: Iterable[int]) -> Tensor:
        """A contiguous buffer [T, *shape], zero at first."""
        key = (name, tuple(shape))
        if key not in self._buffers:
            self._buffers[key] = self._flat.new_zeros((self.members, *key[1]))
        return self._buffers[key]

    def apart(self, name: str, shape: Iterable[int]) -> Tensor:
        """A buffer [T, *shape] whose members are set apart and aligned."""
        wanted = torch.Size(shape)
        width = -(-wanted.numel() // ALIGNMENT) * ALIGNMENT
        return self.buffer(name, (width,))[:, : wanted.numel()].view(self.members, *wanted)

    def like(self, name: str, value: Tensor) -> Tensor:
        """A buffer of a value's shape, members set apart."""
        return self.apart(name, value.shape[1:])

    def contiguous_like(self, name: str, value: Tensor) -> Tensor:
        """A buffer of a value's shape, contiguous."""
        return self.buffer(name, value.shape[1:])

    def _lay_out(self, sizes: list[int]) -> None:
        """Makes the tables of the layers, `sizes` [out] each."""
        last, samples = len(sizes) - 1, self.samples
        self.sums: list[Tensor] = []
        self.active: list[Tensor] = []
        self.deltas: list[Tensor] = []
        self.backs: list[Tensor] = []
        for layer, size in enumerate(sizes[:last]):
            if self.samples_are_rows(layer + 1):
                # the row after the last sample's stays zero: that of pairs which a batch has not
                self.padded_rows = self.apart(f"d{layer}.{samples}", (samples + 1, size))
                self.sums.append(self.buffer(f"z{layer}", (samples, size)).mT)
                self.active.append(self.apart(f"a{layer}", (samples, size)).mT)
                self.deltas.append(self.padded_rows[:, :-1].mT)
                self.backs.append(self.buffer(f"back{layer}", (samples, size)))
            else:
                self.sums.append(self.buffer(f"z{layer}", (size, samples)))
                self.active.append(self.apart(f"a{layer}", (size, samples)))
                self.deltas.append(self.apart(f"d{layer}", (size, samples)))
                self.backs.append(self.buffer(f"back{layer}", (size, samples)))
        self.sums.append(self.buffer("outputs", (sizes[last], samples)))
        self.output_delta = self.apart("d_out", (sizes[last], samples))
