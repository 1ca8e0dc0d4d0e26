"""The population multilayer perceptron, with real-valued inputs or with embedded tokens."""

from collections.abc import Mapping, MutableMapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bimt_bench.ground import torch_generator
from bimt_bench.network.architecture import (
    ACTIVATIONS,
    MODULES,
    Architecture,
    Parameters,
    Scale,
    affine,
    place_columns,
    place_rows,
)
from bimt_bench.network.columns import WIDE, ColumnBatch, all_columns, columns_of
from bimt_bench.network.lines import LINE
from bimt_bench.network.tokens import TokenBatch, sum_of_tokens
from bimt_bench.network.wiring import Wiring


class Mlp(Architecture):
    """Layers of affine maps with an activation between; activations are [P, neurons, B].

    Activations keep the batch as the last axis, so that every product is weight @ activation,
    without a transposed copy.
    """

    def __init__(
        self, sizes: tuple[int, ...], *, activation: str = "silu", pinned: tuple[str, ...] = ()
    ) -> None:
        self.wiring = Wiring.layered(sizes, pinned=pinned)
        self.shapes = _layer_shapes(sizes)
        self.transposed = frozenset({"layers.0.weight"} if sizes[0] >= WIDE else ())
        self.depth = len(sizes) - 1
        self.activation = activation
        self._input_moves = self.wiring.group("input").movable
        self._output_moves = self.wiring.group("output").movable

    def initial(self, task: str, seed: int) -> dict[str, Tensor]:
        """torch's default start of Linear: uniform within 1 / sqrt(inputs)."""
        return _linear_start(self.shapes, task, seed)

    def prepare(self, inputs: Tensor) -> Tensor | ColumnBatch | TokenBatch:
        """Inputs [B, features] as columns [features, B], those that are not blank apart."""
        return columns_of(inputs)

    def forward(
        self,
        parameters: Parameters,
        batch: Any,
        positions: Parameters,
        *,
        seen: MutableMapping[str, Tensor] | None = None,
        scale: Scale | None = None,
    ) -> Tensor:
        """Outputs [P, outputs, B] of a batch of columns [features, B]."""
        weight = parameters["layers.0.weight"]
        if self._input_moves:
            weight, columns = place_columns(weight, positions["input"]), all_columns(batch)
        elif isinstance(batch, ColumnBatch):
            # blank features add nothing; rows of the transposed weights lie end to end
            weight, columns = weight.mT.index_select(1, batch.used).mT, batch.values
        else:
            columns = batch
        # end to end: of columns that lie otherwise a product rounds by where its weights begin
        columns = columns.contiguous().expand(weight.shape[0], *columns.shape)
        hidden = affine(weight, parameters["layers.0.bias"], columns)
        return self._above(hidden, parameters, positions, seen, scale)

    def network(self, parameters: Parameters, positions: Parameters) -> nn.Sequential:
        """Linear layers with activations between."""
        found: list[nn.Module] = []
        for layer in range(self.depth):
            weight = parameters[f"layers.{layer}.weight"]
            bias = parameters[f"layers.{layer}.bias"]
            if layer == 0 and "input" in positions:
                weight = weight[:, positions["input"]]
            if layer == self.depth - 1 and self._output_moves:
                weight, bias = weight[positions["output"]], bias[positions["output"]]
            found += [MODULES[self.activation]()] if layer else []
            found.append(_linear(weight, bias))
        return nn.Sequential(*found)

    def _above(
        self,
        hidden: Tensor,
        parameters: Parameters,
        positions: Parameters,
        seen: MutableMapping[str, Tensor] | None,
        scale: Scale | None,
    ) -> Tensor:
        for layer in range(1, self.depth):
            weight = parameters[f"layers.{layer}.weight"]
            bias = parameters[f"layers.{layer}.bias"]
            if layer == self.depth - 1 and self._output_moves:
                weight = place_rows(weight, positions["output"])
                bias = place_rows(bias, positions["output"])
            active = ACTIVATIONS[self.activation](hidden)
            factor = None if scale is None else scale(f"hidden{layer}", active.detach())
            active = active if factor is None else active * factor
            if seen is not None:
                seen[f"hidden{layer}"] = active
            hidden = affine(weight, bias, active)
        return hidden


class EmbeddingMlp(Mlp):
    """Tokens are embedded, concatenated fold by fold, and passed to the perceptron.

    The first layer is applied to each token of the vocabulary once; the folds of a sample are
    then gathered and added, which is the same function with a third of the products.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        *,
        tokens: int,
        folds: int,
        activation: str = "silu",
        pinned: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sizes, activation=activation)
        self.transposed = frozenset()
        width = sizes[0]
        self.wiring = Wiring.layered(sizes, pinned=pinned, input_folds=folds, embedding=True)
        self._output_moves = self.wiring.group("output").movable
        self.shapes = {
            "embedding.weight": (tokens, width),
            **_layer_shapes((width * folds, *sizes[1:])),
        }
        self._folds = folds

    def initial(self, task: str, seed: int) -> dict[str, Tensor]:
        """Embedding from the standard normal, layers as torch's Linear."""
        generator = torch_generator("init", task, "embedding.weight", seed)
        shape = self.shapes["embedding.weight"]
        embedding = torch.randn(shape, generator=generator, dtype=torch.float64)
        layers = {k: v for k, v in self.shapes.items() if k != "embedding.weight"}
        return {"embedding.weight": embedding, **_linear_start(layers, task, seed)}

    def prepare(self, inputs: Tensor) -> TokenBatch:
        """Tokens [B, folds]."""
        return TokenBatch(inputs)

    def forward(
        self,
        parameters: Parameters,
        batch: Any,
        positions: Parameters,
        *,
        seen: MutableMapping[str, Tensor] | None = None,
        scale: Scale | None = None,
    ) -> Tensor:
        """Outputs [P, outputs, B] of a batch of tokens."""
        # in whole lines: the next member's products begin as the first one's do
        missing = -parameters["embedding.weight"].shape[1] % LINE
        embedding = functional.pad(parameters["embedding.weight"], (0, 0, 0, missing))
        weights = parameters["layers.0.weight"].chunk(self._folds, dim=2)
        bias = parameters["layers.0.bias"].unsqueeze(1)
        of_token = [torch.baddbmm(bias, embedding, weights[0].mT)]
        of_token += [torch.bmm(embedding, weight.mT) for weight in weights[1:]]
        return self._above(sum_of_tokens(of_token, batch).mT, parameters, positions, seen, scale)

    def network(self, parameters: Parameters, positions: Parameters) -> nn.Sequential:
        """An embedding, its folds joined end to end, then the perceptron."""
        embedding = nn.Embedding.from_pretrained(
            parameters["embedding.weight"].detach().clone(), freeze=False
        )
        return nn.Sequential(
            embedding, nn.Flatten(), *super().network(parameters, positions).children()
        )


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.bias = nn.Parameter(bias.detach().clone())
    return layer


def _layer_shapes(sizes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (source, target) in enumerate(pairwise(sizes)):
        shapes[f"layers.{layer}.weight"] = (target, source)
        shapes[f"layers.{layer}.bias"] = (target,)
    return shapes


def _linear_start(shapes: Mapping[str, tuple[int, ...]], task: str, seed: int) -> dict[str, Tensor]:
    start = {}
    for name, shape in shapes.items():
        bound = shapes[name.replace("bias", "weight")][1] ** -0.5
        generator = torch_generator("init", task, name, seed)
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        start[name] = bound * (2.0 * uniform - 1.0)
    return start
