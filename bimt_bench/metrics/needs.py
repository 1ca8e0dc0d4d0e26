"""What a metric may need of a task, and how the task is seen to have it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bimt_bench.data import TaskData
from bimt_bench.spec import TaskSpec


@dataclass(frozen=True)
class Need:
    """Something that not every task has; `what` completes 'a task which has no ...'.

    part_of: what a task must have to begin with, if anything.
    """

    what: str
    met_by: Callable[[TaskSpec, TaskData], bool]
    part_of: "Need | None" = None

    def lacking(self, task: TaskSpec, data: TaskData) -> "Need | None":
        """The broadest need that the task does not meet; None if it meets them all."""
        broader = None if self.part_of is None else self.part_of.lacking(task, data)
        return broader or (None if self.met_by(task, data) else self)


def _has_components(_: TaskSpec, data: TaskData) -> bool:
    return data.truth is not None and len(np.unique(data.truth.components.outputs)) > 1


def _has_shared(_: TaskSpec, data: TaskData) -> bool:
    return data.truth is not None and bool(data.truth.shared)


def _has_residues(task: TaskSpec, data: TaskData) -> bool:
    return task.data.kind == "modular" and data.tokens is not None


def _adds_residues(task: TaskSpec, data: TaskData) -> bool:
    added = task.data.kind == "modular" and getattr(task.data, "expression", "").replace(" ", "") in ("a+b", "b+a")
    return added and data.tokens is not None


def _has_parts(_: TaskSpec, data: TaskData) -> bool:
    return len(data.output_names) > 1


def _has_classes(_: TaskSpec, data: TaskData) -> bool:
    return not data.test_targets.is_floating_point()


QUANTITIES = Need("targets on a scale", lambda task, data: not _has_classes(task, data))
CLASSES = Need("classes", _has_classes)
CROSS_ENTROPY = Need("cross entropy as its loss", lambda task, _: task.loss.kind == "cross_entropy")
TRUTH = Need("ground truth", lambda _, data: data.truth is not None)
COMPONENTS = Need("formulas that fall into independent components", _has_components, TRUTH)
SHARED = Need("sub-expression that several formulas share", _has_shared, TRUTH)
RESIDUES = Need("embedded residues", _has_residues)
ADDITION = Need("embedded residues that are added", _adds_residues, RESIDUES)
OUTPUTS = Need("more than one output", _has_parts)
