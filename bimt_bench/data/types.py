"""What every loader returns: a task's data as tensors, and its ground truth if there is one."""

from dataclasses import dataclass

import torch

from bimt_bench.data.truth import GroundTruth


@dataclass(frozen=True)
class TaskData:
    """Training and test data of a task; shared by all members, so never changed in place.

    Inputs are float32 [n, features], tokens int64 [n, folds] below `tokens`, or uint8
    [n, features] that stand for their value times `scale`. Targets are float32 [n, outputs]
    (regression) or int64 [n] (classes).
    """

    train_inputs: torch.Tensor
    train_targets: torch.Tensor
    test_inputs: torch.Tensor
    test_targets: torch.Tensor
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    tokens: int | None
    scale: float = 1.0
    truth: GroundTruth | None = None
