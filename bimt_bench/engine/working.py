"""Bytes that a member's step and its evaluation take, measured on a few samples.

What torch keeps of a stranger's module for the backward pass cannot be read from sizes.
"""

import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from bimt_bench.network import ModuleArchitecture, PaddedBatch

_FEW = (16, 32)  # samples; what grows with them is a straight line
_MARGIN = 1.25  # for buffers inside an operator, which do not show


class Peak(TorchDispatchMode):
    """Counts the bytes of all tensors made inside it that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operator and counts what it made."""
        found = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self._count, found)
        return found

    def _count(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage not in self._seen:
            self._seen.add(storage)
            size = storage.nbytes()
            self.alive += size
            self.peak = max(self.peak, self.alive)
            weakref.finalize(storage, self._gone, size)
        return tensor

    def _gone(self, size: int) -> None:
        self.alive -= size


def step_bytes(architecture: ModuleArchitecture, samples: int, dtype: torch.dtype) -> int:
    """Of the forward and backward pass of one member on so many samples."""
    return _line([_step(architecture, few, dtype) for few in _FEW], samples)


def evaluation_bytes(architecture: ModuleArchitecture, samples: int, dtype: torch.dtype) -> int:
    """Of one member's outputs and activations on so many samples, without a backward pass."""
    return _line([_evaluation(architecture, few, dtype) for few in _FEW], samples)


def _line(found: list[int], samples: int) -> int:
    slope = max(0.0, (found[1] - found[0]) / (_FEW[1] - _FEW[0]))
    return int(_MARGIN * (found[0] + slope * samples))


def _member(architecture: ModuleArchitecture, dtype: torch.dtype) -> tuple[dict[str, Tensor], ...]:
    """Parameters and positions of one member."""
    start = architecture.initial("working", 0)
    groups = [group for group in architecture.wiring.groups if group.relabelled]
    positions = {group.name: torch.arange(group.size).unsqueeze(0) for group in groups}
    return {name: value.to(dtype).unsqueeze(0) for name, value in start.items()}, positions


def _example(architecture: ModuleArchitecture, samples: int, dtype: torch.dtype) -> PaddedBatch:
    inputs = architecture.example(samples)
    return architecture.prepare(inputs.to(dtype) if inputs.is_floating_point() else inputs)


def _step(architecture: ModuleArchitecture, samples: int, dtype: torch.dtype) -> int:
    parameters, positions = _member(architecture, dtype)
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    batch = _example(architecture, samples, dtype)
    with torch.enable_grad(), Peak() as measured:
        outputs = architecture.forward(leaves, batch, positions)
        loss = outputs.square().mean()
        torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    return measured.peak


@torch.no_grad()
def _evaluation(architecture: ModuleArchitecture, samples: int, dtype: torch.dtype) -> int:
    parameters, positions = _member(architecture, dtype)
    batch = _example(architecture, samples, dtype)
    seen: dict[str, Tensor] = {}
    with Peak() as measured:
        architecture.forward(parameters, batch, positions, seen=seen)
    return measured.peak
