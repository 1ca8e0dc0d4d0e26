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

from bimt_bench.models.mlp import EmbeddingMlp, Mlp
from bimt_bench.models.population import ALIGNMENT, Population
from bimt_bench.models.tokens import TokenBatch
from bimt_bench.wiring import Wiring

aten = torch.ops.aten

_CACHED = 1 << 21  # bytes of one layer's activations; a step touches about ten such tables


@dataclass(frozen=True)
class _Activation:
    """`forward(z, out)`, and `backward(d_a, z, a, out)` = d_a * activation'(z)."""

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], object]


_ACTIVATIONS = {
    "silu": _Activation(
        lambda z, out: aten.silu.out(z, out=out),
        lambda d, z, _, out: aten.silu_backward.grad_input(d, z, grad_input=out),
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
    """Loss gradient of an `Mlp` or `EmbeddingMlp` population, added to a gradient table."""

    def __init__(self, population: Population, gradient: Tensor, *, loss: str) -> None:
        architecture = population.architecture
        if not isinstance(architecture, Mlp):
            raise TypeError(f"a perceptron's gradient does not fit {type(architecture).__name__}")
        self._population = population
        self._architecture = architecture
        self._views = population.views(gradient)
        self._loss = loss
        self._activation = _ACTIVATIONS[architecture.activation]
        self._depth = architecture.depth
        self._buffers: dict[tuple[str, tuple[int, ...]], Tensor] = {}
        self._rows = slice(0, population.size)
        self._paired: Tensor | None = None

    def gradient(self, batch: object, targets: Tensor) -> Float[Tensor, "member outputs batch"]:
        """Adds d loss / d theta to the gradient table; returns the outputs [P, outputs, B].

        Members are worked through a few at a time, as many as have activations that fit a cache.
        """
        if isinstance(batch, TokenBatch):
            self._forget_pairs(batch.pair)
        samples = targets.shape[-1]
        count = self._members_at_a_time(samples)
        size = self._population.size
        outputs = self._buffer("outputs", (size, self._outputs, samples))
        for start in range(0, size, count):
            self._rows = slice(start, min(start + count, size))
            self._add_gradient(batch, targets, outputs[self._rows])
        return outputs

    def _add_gradient(self, batch: object, targets: Tensor, outputs: Tensor) -> None:
        """Gradient and outputs of the members of `self._rows`."""
        weights = self._placed_weights()
        sums = [self._first_layer(weights[0], batch)]
        activations: list[Tensor] = []
        for layer in range(1, self._depth):
            activation = self._apart_like(f"a{layer}", sums[-1], layer=layer)
            self._activation.forward(sums[-1], activation)
            activations.append(activation)
            weight, bias = weights[layer], self._bias(layer)
            shape = (len(weight), weight.shape[1], activation.shape[2])
            total = outputs if layer == self._depth - 1 else self._buffer(f"z{layer}", shape)
            sums.append(torch.baddbmm(bias.unsqueeze(2), weight, activation, out=total))
        delta = self._loss_gradient(outputs, targets)
        for layer in range(self._depth - 1, 0, -1):
            weight, below = weights[layer], activations[layer - 1]
            self._add_layer(layer, delta, below.mT)
            back = self._back(layer, weight, delta)
            delta = self._apart_like(f"d{layer}", below, layer=layer)
            self._activation.backward(back, sums[layer - 1], below, delta)
        self._first_gradient(weights[0], delta, batch)

    def _members_at_a_time(self, samples: int) -> int:
        flat = self._population.flat
        if flat.device.type != "cpu":
            return self._population.size
        return members_at_a_time(self._architecture.wiring, samples, flat.element_size())

    # ------------------------------------------------------------------ layers

    def _placed_weights(self) -> list[Tensor]:
        """Weights with the columns of inputs and the rows of outputs in the task's order."""
        weights = [self._parameter(f"layers.{layer}.weight") for layer in range(self._depth)]
        if self._moves("input"):
            index = self._positions("input").unsqueeze(1).expand_as(weights[0])
            weights[0] = self._gather("w_in", weights[0], 2, index)
        if self._moves("output"):
            index = self._positions("output").unsqueeze(2).expand_as(weights[-1])
            weights[-1] = self._gather("w_out", weights[-1], 1, index)
        return weights

    def _bias(self, layer: int) -> Tensor:
        bias = self._parameter(f"layers.{layer}.bias")
        if layer == self._depth - 1 and self._moves("output"):
            return bias.gather(1, self._positions("output"))
        return bias

    def _first_layer(self, weight: Tensor, batch: object) -> Tensor:
        bias = self._bias(0)
        if isinstance(batch, TokenBatch):
            return self._sum_of_tokens(weight, bias, batch)
        assert isinstance(batch, Tensor)
        columns = batch.expand(len(weight), *batch.shape)
        total = self._buffer("z0", (len(weight), weight.shape[1], batch.shape[1]))
        return torch.baddbmm(bias.unsqueeze(2), weight, columns, out=total)

    def _sum_of_tokens(self, weight: Tensor, bias: Tensor, batch: TokenBatch) -> Tensor:
        """The first layer of tokens, [P, n, B]; samples lie as rows, gathered row by row."""
        embedding = self._parameter("embedding.weight")
        shape = (len(weight), embedding.shape[1], weight.shape[1])
        rows = (len(weight), len(batch.tokens), weight.shape[1])
        total, gathered = self._buffer("z0", rows), self._buffer("gathered", rows)
        of_token = self._buffer("of_token", shape)
        for fold, part in enumerate(weight.chunk(batch.tokens.shape[1], dim=2)):
            tokens = batch.tokens[:, fold]
            if fold == 0:
                torch.baddbmm(bias.unsqueeze(1), embedding, part.mT, out=of_token)
                torch.index_select(of_token, 1, tokens, out=total)
            else:
                torch.bmm(embedding, part.mT, out=of_token)
                total.add_(torch.index_select(of_token, 1, tokens, out=gathered))
        return total.mT

    # ------------------------------------------------------------------ gradients

    def _loss_gradient(self, outputs: Tensor, targets: Tensor) -> Tensor:
        delta = self._apart("d_out", outputs.shape[1:])
        if self._loss == "mse":
            torch.sub(outputs, targets, out=delta)
            return delta.mul_(2.0 / (outputs.shape[1] * outputs.shape[2]))
        torch.mul(torch.softmax(outputs, dim=1), 1.0 / outputs.shape[2], out=delta)
        one = delta.new_full((1, 1, 1), -1.0 / outputs.shape[2])
        index = targets.expand(len(delta), 1, -1)
        return delta.scatter_add_(1, index, one.expand_as(index))

    def _back(self, layer: int, weight: Tensor, delta: Tensor) -> Tensor:
        """The gradient with respect to the activations below a layer, [P, n, B]."""
        if self._samples_are_rows(layer):
            shape = (len(delta), delta.shape[2], weight.shape[2])
            return torch.bmm(delta.mT, weight, out=self._buffer(f"back{layer}", shape)).mT
        shape = (len(delta), weight.shape[2], delta.shape[2])
        return torch.bmm(weight.mT, delta, out=self._buffer(f"back{layer}", shape))

    def _add_layer(self, layer: int, delta: Tensor, below: Tensor) -> None:
        """Adds the gradient of a layer's weight and bias, put back into positions."""
        shape = (len(delta), delta.shape[1], below.shape[2])
        weight = torch.bmm(delta, below, out=self._buffer(f"dw{layer}", shape))
        bias = delta.sum(dim=2)
        if layer == self._depth - 1 and self._moves("output"):
            labels = self._population.labels["output"][self._rows]
            weight = weight.gather(1, labels.unsqueeze(2).expand_as(weight))
            bias = bias.gather(1, labels)
        if layer == 0 and self._moves("input"):
            labels = self._population.labels["input"][self._rows]
            weight = weight.gather(2, labels.unsqueeze(1).expand_as(weight))
        self._view(f"layers.{layer}.weight").add_(weight)
        self._view(f"layers.{layer}.bias").add_(bias)

    def _first_gradient(self, weight: Tensor, delta: Tensor, batch: object) -> None:
        if isinstance(batch, TokenBatch):
            self._token_gradient(weight, delta, batch)
        else:
            assert isinstance(batch, Tensor)
            self._add_layer(0, delta, batch.T.expand(len(delta), *batch.T.shape))

    def _token_gradient(self, weight: Tensor, delta: Tensor, batch: TokenBatch) -> None:
        embedding = self._parameter("embedding.weight")
        layer = self._view("layers.0.weight").chunk(batch.tokens.shape[1], dim=2)
        parts = weight.chunk(batch.tokens.shape[1], dim=2)
        for fold, of_token in enumerate(self._by_token(delta.mT, batch, embedding.shape[1])):
            layer[fold].add_(torch.bmm(of_token.mT, embedding))
            self._view("embedding.weight").add_(torch.bmm(of_token, parts[fold]))
        self._view("layers.0.bias").add_(delta.sum(dim=2))

    def _by_token(self, rows: Tensor, batch: TokenBatch, vocabulary: int) -> list[Tensor]:
        """Rows [P, B, n] summed over the samples of each token, fold by fold: [P, vocabulary, n].

        Where all pairs of tokens differ the sums go through a table over all pairs, along its
        axes; adding sample by sample is slower.
        """
        members, _, neurons = rows.shape
        if batch.pair is None:
            folds = (functional.one_hot(f, vocabulary).T.to(rows) for f in batch.tokens.unbind(1))
            return [one_hot @ rows for one_hot in folds]
        shape = (members, vocabulary * vocabulary, neurons)
        table = self._buffer("pairs", shape, zero=True).index_copy_(1, batch.pair, rows)
        square = table.view(members, vocabulary, vocabulary, neurons)
        return [
            torch.sum(square, dim=axis, out=self._apart(f"token{axis}", (vocabulary, neurons)))
            for axis in (2, 1)
        ]

    def _forget_pairs(self, pair: Tensor | None) -> None:
        """Clears the tables over pairs of what another minibatch left there."""
        if self._paired is not None and self._paired is not pair:
            for (name, _), table in self._buffers.items():
                if name == "pairs":
                    table.index_fill_(1, self._paired, 0.0)
        self._paired = pair

    # ------------------------------------------------------------------ rows under way

    @property
    def _outputs(self) -> int:
        return self._architecture.wiring.group("output").size

    def _parameter(self, name: str) -> Tensor:
        return self._population.parameters[name][self._rows]

    def _view(self, name: str) -> Tensor:
        return self._views[name][self._rows]

    def _positions(self, group: str) -> Tensor:
        return self._population.positions[group][self._rows]

    # ------------------------------------------------------------------ buffers

    def _moves(self, group: str) -> bool:
        found = self._architecture.wiring.group(group)
        return found.movable and found.relabelled

    def _buffer(self, name: str, shape: tuple[int, ...], *, zero: bool = False) -> Tensor:
        """A contiguous buffer that is kept between steps."""
        key = (name, tuple(shape))
        if key not in self._buffers:
            make = self._population.flat.new_zeros if zero else self._population.flat.new_empty
            self._buffers[key] = make(shape)
        return self._buffers[key]

    def _apart(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """A kept buffer [P, *shape] whose members are set apart and aligned."""
        entries = torch.Size(shape).numel()
        width = -(-entries // ALIGNMENT) * ALIGNMENT
        members = self._rows.stop - self._rows.start
        return self._buffer(name, (members, width))[:, :entries].view(members, *shape)

    def _apart_like(self, name: str, like: Tensor, *, layer: int) -> Tensor:
        """Members set apart, [P, n, B], in the layout that the activations of a layer have."""
        if self._samples_are_rows(layer):
            return self._apart(name, like.mT.shape[1:]).mT
        return self._apart(name, like.shape[1:])

    def _samples_are_rows(self, layer: int) -> bool:
        """Whether samples lie as rows below a layer: they do where tokens were gathered."""
        return layer == 1 and isinstance(self._architecture, EmbeddingMlp)

    def _gather(self, name: str, values: Tensor, axis: int, index: Tensor) -> Tensor:
        apart = self._apart(name, values.shape[1:])
        return torch.gather(values, axis, index, out=apart)


def members_at_a_time(wiring: Wiring, samples: int, entry: int) -> int:
    """How many members' activations of one layer fit the share of a CPU's cache they are given.

    `samples`: of a batch; `entry`: bytes of a number.
    """
    widest = max(group.size for group in wiring.groups if group.role != "input")
    return max(1, _CACHED // (widest * samples * entry))


def fits(population: Population) -> bool:
    """Whether the population's architecture is one this gradient knows."""
    return type(population.architecture) in (Mlp, EmbeddingMlp)
