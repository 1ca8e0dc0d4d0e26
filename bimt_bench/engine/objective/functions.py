"""Task losses and performance of a population's outputs, one number a member."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Outputs = Float[Tensor, "member outputs batch"]
PerMember = Float[Tensor, " member"]


def task_loss(kind: str, outputs: Outputs, targets: Tensor) -> PerMember:
    """Mean loss of each member: 'mse' or 'cross_entropy'.

    `targets` are numbers [outputs, B] (under mse; classes as one-hot columns) or classes [B].
    """
    if kind == "mse":
        wanted = targets.expand_as(outputs)
        return functional.mse_loss(outputs, wanted, reduction="none").mean(dim=(1, 2))
    classes = targets.expand(outputs.shape[0], -1)
    return functional.cross_entropy(outputs, classes, reduction="none").mean(dim=1)


def columns(kind: str, targets: Tensor, outputs: int, dtype: torch.dtype) -> Tensor:
    """A task's targets as `task_loss` wants them: [B, outputs] or classes [B] -> columns."""
    if kind == "cross_entropy":
        return targets
    if targets.dim() == 1:
        return functional.one_hot(targets, outputs).T.to(dtype)
    return targets.T.to(dtype)


def performance(kind: str, outputs: Outputs, targets: Tensor) -> PerMember:
    """The task's performance metric, higher is better: 'accuracy' or 'r2' (mean over outputs).

    `targets` are classes [B] for accuracy, numbers [B, outputs] for r2; r2 of a constant output
    is NaN.
    """
    if kind == "accuracy":
        return (outputs.argmax(dim=1) == targets).to(torch.float64).mean(dim=1)
    wanted = targets.T.to(outputs.dtype)
    residual = (outputs - wanted).square().sum(dim=2)
    spread = (wanted - wanted.mean(dim=1, keepdim=True)).square().sum(dim=1)
    return (1.0 - residual / spread).mean(dim=1).to(torch.float64)
