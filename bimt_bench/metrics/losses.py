"""The task's loss, row by row and output by output, as training has it but in float64."""

import torch
from jaxtyping import Float64
from torch import Tensor

from bimt_bench.engine import TaskLoss
from bimt_bench.spec import TaskSpec


def row_losses(task: TaskSpec, outputs: Tensor, targets: Tensor) -> Float64[Tensor, "member row"]:
    """The task's loss of every member and row: outputs [P, B(, T), outputs], targets on the CPU.

    The mean over rows is the task's loss on them: where answers are missing, a row with more
    answers has a larger part in it.
    """
    return _task_loss(task, targets).rows(*_arranged(task, outputs, targets))


def output_losses(
    task: TaskSpec, outputs: Tensor, targets: Tensor
) -> Float64[Tensor, "member output"]:
    """The task's loss of every output, its mean over rows; numbers [B(, T), outputs] as targets.

    The mean squared error where the loss judges all outputs of a row together.
    """
    moved, wanted = _arranged(task, outputs, targets)
    each, known = _task_loss(task, targets).each(moved, wanted)
    if each.dim() < moved.dim():
        return (moved - targets.double().movedim(-1, 0)).square().flatten(2).nanmean(dim=2)
    if known is None:
        return each.flatten(2).mean(dim=2)
    return each.flatten(2).sum(dim=2) / known.flatten(1).sum(dim=1).clamp(min=1)


def answers(targets: Tensor) -> int:
    """How many answers there are: numbers that are no NaN, or classes that are not negative."""
    there = ~torch.isnan(targets) if targets.is_floating_point() else targets >= 0
    return int(there.sum())


def _task_loss(task: TaskSpec, targets: Tensor) -> TaskLoss:
    return TaskLoss.of(task.loss, targets)


def _arranged(task: TaskSpec, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs [P, outputs, B(, T)] and targets as a loss takes them, float64."""
    moved = outputs.double().movedim(-1, 1)
    return moved, _task_loss(task, targets).wanted(targets, moved.shape[1], torch.float64)
