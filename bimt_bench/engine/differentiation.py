"""Loss and gradient of a population: by autograd for any architecture.

Architectures that are trained much may bring a hand-written one (see `perceptron`), which must
compute the same numbers.
"""

from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.spec import Precision

Noise = Callable[[slice, str, Tensor], Tensor | None]
"""What the activations [T, size, B] of members and a group are multiplied with; None: nothing."""


@runtime_checkable
class Objective(Protocol):
    """What is differentiated: the task's loss, see `bimt_bench.engine.objective.TaskLoss`."""

    @property
    def slope(self) -> Literal["difference", "softmax"] | None:
        """Which derivative by the outputs it has, if one that is written out."""
        ...

    def mean(self, outputs: Tensor, wanted: Tensor, /) -> Tensor:
        """The loss of each member, [P], of outputs [P, outputs, B(, T)]."""
        ...


@runtime_checkable
class Differentiation(Protocol):
    """Computes gradients of the task loss, batch after batch, a few members at a time."""

    def gradient(
        self, batch: object, targets: Tensor, rows: slice, noise: Noise | None = None
    ) -> None:
        """Sets the first rows of the gradient table to d loss / d theta of the members `rows`.

        `noise` says what the activations of each hidden group are multiplied with.
        """
        ...

    def outputs(self, rows: slice, samples: int) -> Float[Tensor, "rows outputs batch"]:
        """The outputs that the last call computed the gradient of the members `rows` at."""
        ...


class Autograd:
    """Differentiates an architecture's forward pass with torch's autograd."""

    def __init__(
        self,
        population: Population,
        gradient: Tensor,
        *,
        loss: Objective,
        precision: Precision = "float32",
    ) -> None:
        self._population = population
        self._rounded = precision == "bfloat16"
        self._views = population.views(gradient)
        self._loss = loss

    @torch.enable_grad()
    def gradient(
        self, batch: object, targets: Tensor, rows: slice, noise: Noise | None = None
    ) -> None:
        """Sets the members' rows of the gradient table to d loss / d theta."""
        population = self._population
        scale = None if noise is None else lambda group, active: noise(rows, group, active)
        leaves = {
            name: parameter[rows].detach().requires_grad_()
            for name, parameter in population.parameters.items()
        }
        positions = {name: position[rows] for name, position in population.positions.items()}
        device = population.flat.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self._rounded):
            outputs = population.architecture.forward(leaves, batch, positions, scale=scale)
        outputs = outputs.to(population.flat.dtype)
        loss = self._loss.mean(outputs, targets)
        # a module may have a parameter that these inputs do not reach
        found = torch.autograd.grad(loss.sum(), list(leaves.values()), materialize_grads=True)
        for name, value in zip(leaves, found, strict=True):
            self._views[name][: len(value)].copy_(value)
        self._outputs = outputs.detach()

    def outputs(self, rows: slice, samples: int) -> Float[Tensor, "rows outputs batch"]:
        """The outputs of the last call."""
        return self._outputs
