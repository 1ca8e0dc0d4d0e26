"""Whether data can be trained and tested on, whatever kind they are: asked of all when loaded."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError, fitting, unprintable

_LONGEST_NAME = 1000  # characters, as of a formula
_FEWEST = 2  # samples to test on: one cannot say how far predictions are off the mean


def check_usable(data: TaskData) -> None:
    """InputError, in one line, for the first thing that makes data unusable.

    Names that no terminal or figure can show, parts without samples, numbers that are not finite
    in their type, and answers or inputs that are the same for all samples.
    """
    if (fault := next(_faults(data), None)) is not None:
        raise InputError(f"data: {fault}")


def _faults(data: TaskData) -> Iterator[str]:
    for what, names in (("input", data.input_names), ("output", data.output_names)):
        for name in names:
            if len(name) > _LONGEST_NAME:
                yield f"the {what} '{fitting(name)}' has {len(name):,} characters; rename it"
            if (told := unprintable(name)) is not None:
                yield f"the {what} '{fitting(name)}' holds {told}; rename it"
    if len(data.train_inputs) == 0:
        yield "there is no sample to train on"
    if len(data.test_inputs) < _FEWEST:
        count = len(data.test_inputs)
        yield f"samples to test on: {count}; there must be {_FEWEST} or more"
    yield from _not_finite(data)
    yield from _unvaried(data)


def _not_finite(data: TaskData) -> Iterator[str]:
    """Inputs that are no finite numbers, and targets that are infinite; NaN is no answer."""
    for part, inputs, targets in _parts(data):
        if inputs.is_floating_point() and not bool(inputs.isfinite().all()):
            yield f"inputs of the {part} data are not finite numbers in {_type(inputs)}"
        if targets.is_floating_point() and bool(targets.isinf().any()):
            yield f"targets of the {part} data are beyond {_type(targets)}"


def _unvaried(data: TaskData) -> Iterator[str]:
    """Inputs or answers among which there is nothing to tell apart."""
    inputs = torch.cat([data.train_inputs, data.test_inputs])
    if bool((inputs == inputs[:1]).all()):
        yield f"the inputs of all samples are the same in {_type(inputs)}"
    targets = torch.cat([data.train_targets, data.test_targets])
    if not targets.is_floating_point():
        known = targets[targets >= 0]
        if known.numel() == 0 or bool((known == known[0]).all()):
            yield "all samples are of one class; there is nothing to learn"
        return
    for name, column in zip(data.output_names, targets.flatten(0, -2).T, strict=True):
        known = column[~column.isnan()]
        if known.numel() == 0 or bool((known == known[0]).all()):
            given = "no answer" if known.numel() == 0 else f"{known[0]:g}"
            yield (
                f"output '{fitting(name)}' is {given} in every sample, in {_type(targets)}; there "
                "is nothing to learn"
            )


def _parts(data: TaskData) -> Iterator[tuple[str, Tensor, Tensor]]:
    yield "training", data.train_inputs, data.train_targets
    yield "test", data.test_inputs, data.test_targets


def _type(values: Tensor) -> str:
    return str(values.dtype).removeprefix("torch.")
