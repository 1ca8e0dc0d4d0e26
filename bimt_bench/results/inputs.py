"""What users hand a network, as the tensor that its task's data would be."""

from collections.abc import Sequence
from math import prod

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.ground import InputError, closest


def raw_inputs(data: TaskData, given: object) -> Tensor:
    """Inputs [samples, ...] as the task's data have them: numbers or tokens, not yet scaled.

    `given` is an array, a tensor, nested lists, or a DataFrame whose columns are the task's inputs
    in any order. InputError, in one line, for another shape, for what are no finite numbers, for a
    token that the task does not have, and for columns that are missing.
    """
    if isinstance(given, pd.DataFrame):
        given = _columns(data, given)
    found = given if isinstance(given, Tensor) else _tensor(given)
    _check_shape(data, found)
    found = found.contiguous()  # products of what lies otherwise in memory round differently
    return _numbers(found) if data.tokens is None else _tokens(found, data.tokens)


def _columns(data: TaskData, frame: pd.DataFrame) -> np.ndarray:
    """The columns in the task's order: by name, or as they stand where they have no names."""
    if data.test_inputs.dim() != 2:
        raise InputError(
            f"inputs: a DataFrame given; samples have the shape {_sample(data)}, so give an array"
        )
    if list(frame.columns) != list(range(len(data.input_names))):
        names = [str(name) for name in frame.columns]
        lacking = [name for name in data.input_names if name not in names]
        if lacking:
            raise InputError(
                f"inputs: the DataFrame has no column '{lacking[0]}'{closest(lacking[0], names)} "
                f"(the task's inputs: {_few(data.input_names)})"
            )
        frame = frame.set_axis(names, axis="columns")[list(data.input_names)]
    return frame.to_numpy()


def _tensor(given: object) -> Tensor:
    try:
        found = np.asarray(given)
    except ValueError:  # lists of different lengths
        found = np.asarray(None)
    if found.dtype.kind in "iu":
        return torch.from_numpy(found.astype(np.int64))
    if found.dtype.kind in "bf":
        return torch.from_numpy(found.astype(np.float64))
    raise InputError(
        f"inputs: {type(given).__name__} given; should be an array of numbers, a tensor, lists of "
        "equal lengths or a DataFrame"
    )


def _check_shape(data: TaskData, found: Tensor) -> None:
    sample = tuple(data.test_inputs.shape[1:])
    if tuple(found.shape[1:]) == sample and found.dim():
        return
    one = tuple(found.shape) == sample
    hint = "; that is one sample: give a batch, as inputs[None] is" if one else ""
    raise InputError(
        f"inputs: shape {_shape(found.shape)} given; should be (samples, {_sample(data)}){hint}"
    )


def _numbers(found: Tensor) -> Tensor:
    if found.is_complex():
        raise InputError("inputs: complex numbers given; should be real numbers")
    if found.is_floating_point():
        lost = ~found.detach().isfinite()
        if lost.any():
            place = tuple(lost.nonzero()[0].tolist())
            raise InputError(
                f"inputs: {int(lost.sum())} of {prod(found.shape)} numbers are not finite, the "
                f"first at {list(place)}; a network takes finite numbers"
            )
    return found


def _tokens(found: Tensor, tokens: int) -> Tensor:
    if found.is_floating_point() or found.is_complex() or found.dtype == torch.bool:
        raise InputError(
            f"inputs: {found.dtype} given; the task's inputs are tokens, whole numbers from 0 to "
            f"{tokens - 1}"
        )
    strange = found[(found < 0) | (found >= tokens)]
    if strange.numel():
        raise InputError(f"inputs: token {int(strange[0])} given; tokens are 0 to {tokens - 1}")
    return found.long()


def _sample(data: TaskData) -> str:
    return ", ".join(map(str, data.test_inputs.shape[1:]))


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown}, ..., {names[-1]}"
