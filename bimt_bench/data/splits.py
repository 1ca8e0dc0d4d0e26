"""Which rows of a table are trained on and which are tested on."""

from typing import Self

import numpy as np
import pyarrow as pa
from jaxtyping import Int
from pydantic import Field, model_validator

from bimt_bench.data.columns import words
from bimt_bench.ground import InputError, closest
from bimt_bench.spec import Spec

Rows = Int[np.ndarray, " n"]
_MOST_GROUPS = 1_000_000
_MOST_PARTS = 1000
_SHARE, _TRAIN, _TEST = 0.8, ("train",), ("test",)


class Split(Spec):
    """By share, drawn from the seed; by group, whose rows stay together; or as a column says."""

    share: float = Field(
        default=_SHARE, gt=0.0, lt=1.0, description="of the rows that is trained on"
    )
    group: str | None = Field(
        default=None, description="a column: rows of one value are all trained on, or all tested on"
    )
    column: str | None = Field(default=None, description="a column that says the part of each row")
    train: tuple[str | int | float | bool, ...] = Field(default=_TRAIN, min_length=1)
    test: tuple[str | int | float | bool, ...] = Field(default=_TEST, min_length=1)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        # by value, not by what was written: a task that is written out names every field
        if self.column is not None and (self.group is not None or self.share != _SHARE):
            raise ValueError("column says the part of every row; leave out share and group")
        if self.column is None and (self.train, self.test) != (_TRAIN, _TEST):
            raise ValueError("train and test are values of a column; name it as column")
        both = {str(one) for one in self.train} & {str(one) for one in self.test}
        if both:
            raise ValueError(f"'{min(both)}' is in train and in test")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads, which are no inputs."""
        return tuple(name for name in (self.group, self.column) if name is not None)


def parts(
    split: Split, table: pa.Table, *, seed: int, classes: Int[np.ndarray, " n"] | None
) -> tuple[Rows, Rows]:
    """The rows to train on and to test on, in order; a row that neither part has is left out.

    By share, classes (of all rows, if there are any) keep their shares. InputError if a part would
    be empty, or if a class is too small to be in both.
    """
    if split.column is not None:
        return _told(split, split.column, table)
    # here, because scikit-learn takes seconds to import
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    rows = np.arange(table.num_rows)
    try:
        if split.group is None:
            train, test = train_test_split(
                rows, train_size=split.share, random_state=seed, stratify=classes
            )
        else:
            _, group = words(table, split.group, rows, most=_MOST_GROUPS)
            splitter = GroupShuffleSplit(1, train_size=split.share, random_state=seed)
            train, test = next(splitter.split(rows, groups=group))
    except InputError:
        raise
    except ValueError as error:
        told = " ".join(str(error).split())
        raise InputError(f"data.split.share: {split.share:g} given: {told}") from error
    return np.sort(train), np.sort(test)


def _told(split: Split, column: str, table: pa.Table) -> tuple[Rows, Rows]:
    """The parts that a column says; a row without a word is in neither."""
    held = table.column(column)
    rows = np.flatnonzero(held.is_valid().to_numpy(zero_copy_only=False))
    values, number = words(table, column, rows, most=_MOST_PARTS)
    found = []
    for part in ("train", "test"):
        wanted = [_as_word(one) for one in getattr(split, part)]
        for one in wanted:
            if one not in values:
                raise InputError(
                    f"data.split.{part}: no row has '{one}' in column '{column}'"
                    f"{closest(one, values)} (values: {', '.join(values[:12])})"
                )
        found.append(rows[np.isin(number, [values.index(one) for one in wanted])])
    return found[0], found[1]


def _as_word(value: str | int | float | bool) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
