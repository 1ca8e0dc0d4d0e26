"""The task's loss, row by row."""

import torch.nn.functional as F
from jaxtyping import Float64
from torch import Tensor

from bimt_bench.spec import TaskSpec


def row_losses(task: TaskSpec, outputs: Tensor, targets: Tensor) -> Float64[Tensor, "member row"]:
    """The task's loss of every member and row: outputs [P, B, outputs], targets on the CPU."""
    if task.loss.kind == "cross_entropy":
        every = targets.expand(len(outputs), -1)
        return F.cross_entropy(outputs.double().transpose(1, 2), every, reduction="none")
    return squared_errors(outputs, targets).mean(dim=2)


def squared_errors(outputs: Tensor, targets: Tensor) -> Float64[Tensor, "member row output"]:
    """(y - t)^2 of every member, row and output; classes count as one-hot targets."""
    if not targets.is_floating_point():
        targets = F.one_hot(targets, outputs.shape[2])
    return (outputs.double() - targets.double()).square()
