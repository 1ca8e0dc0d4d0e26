"""What every loader returns: a task's data as tensors, and its ground truth if there is one."""

from dataclasses import dataclass

import torch

from bimt_bench.data.truth import GroundTruth


@dataclass(frozen=True)
class Residues:
    """What tokens and classes are that stand for residues modulo `modulus`.

    added: whether every class is the sum of its two tokens.
    """

    modulus: int
    added: bool


@dataclass(frozen=True)
class TaskData:
    """Training and test data of a task; shared by all members, so never changed in place.

    Inputs are float32 [n, features], tokens int64 [n, folds] below `tokens`, or uint8
    [n, features] that stand for their value times `scale`. Targets are float32 [n, outputs]
    (regression) or int64 [n] (classes). Sequences have a time axis after the first one: inputs
    [n, time, features] or tokens [n, time], and where there is an answer at every time step,
    targets [n, time, outputs] or classes [n, time]. A number that is NaN, or a class below 0, is
    no answer: it counts for nothing.
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
    residues: Residues | None = None

    @property
    def has_steps(self) -> bool:
        """Whether there is an answer at every time step."""
        targets = self.train_targets
        return targets.dim() == (3 if targets.is_floating_point() else 2)
