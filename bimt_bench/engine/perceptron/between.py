"""What a perceptron's gradient does between its matrix products, with torch's own operators.

This is the way of accelerators. On a CPU `compiled` does the same in fewer passes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from bimt_bench.engine.differentiation import Objective
from bimt_bench.engine.perceptron.workspace import Workspace
from bimt_bench.network import Mlp, TokenBatch, all_columns

aten = torch.ops.aten


@runtime_checkable
class Between(Protocol):
    """The steps of one gradient that are not products of two tables, in a workspace's buffers.

    Neurons of a movable group are worked on at their positions: inputs are brought there, and
    outputs are compared with targets that are.
    """

    space: Workspace

    def enter(self, batch: object) -> None:
        """sums[0] of columns; the bias may be left to the next call."""
        ...

    def affine(self, layer: int, weight: Tensor, below: Tensor) -> None:
        """sums[layer] = weight @ below + bias; the bias may be left to the next call."""
        ...

    def embed(self, batch: TokenBatch) -> None:
        """active[0] of tokens."""
        ...

    def activate(self, layer: int) -> None:
        """active[layer] from sums[layer]."""
        ...

    def scale(self, layer: int, factor: Tensor) -> None:
        """active[layer] and its slopes times a factor [T, n, B]."""
        ...

    def loss(self, targets: Tensor) -> None:
        """The last of the deltas, and the last bias's gradient."""
        ...

    def outputs(self) -> Tensor:
        """Outputs [T, outputs, B] in the task's order."""
        ...

    def descend(self, layer: int) -> None:
        """deltas[layer] from backs[layer], and the bias's gradient."""
        ...

    def descend_tokens(self, batch: TokenBatch) -> list[Tensor]:
        """deltas[0] summed over the samples of each token, [T, V, n] for each fold."""
        ...

    def input_gradient(self, batch: object) -> None:
        """The first weight's gradient, from deltas[0]."""
        ...


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


class TorchBetween:
    """Torch's operators, for all members at once."""

    def __init__(self, space: Workspace, *, loss: Objective) -> None:
        architecture = space.population.architecture
        assert isinstance(architecture, Mlp)
        self.space = space
        self._loss, self._slope = loss, loss.slope
        self._activation = _ACTIVATIONS[architecture.activation]
        # by layer, the factor of this step's noise and the activations from before it
        self._scaled: dict[int, tuple[Tensor, Tensor]] = {}

    def enter(self, batch: object) -> None:
        """sums[0] of columns."""
        self.affine(0, self.space.weights[0], self._columns(batch))

    def affine(self, layer: int, weight: Tensor, below: Tensor) -> None:
        """sums[layer] = weight @ below + bias."""
        space = self.space
        space.products.affine(space.biases[layer], weight, below, out=space.sums[layer])

    def embed(self, batch: TokenBatch) -> None:
        """active[0] of tokens."""
        space, total = self.space, self.space.sums[0].mT
        shape = (space.embedding.shape[1], total.shape[2])
        of_token, gathered = space.buffer("of_token", shape), space.buffer("row", total.shape[1:])
        for fold, part in enumerate(space.weights[0].chunk(batch.tokens.shape[1], dim=2)):
            tokens = batch.tokens[:, fold]
            if fold == 0:
                bias = space.biases[0].mT
                space.products.affine(bias, space.embedding, part.mT, out=of_token)
                torch.index_select(of_token, 1, tokens, out=total)
            else:
                space.products.times(space.embedding, part.mT, out=of_token)
                total.add_(torch.index_select(of_token, 1, tokens, out=gathered))
        self.activate(0)

    def activate(self, layer: int) -> None:
        """active[layer] from sums[layer]."""
        self._activation.forward(self.space.sums[layer], self.space.active[layer])

    def scale(self, layer: int, factor: Tensor) -> None:
        """active[layer] times a factor, which `descend` takes into account."""
        active = self.space.active[layer]
        self._scaled[layer] = (factor, active.clone())
        active.mul_(factor)

    def loss(self, targets: Tensor) -> None:
        """The last of the deltas, and the last bias's gradient."""
        space = self.space
        outputs, delta = space.sums[-1], space.deltas[-1]
        if self._slope is None:
            differentiate(self, self._loss, targets)
            return
        if self._slope == "difference":
            labels = self._places("labels", "output")
            torch.sub(outputs, targets if labels is None else targets[labels], out=delta)
            delta.mul_(2.0 / (outputs.shape[1] * space.samples))
        else:
            # torch's kernel writes contiguous tensors only, which delta is not
            delta.copy_(
                aten._softmax.out(outputs, 1, False, out=space.buffer("p", outputs.shape[1:]))
            )
            places = self._places("positions", "output")
            index = targets.expand(space.members, -1)
            index = (index if places is None else places.gather(1, index)).unsqueeze(1)
            one = delta.new_full((1, 1, 1), -1.0)
            delta.scatter_add_(1, index, one.expand_as(index)).mul_(1.0 / space.samples)
        torch.sum(delta, dim=2, out=space.bias_gradients[-1])

    def outputs(self) -> Tensor:
        """Outputs [T, outputs, B] in the task's order."""
        places = self._places("positions", "output")
        return in_order(self.space.sums[-1], places)

    def descend(self, layer: int) -> None:
        """deltas[layer] from backs[layer], and the bias's gradient."""
        space = self.space
        delta, active = space.deltas[layer], space.active[layer]
        if layer in self._scaled:
            factor, active = self._scaled.pop(layer)
            space.backs[layer].mul_(factor)
        self._activation.backward(space.backs[layer], space.sums[layer], active, delta)
        torch.sum(delta, dim=2, out=space.bias_gradients[layer])

    def descend_tokens(self, batch: TokenBatch) -> list[Tensor]:
        """deltas[0] summed over the samples of each token, [T, V, n] for each fold."""
        self.descend(0)
        rows, vocabulary = self.space.deltas[0].mT, self.space.embedding.shape[1]
        folds = batch.tokens.unbind(1)
        return [functional.one_hot(fold, vocabulary).T.to(rows) @ rows for fold in folds]

    def input_gradient(self, batch: object) -> None:
        """The first weight's gradient, from deltas[0]."""
        space = self.space
        columns = self._columns(batch).mT
        space.products.times(space.deltas[0], columns, out=space.weight_gradients[0])

    def _columns(self, batch: object) -> Tensor:
        """Columns [T, features, B], at the members' positions."""
        columns, labels = all_columns(batch), self._places("labels", "input")
        if labels is None:
            return columns.expand(self.space.members, -1, -1)
        return columns[labels]

    def _places(self, kind: str, group: str) -> Tensor | None:
        """The `labels` or `positions` [T, n] of a group, if it has any."""
        return places_of(self.space, kind, group)


def differentiate(between: Between, loss: Objective, targets: Tensor) -> None:
    """The last of the deltas, and the last bias's gradient, of any loss: by autograd."""
    space = between.space
    outputs = between.outputs().detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(loss.mean(outputs, targets).sum(), outputs)
    space.deltas[-1].copy_(in_order(slope, places_of(space, "labels", "output")))
    torch.sum(space.deltas[-1], dim=2, out=space.bias_gradients[-1])


def places_of(space: Workspace, kind: str, group: str) -> Tensor | None:
    """The `labels` or `positions` [T, n] of a group's neurons, None if they stay in their order."""
    if group not in space.moving:
        return None
    tables: dict[str, Tensor] = getattr(space.population, kind)
    return tables[group][space.rows]


def in_order(outputs: Tensor, positions: Tensor | None) -> Tensor:
    """Rows of [T, n, B] in the order of `positions`: outputs in the task's, or back by labels."""
    if positions is None:
        return outputs
    return outputs.gather(1, positions.unsqueeze(2).expand_as(outputs))
