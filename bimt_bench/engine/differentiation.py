"""Loss and gradient of a population: by autograd for any architecture.

Architectures that are trained much may bring a hand-written one (see `perceptron`), and what
autograd does may be recorded (see `recorded`); both must compute the same numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.engine.quick import QuickActivations
from bimt_bench.network import Scale
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

    def outputs(self, rows: slice, samples: int) -> Float[Tensor, "rows outputs batch *time"]:
        """The outputs that the last call computed the gradient of the members `rows` at."""
        ...


class Autograd:
    """Differentiates an architecture's forward pass with torch's autograd.

    Activations are computed by our own loops where there is one.
    """

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
        self._table = gradient
        self._loss = loss
        # of the parameters and of the gradient table, by the bounds of members taken together
        self._views: dict[tuple[int, int], tuple[dict[str, Tensor], dict[str, Tensor]]] = {}

    def gradient(
        self, batch: object, targets: Tensor, rows: slice, noise: Noise | None = None
    ) -> None:
        """Sets the members' rows of the gradient table to d loss / d theta."""
        population = self._population
        scale = None if noise is None else lambda group, active: noise(rows, group, active)
        positions = {name: position[rows] for name, position in population.positions.items()}
        mine, views = self._views_of(rows)
        self._outputs, found = self._differentiate(mine, batch, targets, positions, scale)
        for view, value in zip(views.values(), found, strict=True):
            view.copy_(value)

    def _views_of(self, rows: slice) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The parameters of the members `rows`, and where their gradient belongs."""
        key = (rows.start, rows.stop)
        if key not in self._views:
            population, count = self._population, rows.stop - rows.start
            mine = {name: value[rows] for name, value in population.parameters.items()}
            self._views[key] = mine, population.views(self._table[:count])
        return self._views[key]

    @torch.enable_grad()
    def _differentiate(
        self,
        parameters: Mapping[str, Tensor],
        batch: object,
        targets: Tensor,
        positions: Mapping[str, Tensor],
        scale: Scale | None,
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """Outputs, and the gradient by each of the parameters."""
        leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        flat, architecture = self._population.flat, self._population.architecture
        rounded = torch.autocast(flat.device.type, torch.bfloat16, enabled=self._rounded)
        with rounded, QuickActivations():
            outputs = architecture.forward(leaves, batch, positions, scale=scale)
        outputs = outputs.to(flat.dtype)
        loss = self._loss.mean(outputs, targets)
        # of the sum, without adding up: a record of this needs no loss
        ones = torch.ones(loss.shape, dtype=loss.dtype, device=loss.device)
        # a module may have a parameter that these inputs do not reach
        found = torch.autograd.grad(loss, list(leaves.values()), ones, materialize_grads=True)
        return outputs.detach(), found

    def outputs(self, rows: slice, samples: int) -> Float[Tensor, "rows outputs batch *time"]:
        """The outputs of the last call."""
        return self._outputs
