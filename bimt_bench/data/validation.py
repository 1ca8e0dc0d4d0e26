"""Validation data: what a search looks at, so that the test data are looked at once, at its end.

Points of kinds that draw them at random are drawn anew; of other kinds a share of the training
data is held out. Both draws have streams of their own: training and test data stay as they are.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from bimt_bench.data.kind import DataKind
from bimt_bench.data.types import TaskData
from bimt_bench.data.usable import check_usable
from bimt_bench.ground import InputError, derive
from bimt_bench.spec import DataSettings

_STREAM = "validation"
_SEEDS = 2**32  # of them what draws data takes
Rows = Int[np.ndarray, " n"]


@dataclass(frozen=True)
class Validated:
    """A task's data while it is searched.

    trained: what its networks are trained and tested on, without what is held out. measured: the
    same, with the validation data in the place of the test data. held_out: the share of the
    training data that these are; 0 where they are drawn anew.
    """

    trained: TaskData
    measured: TaskData
    held_out: float


def of_kind(
    kind: DataKind,
    settings: DataSettings,
    data: TaskData,
    *,
    share: float,
    data_dir: Path | None = None,
) -> Validated:
    """The data of a task with validation data, drawn anew where the kind can, else held out.

    Raises InputError if a share cannot be held out, or for what cannot be measured on.
    """
    seed = derive(_STREAM, settings.digest()) % _SEEDS
    drawn = kind.drawn_anew(settings, seed=seed, data_dir=data_dir)
    if drawn is None:
        groups = kind.kept_together(settings, data_dir=data_dir)
        return _held_out(data, share=share, groups=groups, seed=seed)
    _check_drawn(kind, data, drawn)
    measured = replace(data, test_inputs=drawn.test_inputs, test_targets=drawn.test_targets)
    check_usable(measured)
    return Validated(data, measured, 0.0)


def _check_drawn(kind: DataKind, data: TaskData, drawn: TaskData) -> None:
    """InputError unless points that were drawn anew are other points of the same sort."""
    before, now = ((d.test_inputs.shape[1:], d.test_targets.shape[1:]) for d in (data, drawn))
    if before != now:
        raise InputError(f"data: kind '{kind.name}' draws validation data of another shape")
    if torch.equal(data.test_inputs, drawn.test_inputs):
        raise InputError(f"data: kind '{kind.name}' draws the test data again as validation data")


def _held_out(data: TaskData, *, share: float, groups: Rows | None, seed: int) -> Validated:
    """A share of the training rows in the place of the test data, the others trained on."""
    kept, held = (torch.from_numpy(rows) for rows in _parted(data, share, groups, seed))
    trained = replace(
        data, train_inputs=data.train_inputs[kept], train_targets=data.train_targets[kept]
    )
    measured = replace(
        trained, test_inputs=data.train_inputs[held], test_targets=data.train_targets[held]
    )
    try:
        check_usable(measured)
    except InputError as error:
        raise _refused(share, error) from error
    return Validated(trained, measured, share)


def _parted(data: TaskData, share: float, groups: Rows | None, seed: int) -> tuple[Rows, Rows]:
    """The training rows that are trained on while searching, and those held out, in order."""
    # here, because scikit-learn takes seconds to import
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    rows = np.arange(len(data.train_inputs))
    try:
        if groups is None:
            strata = _strata(data, share)
            kept, held = train_test_split(rows, test_size=share, random_state=seed, stratify=strata)
        else:
            splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
            kept, held = next(splitter.split(rows, groups=groups))
    except ValueError as error:
        raise _refused(share, error) from error
    return np.sort(kept), np.sort(held)


def _strata(data: TaskData, share: float) -> Rows | None:
    """The class of each training row, where every class can be in both parts."""
    classes = data.train_targets
    if classes.is_floating_point() or classes.dim() > 1:
        return None
    counts = torch.unique(classes, return_counts=True)[1]
    fewest = min(share, 1.0 - share) * len(classes)
    return classes.numpy() if int(counts.min()) > 1 and len(counts) <= int(fewest) else None


def _refused(share: float, error: Exception) -> InputError:
    told = " ".join(str(error).split())
    return InputError(f"search.held_out: {share:g} of the training data given: {told}")
