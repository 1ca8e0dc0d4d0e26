"""The perceptrons' hand-written gradient: persistent buffers, batched products, no autograd.

Two rules keep a member's numbers the same, to the bit, whatever pack it travels in. Element-wise
kernels treat the last few elements of a tensor differently from the others, so every activation
is written into a buffer whose members are set apart, which makes the kernels run member by
member. Matrix kernels may depend on how an operand is aligned, so the members of every operand
begin at multiples of a cache line.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from bimt_bench.models.columns import ColumnBatch, all_columns
from bimt_bench.models.mlp import EmbeddingMlp, Mlp
from bimt_bench.models.population import Population
from bimt_bench.models.products import products_in
from bimt_bench.models.tokens import TokenBatch
from bimt_bench.models.workspace import Workspace
from bimt_bench.specs import Precision

aten = torch.ops.aten

# Entries of a table from which its members are worked on one by one where that spares a pass over
# it: a weight's gradient is then added up by the matrix product itself.
_LARGE = 1 << 14


@dataclass(frozen=True)
class _Activation:
    """`forward(z, out)`, and `backward(d_a, z, a, out)` = d_a * activation'(z)."""

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], object]


_silu = aten.silu.out
_silu_backward = aten.silu_backward.grad_input
_ACTIVATIONS = {
    "silu": _Activation(
        lambda z, out: _silu(z, out=out),
        lambda d, z, _, out: _silu_backward(d, z, grad_input=out),
    ),
    "relu": _Activation(
        lambda z, out: torch.clamp_min(z, 0.0, out=out),
        lambda d, z, _, out: aten.threshold_backward.grad_input(d, z, 0.0, grad_input=out),
    ),
    "tanh": _Activation(
        lambda z, out: torch.tanh(z, out=out),
        lambda d, _, a, out: aten.tanh_backward.grad_input(d, a, grad_input=out),
    ),
}


class PerceptronGradient:
    """Loss gradient of an `Mlp` or `EmbeddingMlp` population, added to a gradient table.

    The table's first row is that of the first member under way: it may be shorter than the
    population, and stays in a cache while a few members at a time are worked through.
    """

    def __init__(
        self,
        population: Population,
        gradient: Tensor,
        *,
        loss: str,
        precision: Precision = "float32",
    ) -> None:
        architecture = population.architecture
        if not isinstance(architecture, Mlp):
            raise TypeError(f"a perceptron's gradient does not fit {type(architecture).__name__}")
        self._population = population
        self._table = gradient
        self._loss = loss
        self._products = products_in(precision)
        self._activation = _ACTIVATIONS[architecture.activation]
        self._depth = architecture.depth
        groups = [g.name for g in architecture.wiring.groups if g.movable and g.relabelled]
        self._input_moves, self._output_moves = "input" in groups, "output" in groups
        self._spaces: dict[tuple[int, int, int], Workspace] = {}

    def gradient(
        self, batch: object, targets: Tensor, rows: slice
    ) -> Float[Tensor, "rows outputs batch"]:
        """Adds d loss / d theta to the gradient table; returns the outputs [rows, outputs, B]."""
        space = self._space(rows, targets.shape[-1])
        weights, biases = self._placed(space)
        self._first_layer(space, weights[0], biases[0], batch)
        for layer in range(1, self._depth):
            active = space.active[layer - 1]
            self._activation.forward(space.sums[layer - 1], active)
            self._products.affine(biases[layer], weights[layer], active, out=space.sums[layer])
        delta = self._loss_gradient(space, targets)
        for layer in range(self._depth - 1, 0, -1):
            below = space.active[layer - 1]
            self._add_layer(space, layer, delta, below.mT)
            back = _back(space, layer, weights[layer], delta)
            delta = space.deltas[layer - 1]
            self._activation.backward(back, space.sums[layer - 1], below, delta)
        self._first_gradient(space, weights[0], delta, batch)
        return space.sums[-1]

    def _space(self, rows: slice, samples: int) -> Workspace:
        key = (rows.start, rows.stop, samples)
        if key not in self._spaces:
            self._spaces[key] = Workspace(
                self._population,
                self._table,
                rows,
                samples,
                products=self._products,
                shared=self._spaces.values(),
            )
        return self._spaces[key]

    # ------------------------------------------------------------------ layers

    def _placed(self, space: Workspace) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and biases, inputs' columns and outputs' rows in the task's order."""
        weights, biases = list(space.weights), list(space.biases)
        if self._input_moves:
            index = self._positions("input", space).unsqueeze(1).expand_as(weights[0])
            weights[0] = torch.gather(weights[0], 2, index, out=space.like("w_in", weights[0]))
        if self._output_moves:
            places = self._positions("output", space).unsqueeze(2)
            index = places.expand_as(weights[-1])
            weights[-1] = torch.gather(weights[-1], 1, index, out=space.like("w_out", weights[-1]))
            biases[-1] = biases[-1].gather(1, places)
        return weights, biases

    def _first_layer(self, space: Workspace, weight: Tensor, bias: Tensor, batch: object) -> None:
        """Sums of the first layer, into the workspace."""
        if isinstance(batch, TokenBatch):
            _sum_of_tokens(space, weight, bias, batch)
            return
        if isinstance(batch, ColumnBatch) and not self._input_moves:
            weight, columns = _used_columns(space, weight, batch.used), batch.values
        else:
            columns = all_columns(batch)
        columns = columns.expand(space.members, -1, -1)
        self._products.affine(bias, weight, columns, out=space.sums[0])

    # ------------------------------------------------------------------ gradients

    def _loss_gradient(self, space: Workspace, targets: Tensor) -> Tensor:
        """The gradient with respect to the outputs, short of `_share`."""
        outputs, delta = space.sums[-1], space.output_delta
        if self._loss == "mse":
            return torch.sub(outputs, targets, out=delta)
        _softmax(outputs, space.contiguous_like("p", outputs), out=delta)
        one = delta.new_full((1, 1, 1), -1.0)
        index = targets.expand(space.members, 1, -1)
        return delta.scatter_add_(1, index, one.expand_as(index))

    def _share(self, space: Workspace) -> float:
        """What a mean loss multiplies every gradient with; it is applied where they are added."""
        samples = space.samples
        return 2.0 / (space.sums[-1].shape[1] * samples) if self._loss == "mse" else 1.0 / samples

    def _add_layer(self, space: Workspace, layer: int, delta: Tensor, below: Tensor) -> None:
        """Adds the gradient of a layer's weight and bias, put back into positions."""
        weight, bias = space.weight_gradients[layer], space.bias_gradients[layer]
        total, share = delta.sum(dim=2), self._share(space)
        from_input = layer == 0 and self._input_moves
        to_output = layer == self._depth - 1 and self._output_moves
        if space.weight_entries[layer] >= _LARGE and not from_input and not to_output:
            self._products.add(weight, delta, below, share=share)
        else:
            found = space.contiguous_like(f"dw{layer}", weight)
            product = self._products.times(delta, below, out=found)
            if from_input:
                labels = self._labels("input", space).unsqueeze(1)
                product = product.gather(2, labels.expand_as(product))
            if to_output:
                labels = self._labels("output", space)
                product = product.gather(1, labels.unsqueeze(2).expand_as(product))
                total = total.gather(1, labels)
            weight.add_(product, alpha=share)
        bias.add_(total, alpha=share)

    def _first_gradient(
        self, space: Workspace, weight: Tensor, delta: Tensor, batch: object
    ) -> None:
        if isinstance(batch, TokenBatch):
            _add_tokens(space, weight, delta, batch, self._share(space))
        elif isinstance(batch, ColumnBatch) and not self._input_moves:
            _add_used_columns(space, delta, batch, self._share(space))
        else:
            below = all_columns(batch).T
            self._add_layer(space, 0, delta, below.expand(space.members, -1, -1))

    # ------------------------------------------------------------------ places

    def _positions(self, group: str, space: Workspace) -> Tensor:
        return self._population.positions[group][space.rows]

    def _labels(self, group: str, space: Workspace) -> Tensor:
        return self._population.labels[group][space.rows]


def _softmax(outputs: Tensor, kept: Tensor, *, out: Tensor) -> None:
    """Softmax over the outputs [T, outputs, B] into `out`, whose members are set apart.

    torch's kernel writes contiguous tensors only: a member of `out` is one, all of it is not.
    """
    if outputs.device.type == "cpu" and outputs[0].numel() >= _LARGE:
        for member in range(len(outputs)):
            aten._softmax.out(outputs[member], 0, False, out=out[member])
    else:
        out.copy_(aten._softmax.out(outputs, 1, False, out=kept))


def _back(space: Workspace, layer: int, weight: Tensor, delta: Tensor) -> Tensor:
    """The gradient with respect to the activations below a layer, [T, n, B]."""
    if space.samples_are_rows(layer):
        return space.products.times(delta.mT, weight, out=space.backs[layer - 1]).mT
    return space.products.times(weight.mT, delta, out=space.backs[layer - 1])


def _used_columns(space: Workspace, weight: Tensor, used: Tensor) -> Tensor:
    """The columns of a weight [T, out, features] that a batch uses, [T, out, K]."""
    _, targets, features = weight.shape
    found = space.apart("w_used", (features, targets))[:, : len(used)]
    for member in range(space.members):  # of all at once, torch would first make a copy
        torch.index_select(weight[member].T, 0, used, out=found[member])
    return found.mT


def _add_used_columns(space: Workspace, delta: Tensor, batch: ColumnBatch, share: float) -> None:
    """Adds the gradient of a first layer whose blank features have none."""
    weight, count = space.weight_gradients[0].mT, len(batch.used)
    _, features, targets = weight.shape
    found = space.apart("dw_used", (features + 1, targets))
    spread = space.apart("dw_spread", (features, targets))
    values = batch.values.expand(space.members, -1, -1)
    space.products.times(values, delta.mT, out=found[:, :count])
    found[:, count].zero_()
    for member in range(space.members):
        torch.index_select(found[member], 0, batch.place, out=spread[member])
    weight.add_(spread, alpha=share)
    space.bias_gradients[0].add_(delta.sum(dim=2), alpha=share)


def _sum_of_tokens(space: Workspace, weight: Tensor, bias: Tensor, batch: TokenBatch) -> None:
    """The first layer of tokens; samples lie as rows, gathered row by row."""
    embedding, total = space.embedding, space.sums[0].mT
    shape = (embedding.shape[1], weight.shape[1])
    of_token, gathered = space.buffer("of_token", shape), space.buffer("gathered", total.shape[1:])
    for fold, part in enumerate(weight.chunk(batch.tokens.shape[1], dim=2)):
        tokens = batch.tokens[:, fold]
        if fold == 0:
            space.products.affine(bias.mT, embedding, part.mT, out=of_token)
            torch.index_select(of_token, 1, tokens, out=total)
        else:
            space.products.times(embedding, part.mT, out=of_token)
            total.add_(torch.index_select(of_token, 1, tokens, out=gathered))


def _add_tokens(
    space: Workspace, weight: Tensor, delta: Tensor, batch: TokenBatch, share: float
) -> None:
    """Adds the gradient of the embedding and of the first layer."""
    embedding = space.embedding
    folds = batch.tokens.shape[1]
    layer = space.weight_gradients[0].chunk(folds, dim=2)
    parts = weight.chunk(folds, dim=2)
    for fold, of_token in enumerate(_by_token(space, delta.mT, batch, embedding.shape[1])):
        to_layer = space.contiguous_like(f"dw0.{fold}", layer[fold])
        layer[fold].add_(space.products.times(of_token.mT, embedding, out=to_layer), alpha=share)
        to_embedding = space.contiguous_like(f"de.{fold}", embedding)
        space.embedding_gradient.add_(
            space.products.times(of_token, parts[fold], out=to_embedding), alpha=share
        )
    space.bias_gradients[0].add_(delta.sum(dim=2), alpha=share)


def _by_token(space: Workspace, rows: Tensor, batch: TokenBatch, vocabulary: int) -> list[Tensor]:
    """Rows [T, B, n] summed over the samples of each token, fold by fold: [T, vocabulary, n].

    Where all pairs of tokens differ the sums go through a table over all pairs, along its axes;
    adding sample by sample is slower.
    """
    if batch.sample_of_pair is None:
        folds = (functional.one_hot(f, vocabulary).T.to(rows) for f in batch.tokens.unbind(1))
        return [one_hot @ rows for one_hot in folds]
    neurons = rows.shape[2]
    table = space.buffer("pairs", (vocabulary * vocabulary, neurons))
    for member in range(space.members):  # of all at once, torch would first make a copy
        torch.index_select(space.padded_rows[member], 0, batch.sample_of_pair, out=table[member])
    square = table.view(space.members, vocabulary, vocabulary, neurons)
    return [
        torch.sum(square, dim=axis, out=space.apart(f"token{axis}", (vocabulary, neurons)))
        for axis in (2, 1)
    ]


def fits(population: Population) -> bool:
    """Whether the population's architecture is one this gradient knows."""
    return type(population.architecture) in (Mlp, EmbeddingMlp)
