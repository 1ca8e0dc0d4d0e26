"""A finite operation of one's own, from its table: what each pair of elements gives."""

import csv
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, ValidationInfo, model_validator

from bimt_bench.data.files import beside
from bimt_bench.data.kind import DataKind
from bimt_bench.data.pairs import all_pairs, of_pairs
from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA, DataSettings, told

_MOST = 256  # elements


@DATA.register
class Operation(DataKind):
    """Any operation on 0 to n - 1, from its table: row a, column b holds what a and b give."""

    name = "operation"
    title = "operation from a table"

    class Settings(DataSettings):
        """The table, or a CSV file without a header that holds it, and the share trained on."""

        table: tuple[tuple[int, ...], ...] = Field(default=(), description="a list of rows")
        path: str = told("", "a CSV file with the rows, read into `table`")
        train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)

        @model_validator(mode="before")
        @classmethod
        def _read(cls, given: Any, info: ValidationInfo) -> Any:
            """The rows of the file in the place of its path, so that they travel with the task."""
            if not isinstance(given, dict) or not isinstance(given.get("path"), str):
                return given
            if "table" in given or not given["path"]:
                return given
            return {**given, "table": _rows(beside(given["path"], info))}

        @model_validator(mode="after")
        def _has_rows(self) -> Self:
            if not self.table:
                raise ValueError("give a table, or a path to one")
            return self

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Tokens (a, b) int64 [n, 2] below the number of elements, classes int64 [n].

        See `of_pairs`. Raises InputError for a table that is not square, that holds something
        which is no element, or that gives the same for every pair.
        """
        table = settings.table
        _check(table)
        a, b = all_pairs(len(table)).T
        return of_pairs(
            np.array(table, dtype=np.int64)[a, b],
            tuple(map(str, range(len(table)))),
            train_fraction=settings.train_fraction,
            seed=settings.seed,
        )


def _rows(path: Path) -> list[list[str]]:
    """The cells of a CSV file, which pydantic then takes for numbers, or refuses by their place."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"path: '{path}' cannot be read: {error}") from error


def _check(table: tuple[tuple[int, ...], ...]) -> None:
    count = len(table)
    if not 2 <= count <= _MOST:
        raise InputError(f"data.table: {count} rows given; should be 2 to {_MOST}")
    for i, row in enumerate(table):
        if len(row) != count:
            raise InputError(
                f"data.table.{i}: {len(row)} numbers in a table of {count} rows; should be {count}"
            )
        for j, value in enumerate(row):
            if not 0 <= value < count:
                raise InputError(f"data.table.{i}.{j}: {value} given; should be 0 to {count - 1}")
    if len({value for row in table for value in row}) == 1:
        raise InputError(f"data.table: every pair gives {table[0][0]}; there is nothing to learn")
