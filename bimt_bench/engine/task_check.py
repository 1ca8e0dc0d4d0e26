"""Whether the parts of a task fit together, found out before anything starts."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.engine.objective import Loss, Measure, TaskLoss, TaskMeasure
from bimt_bench.ground import InputError, closest
from bimt_bench.network import Wiring, build
from bimt_bench.spec import LOSSES, MEASURES, TaskSpec

_SAMPLES = 8  # on which a loss and a measure are tried


def check_task(task: TaskSpec, data: TaskData) -> Wiring:
    """The wiring of a task's network.

    Raises InputError, in one line that names the field, if the model does not fit the data, if the
    loss or the measure is not for such targets or does not give what it must, or if the task names
    a group that the model does not have.
    """
    wiring = build(task, data).wiring
    known = [group.name for group in wiring.groups]
    for name in task.penalty.no_locality_into:
        if name not in known:
            raise InputError(
                f"penalty.no_locality_into: unknown group '{name}'{closest(name, known)} "
                f"(groups: {', '.join(known)})"
            )
    _refuse_unfit("loss", task.loss.kind, LOSSES, data)
    _refuse_unfit("performance", task.performance.kind, MEASURES, data)
    _try(f"loss: '{task.loss.kind}'", lambda: _try_loss(task, data))
    _try(f"performance: '{task.performance.kind}'", lambda: _try_measure(task, data))
    return wiring


def fits(kind: type[Loss] | type[Measure], data: TaskData) -> bool:
    """Whether a loss or a measure is for targets such as these data have."""
    sort, answers = _targets(data)
    return sort in kind.targets and kind.answers in ("any", answers)


def _targets(data: TaskData) -> tuple[str, str]:
    sort = "numbers" if data.train_targets.is_floating_point() else "classes"
    return sort, "step" if data.has_steps else "sample"


def _refuse_unfit(
    field: str,
    name: str,
    kinds: Mapping[str, type[Loss]] | Mapping[str, type[Measure]],
    data: TaskData,
) -> None:
    if fits(kinds[name], data):
        return
    sort, answers = _targets(data)
    where = "at every time step" if answers == "step" else "one answer a sample"
    allowed = [other for other, kind in kinds.items() if fits(kind, data)]
    raise InputError(
        f"{field}: {name} given; the targets are {sort}, {where}; allowed are {', '.join(allowed)}"
    )


# ------------------------------------------------------------------------------ tried once


def _try(what: str, trial: Callable[[], Iterator[str]]) -> None:
    """InputError if the trial finds a fault, or raises."""
    try:
        fault = next(trial(), None)
    except Exception as error:
        told = " ".join(str(error).split()) or "no message"
        raise InputError(f"{what}: {type(error).__name__}: {told}") from error
    if fault is not None:
        raise InputError(f"{what}: {fault}")


def _sample(data: TaskData) -> tuple[Tensor, Tensor]:
    """Outputs [2, outputs, B(, T)] of nobody, and a few targets."""
    targets = data.train_targets[:_SAMPLES]
    shape = targets.shape[:-1] if targets.is_floating_point() else targets.shape
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn((2, len(data.output_names), *shape), generator=generator).double()
    return outputs, targets


def _try_loss(task: TaskSpec, data: TaskData) -> Iterator[str]:
    """What is wrong with the losses of two members' outputs."""
    outputs, targets = _sample(data)
    outputs.requires_grad_()
    loss = TaskLoss.of(task.loss, targets)
    wanted = loss.wanted(targets, outputs.shape[1], outputs.dtype)
    found: Any = loss.each(outputs, wanted)[0]
    yield from _misshapen(found, outputs)
    if not found.requires_grad:
        yield "what it gave does not follow from the outputs by torch's operations"
    if not bool(found.isfinite().all()):
        yield "what it gave for finite outputs is not finite"
    if not torch.equal(loss.each(outputs[:1], wanted)[0][0], found[0]):
        yield "what it gave for one member changes with the outputs of others"
    if loss.slope is not None:
        (slope,) = torch.autograd.grad(found.sum(), outputs)
        if not torch.allclose(slope, _slope(loss.slope, outputs.detach(), wanted)):
            yield f"slope: '{loss.slope}' is not the derivative of its `each`; leave slope out"


def _slope(name: Literal["difference", "softmax"], outputs: Tensor, wanted: Tensor) -> Tensor:
    """A derivative by the outputs as the perceptrons' fast path has it."""
    if name == "difference":
        return 2.0 * (outputs - wanted)
    chosen = torch.nn.functional.one_hot(wanted, outputs.shape[1]).movedim(-1, 0)
    return outputs.softmax(dim=1) - chosen


def _try_measure(task: TaskSpec, data: TaskData) -> Iterator[str]:
    """What is wrong with the performance of two members' outputs."""
    outputs, targets = _sample(data)
    measure = TaskMeasure.of(task.performance)
    if measure.kind.shares:
        yield from _misshapen(measure.each(outputs, targets)[0], outputs)
    found: Any = measure.performance(outputs, targets)
    if not isinstance(found, Tensor) or found.shape != (2,):
        yield f"gave {_told(found)}, but must give a number for each of 2 members"
    elif not torch.equal(measure.performance(outputs[:1], targets)[0], found[0]) and bool(
        found.isfinite().all()
    ):
        yield "what it gave for one member changes with the outputs of others"


def _misshapen(found: Any, outputs: Tensor) -> Iterator[str]:
    """A fault unless there is a value for each number, or for all outputs together."""
    allowed = (tuple(outputs.shape), (len(outputs), *outputs.shape[2:]))
    if not isinstance(found, Tensor) or tuple(found.shape) not in allowed:
        yield (
            f"gave {_told(found)} for outputs of the shape {allowed[0]}; must be a tensor of the "
            f"shape {allowed[0]} or {allowed[1]}"
        )


def _told(found: Any) -> str:
    if isinstance(found, Tensor):
        return f"a tensor of the shape {tuple(found.shape)}"
    return type(found).__name__
