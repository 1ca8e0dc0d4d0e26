"""Activations of modules by compiled loops: torch's tanh takes eight times as long on a CPU.

A module calls `torch.tanh`; while it is trained, ours stands in its place, which agrees with it
within rounding. torch knows it as the operator `bimt_bench::tanh`, so that what is recorded of a
step (see `recorded`) has it too.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bimt_bench.engine import kernels

_TYPES = (torch.float32, torch.float64)
_REPLACED = (torch.tanh, Tensor.tanh)


@torch.library.custom_op("bimt_bench::tanh", mutates_args=(), device_types="cpu")
def _tanh(given: Tensor) -> Tensor:
    """The hyperbolic tangent of each entry."""
    found = torch.empty(given.shape, dtype=given.dtype)
    kernels.tanh(given.contiguous().view(-1).numpy(), found.view(-1).numpy())
    return found


@_tanh.register_fake
def _(given: Tensor) -> Tensor:
    return torch.empty(given.shape, dtype=given.dtype)


@_tanh.register_vmap
def _(_info: Any, in_dims: tuple[int], given: Tensor) -> tuple[Tensor, int]:
    return _tanh(given), in_dims[0]


def _remember(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:  # noqa: ARG001 - torch's
    ctx.save_for_backward(output)


def _backward(ctx: Any, slope: Tensor) -> Tensor:
    return torch.ops.aten.tanh_backward(slope, *ctx.saved_tensors)


_tanh.register_autograd(_backward, setup_context=_remember)


class QuickActivations(TorchFunctionMode):
    """Within it, the activations of tensors on the CPU are our own."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Calls ours in the place of torch's, and whatever else as it is."""
        if func in _REPLACED and not kwargs:
            (given,) = args
            if given.device.type == "cpu" and given.dtype in _TYPES:
                return _tanh(given)
        return func(*args, **(kwargs or {}))
