"""What a perceptron's gradient does between its matrix products, in loops compiled for the CPU."""

import numpy as np
import torch
from torch import Tensor

from bimt_bench.engine import kernels
from bimt_bench.engine.differentiation import Objective
from bimt_bench.engine.perceptron.between import differentiate, in_order, places_of
from bimt_bench.engine.perceptron.shared import (
    Apart,
    SharedProduct,
    SharedShape,
    Together,
    one_does_for_all,
)
from bimt_bench.engine.perceptron.workspace import Workspace, whole_lines
from bimt_bench.network import ColumnBatch, Mlp, TokenBatch, all_columns

# of a loss, the loop that has its slope, and how that finds an output's place
_SLOPES = {
    "difference": (kernels.mse_gradient, "labels"),
    "softmax": (kernels.cross_entropy_gradient, "positions"),
}
_KINDS = {"silu": kernels.SILU, "relu": kernels.RELU, "tanh": kernels.TANH}


class CompiledBetween:
    """The loops of `kernels` over a workspace's buffers, seen as numpy arrays of rows.

    Biases are added where sums are read next. Where an activation was taken, `sums` hold its
    slopes from then on.
    """

    def __init__(self, space: Workspace, *, loss: Objective) -> None:
        population = space.population
        assert isinstance(population.architecture, Mlp)
        self.space = space
        self._loss, self._slope = loss, loss.slope
        self._kind = _KINDS[population.architecture.activation]
        self._weight = population.offsets["layers.0.weight"][0]
        self._bias = [population.offsets[f"layers.{i}.bias"][0] for i in range(space.depth)]
        self._neurons = [weight.shape[1] for weight in space.weights]
        self._theta, self._gradient = space.flat.numpy(), space.table.numpy()
        self._sums = [_rows(table) for table in space.sums]
        self._active = [_rows(table) for table in space.active]
        self._deltas = [_rows(table) for table in space.deltas]
        self._backs = [_rows(table) for table in space.backs]
        _, targets, features = space.weights[0].shape
        self._used = space.buffer("w_used", (whole_lines(features * targets, space.flat.dtype),))
        self._products: dict[int, SharedProduct] = {}
        self._used_memory = self._used.view(-1).numpy()
        outputs = self._neurons[-1]
        self._order = np.tile(np.arange(outputs), (space.members, 1))
        scale = 2.0 / outputs if self._slope == "difference" else 1.0
        self._share = self._theta.dtype.type(scale / space.samples)

    def enter(self, batch: object) -> None:
        """sums[0] of columns; of blank features nothing is multiplied."""
        space = self.space
        if not isinstance(batch, ColumnBatch) or "input" in space.moving:
            self.affine(0, space.weights[0], self._columns(batch))
            return
        shared = self._shared(batch)
        kernels.take_rows(
            self._theta,
            self._weight,
            self._neurons[0],
            batch.used.numpy(),
            self._used_memory,
            *shared.weights.stride()[:2],
        )
        shared.ascend(batch.values, out=space.sums[0])

    def affine(self, layer: int, weight: Tensor, below: Tensor) -> None:
        """sums[layer] = weight @ below."""
        self.space.products.times(weight, below, out=self.space.sums[layer])

    def embed(self, batch: TokenBatch) -> None:
        """active[0] of tokens."""
        space = self.space
        of_token = self._of_token(batch)
        parts = space.weights[0].chunk(len(of_token), dim=2)
        for found, part in zip(self._views(of_token), parts, strict=True):
            space.products.times(space.embedding, part.mT, out=found)
        kernels.activate_tokens(
            self._kind,
            of_token.numpy(),
            self._theta,
            self._bias[0],
            self._neurons[0],
            batch.tokens.numpy(),
            self._sums[0],
            self._active[0],
        )

    def activate(self, layer: int) -> None:
        """active[layer] from sums[layer]."""
        kernels.activate(
            self._kind,
            self._sums[layer],
            self._theta,
            self._bias[layer],
            self._neurons[layer],
            self._active[layer],
        )

    def scale(self, layer: int, factor: Tensor) -> None:
        """active[layer], and the slopes in sums[layer], times a factor."""
        active, slopes = self.space.active[layer], self.space.sums[layer]
        if slopes.is_contiguous() and factor.is_contiguous() and factor.dtype == slopes.dtype:
            rows = factor.view(len(factor), -1).numpy()
            kernels.scale_rows(rows, self._active[layer], self._sums[layer])
        else:  # samples lie as rows
            active.mul_(factor)
            slopes.mul_(factor)

    def loss(self, targets: Tensor) -> None:
        """The last of the deltas, and the last bias's gradient."""
        if self._slope is None:
            differentiate(self, self._loss, targets)
            return
        gradient, kind = _SLOPES[self._slope]
        places = places_of(self.space, kind, "output")
        gradient(
            self._sums[-1],
            self._theta,
            self._bias[-1],
            targets.contiguous().numpy(),
            self._order if places is None else places.numpy(),
            self._share,
            self._deltas[-1],
            self._gradient,
        )

    def outputs(self) -> Tensor:
        """Outputs [T, outputs, B] in the task's order."""
        places = places_of(self.space, "positions", "output")
        return in_order(self.space.sums[-1] + self.space.biases[-1], places)

    def descend(self, layer: int) -> None:
        """deltas[layer] from backs[layer], and the bias's gradient."""
        kernels.descend(
            self._backs[layer],
            self._sums[layer],
            self._deltas[layer],
            self._gradient,
            self._bias[layer],
            self._neurons[layer],
        )

    def descend_tokens(self, batch: TokenBatch) -> list[Tensor]:
        """What deltas[0] would be, summed over the samples of each token, [T, V, n] a fold."""
        of_token = self._of_token(batch)
        kernels.descend_tokens(
            self._backs[0],
            self._sums[0],
            batch.tokens.numpy(),
            of_token.numpy(),
            self._gradient,
            self._bias[0],
            self._neurons[0],
        )
        return self._views(of_token)

    def input_gradient(self, batch: object) -> None:
        """The first weight's gradient, from deltas[0]."""
        space = self.space
        if not isinstance(batch, ColumnBatch) or "input" in space.moving:
            columns = self._columns(batch).mT
            space.products.times(space.deltas[0], columns, out=space.weight_gradients[0])
            return
        shared = self._shared(batch)
        shared.descend(batch.values, space.deltas[0])
        kernels.put_rows(
            self._used_memory,
            *shared.weights.stride()[:2],
            batch.used.numpy(),
            self._gradient,
            self._weight,
            *space.weights[0].shape[1:],
        )

    def _columns(self, batch: object) -> Tensor:
        """Columns [T, features, B] of all features, at the members' positions."""
        space, labels = self.space, places_of(self.space, "labels", "input")
        columns = all_columns(batch)
        if labels is None:
            return columns.expand(space.members, -1, -1)
        columns = columns.contiguous()
        found = space.aligned("columns", columns.shape)
        kernels.order_rows(columns.numpy(), labels.numpy(), _rows(found))
        return found

    def _shared(self, batch: ColumnBatch) -> SharedProduct:
        """The product with a batch's used columns."""
        count = len(batch.used)
        if count not in self._products:
            self._products[count] = self._product_of(count)
        return self._products[count]

    def _product_of(self, count: int) -> SharedProduct:
        space, neurons = self.space, self._neurons[0]
        shape = SharedShape(
            space.members,
            neurons,
            count,
            space.samples,
            space.flat.dtype,
            torch.get_num_threads(),
            space.products,
        )
        if not one_does_for_all(shape):
            return Apart(shape, self._used)
        scratch = space.buffer("side_by_side", (neurons * space.samples,))
        return Together(shape, self._used, scratch)

    def _of_token(self, batch: TokenBatch) -> Tensor:
        """A buffer [folds, T, width] for V rows of n neurons, members aligned."""
        space = self.space
        width = whole_lines(space.embedding.shape[1] * self._neurons[0], space.flat.dtype)
        folds = batch.tokens.shape[1]
        return space.buffer("of_token", (folds * width,)).view(folds, space.members, width)

    def _views(self, of_token: Tensor) -> list[Tensor]:
        """The parts [T, V, n] of such a buffer."""
        vocabulary, neurons = self.space.embedding.shape[1], self._neurons[0]
        parts = of_token[:, :, : vocabulary * neurons].unbind(0)
        return [part.unflatten(1, (vocabulary, neurons)) for part in parts]


def _rows(table: Tensor) -> np.ndarray:
    """A table's memory as one row a member, with what lies between members."""
    members, width = table.shape[0], table.stride(0)
    return torch.as_strided(table, (members, width), (width, 1)).numpy()
