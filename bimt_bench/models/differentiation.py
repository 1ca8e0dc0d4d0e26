"""Loss and gradient of a population: by autograd for any architecture.

Architectures that are trained much may bring a hand-written one (see `perceptron`), which must
compute the same numbers.
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench import objective
from bimt_bench.models.population import Population


@runtime_checkable
class Differentiation(Protocol):
    """Computes gradients of the task loss, batch after batch."""

    def gradient(self, batch: object, targets: Tensor) -> Float[Tensor, "member outputs batch"]:
        """Adds d loss / d theta to the gradient table; returns the outputs it was computed at."""
        ...


class Autograd:
    """Differentiates an architecture's forward pass with torch's autograd."""

    def __init__(self, population: Population, gradient: Tensor, *, loss: str) -> None:
        self._population = population
        self._views = population.views(gradient)
        self._loss = loss
        self._leaves = {
            name: parameter.detach().requires_grad_()
            for name, parameter in population.parameters.items()
        }

    def gradient(self, batch: object, targets: Tensor) -> Float[Tensor, "member outputs batch"]:
        """Adds d loss / d theta to the gradient table; returns the outputs [P, outputs, B]."""
        population = self._population
        outputs = population.architecture.forward(self._leaves, batch, population.positions)
        loss = objective.task_loss(self._loss, outputs, targets)
        found = torch.autograd.grad(loss.sum(), list(self._leaves.values()))
        for name, value in zip(self._leaves, found, strict=True):
            self._views[name].add_(value)
        return outputs.detach()
