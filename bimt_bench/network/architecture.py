"""What a model supplies: its wiring, the shapes of its parameters, a start and a forward pass."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from bimt_bench.network.wiring import Wiring

Parameters = Mapping[str, Tensor]
Scale = Callable[[str, Tensor], Tensor | None]

MODULES = {"silu": torch.nn.SiLU, "relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}
ACTIVATIONS = {"silu": functional.silu, "relu": functional.relu, "tanh": torch.tanh}


class Architecture(ABC):
    """A model family at one size; populations of it differ only in their parameters."""

    wiring: Wiring
    shapes: Mapping[str, tuple[int, ...]]
    """Shape of every parameter without the member axis, in the order they are laid out."""
    transposed: frozenset[str] = frozenset()
    """Weights of which a source's column, not a target's row, lies in one piece in memory."""

    @property
    def widest(self) -> int:
        """The most entries that what a layer sends on has for one sample."""
        return max(group.size for group in self.wiring.groups if group.role != "input")

    def goes_alone(self, samples: int) -> bool:
        """Whether a batch of so many samples gives one member so much to do that it goes alone."""
        return False

    @abstractmethod
    def initial(self, task: str, seed: int) -> dict[str, Tensor]:
        """Starting parameters of one member, float64 on the CPU, from the task and its seed."""

    @abstractmethod
    def prepare(self, inputs: Tensor) -> Any:
        """A batch of the task's inputs, [B, features] floats or [B, folds] tokens, made ready."""

    @abstractmethod
    def forward(
        self,
        parameters: Parameters,
        batch: Any,
        positions: Parameters,
        *,
        seen: MutableMapping[str, Tensor] | None = None,
        scale: Scale | None = None,
    ) -> Tensor:
        """Outputs [P, outputs, B, ...], in the task's order, of a batch from `prepare`.

        The last axis is time where there is an answer at every step.

        `positions[group]` [P, size] says at which position each feature or class stands. `seen`
        is given what the neurons of each hidden group send on, group name -> [P, size, samples]:
        every time step or pixel of the batch is a sample. `scale` says what that is multiplied with
        first, and is a constant of differentiation.
        """

    @abstractmethod
    def network(self, parameters: Parameters, positions: Parameters) -> torch.nn.Module:
        """One member as an ordinary module, from inputs [B, ...] to outputs [B, ..., outputs].

        Parameters and positions are without the member axis; the module has copies, in the
        task's order.
        """


def place_rows(weight: Tensor, positions: Tensor) -> Tensor:
    """Rows of a weight [P, out, in] or bias [P, out] taken from positions into task order."""
    return take(weight, 1, positions)


def place_columns(weight: Tensor, positions: Tensor) -> Tensor:
    """Columns of a weight [P, out, in] taken from positions into task order."""
    return take(weight, 2, positions)


def take(values: Tensor, axis: int, index: Int[Tensor, "member size"]) -> Tensor:
    """Entries [P, ..., size, ...] of `values` along an axis, each member by its own index."""
    if len(index) == 1:
        return values.index_select(axis, index[0])
    shape = [1] * values.dim()
    shape[0], shape[axis] = index.shape
    wanted = list(values.shape)
    wanted[axis] = index.shape[1]
    return values.gather(axis, index.view(shape).expand(wanted))


def in_folds(order: Int[Tensor, "member size"], folds: int) -> Int[Tensor, "member entries"]:
    """The order of a group's neurons as that of an axis on which the group is repeated."""
    if folds == 1:
        return order
    offsets = torch.arange(folds, device=order.device) * order.shape[1]
    return (order.unsqueeze(1) + offsets[:, None]).flatten(1)


def affine(weight: Tensor, bias: Tensor, inputs: Tensor) -> Tensor:
    """weight @ inputs + bias for all members: [P, out, in], [P, out], [P, in, B] -> [P, out, B]."""
    return torch.baddbmm(bias.unsqueeze(2), weight, inputs)
