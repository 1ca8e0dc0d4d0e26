"""What a metric may need of a task and its network, and how they are seen to have it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bimt_bench.data import TaskData
from bimt_bench.engine import TaskLoss
from bimt_bench.network import Wiring
from bimt_bench.spec import TaskSpec


@dataclass(frozen=True)
class Need:
    """Something that not every task has; `what` completes 'a task which has no ...'.

    part_of: what a task must have to begin with, if anything.
    """

    what: str
    met_by: Callable[[TaskSpec, TaskData, Wiring], bool]
    part_of: "Need | None" = None

    def lacking(self, task: TaskSpec, data: TaskData, wiring: Wiring) -> "Need | None":
        """The broadest need that is not met; None if all are."""
        broader = None if self.part_of is None else self.part_of.lacking(task, data, wiring)
        return broader or (None if self.met_by(task, data, wiring) else self)


def _has_components(_: TaskSpec, data: TaskData, __: Wiring) -> bool:
    return data.truth is not None and len(np.unique(data.truth.components.outputs)) > 1


def _has_strangers(_: TaskSpec, data: TaskData, __: Wiring) -> bool:
    return data.truth is not None and not bool(data.truth.depends.all())


def _has_shared(_: TaskSpec, data: TaskData, __: Wiring) -> bool:
    return data.truth is not None and bool(data.truth.shared)


def _has_residues(_: TaskSpec, data: TaskData, wiring: Wiring) -> bool:
    embedded = any(one.kind == "embedding" for one in wiring.attachments)
    return data.residues is not None and embedded


def _adds_residues(_: TaskSpec, data: TaskData, __: Wiring) -> bool:
    return data.residues is not None and data.residues.added


def _has_parts(_: TaskSpec, data: TaskData, __: Wiring) -> bool:
    return len(data.output_names) > 1


def _has_classes(_: TaskSpec, data: TaskData, __: Wiring) -> bool:
    return not data.test_targets.is_floating_point()


def _has_output_neurons(_: TaskSpec, data: TaskData, wiring: Wiring) -> bool:
    sizes = [group.size for group in wiring.groups if group.role == "output"]
    return sum(sizes) == len(data.output_names)


def _has_ends(task: TaskSpec, data: TaskData, wiring: Wiring) -> bool:
    sizes = [group.size for group in wiring.groups if group.role == "input"]
    hidden = any(group.role == "hidden" for group in wiring.groups)
    return (
        hidden and sum(sizes) == len(data.input_names) and _has_output_neurons(task, data, wiring)
    )


QUANTITIES = Need("targets on a scale", lambda *given: not _has_classes(*given))
CLASSES = Need("classes", _has_classes)
CROSS_ENTROPY = Need(
    "cross entropy as its loss", lambda task, *_: TaskLoss.of(task.loss).slope == "softmax"
)
TRUTH = Need("ground truth", lambda _, data, __: data.truth is not None)
SLOPES = Need("numbers as its inputs", lambda _, data, __: data.tokens is None, TRUTH)
STRANGERS = Need("output that does without some input", _has_strangers, SLOPES)
COMPONENTS = Need("formulas that fall into independent components", _has_components, TRUTH)
SHARED = Need("sub-expression that several formulas share", _has_shared, TRUTH)
_NEURONS = "hidden neurons between one neuron an input and one an output"
COMPONENT_NEURONS = Need(_NEURONS, _has_ends, COMPONENTS)
SHARED_NEURONS = Need(_NEURONS, _has_ends, SHARED)
RESIDUES = Need("embedded residues", _has_residues)
ADDITION = Need("embedded residues that are added", _adds_residues, RESIDUES)
OUTPUTS = Need("more than one output", _has_parts)
OUTPUT_NEURONS = Need("a neuron for each output", _has_output_neurons, OUTPUTS)
