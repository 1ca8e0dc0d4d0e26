"""A user's own table: columns of a CSV, Parquet or NPZ file as inputs and outputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor

from bimt_bench.data.columns import (
    check_names,
    is_numeric,
    numbers,
    read_columns,
    refuse_unless,
    words,
)
from bimt_bench.data.files import FileSettings, read_content
from bimt_bench.data.kind import DataKind
from bimt_bench.data.splits import Rows, Split, parts
from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA

_MOST_CATEGORIES = 100  # of a column, each an input of its own
_MOST_CLASSES = 1000
Scaling = Literal["none", "standard", "minmax"]


@DATA.register
class Table(DataKind):
    """Columns of a CSV, Parquet or NPZ file of one's own, for regression or classes.

    Columns of words become one input a category, 'colour=red'. Scaling is fitted on the training
    part, and covers the numbers among inputs and outputs.
    """

    name = "table"
    title = "table from a file"

    class Settings(FileSettings):
        """The file, which of its columns are what, how rows are parted, and how numbers scale."""

        inputs: tuple[str, ...] = Field(
            default=(), description="columns; all that have no other use if left out"
        )
        outputs: tuple[str, ...] = Field(
            default=(), description="columns; all that have no other use if left out"
        )
        targets: Literal["numbers", "classes"] = Field(
            default="numbers", description="numbers: regression; classes: one column of names"
        )
        categories: tuple[str, ...] = Field(
            default=(), description="inputs that are categories though they are written as numbers"
        )
        split: Split = Field(default=Split(), description="which rows are trained on")
        scaling: Scaling = Field(
            default="standard",
            description="of numbers: none; standard: mean 0, deviation 1; minmax: 0 to 1",
        )

        @model_validator(mode="after")
        def _columns_have_one_use(self) -> Self:
            if not self.inputs and not self.outputs:
                raise ValueError("inputs and outputs are both left out; name the columns of one")
            if self.targets == "classes" and len(self.outputs) > 1:
                raise ValueError(f"classes are one column, but outputs are {list(self.outputs)}")
            used = [*self.inputs, *self.outputs, *self.split.columns]
            twice = next((one for i, one in enumerate(used) if one in used[:i]), None)
            if twice is not None:
                raise ValueError(f"column '{twice}' is given twice among inputs, outputs and split")
            return self

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Inputs float32 [n, columns]; targets float32 [n, outputs], or classes int64 [n].

        Rows keep their order within each part. Raises InputError, in one line, for a file that is
        missing or another one, unknown columns, values that are missing or not finite (with row
        and column), and outputs that there is nothing to learn of.
        """
        file = Path(settings.path).name
        table = read_columns(file, read_content(settings, data_dir))
        try:
            return _data_of(settings, table)
        except InputError as error:
            raise InputError(f"{error} (in '{file}')") from error

    def kept_together(
        self, settings: Any, *, data_dir: Path | None = None
    ) -> Int[np.ndarray, " n"] | None:
        """The group of each training row, where rows are split by group."""
        group = settings.split.group
        if group is None:
            return None
        table = read_columns(Path(settings.path).name, read_content(settings, data_dir))
        train, _ = parts(settings.split, table, seed=settings.seed, classes=None)
        return words(table, group, train, most=len(train))[1]


def _data_of(settings: Table.Settings, table: pa.Table) -> TaskData:
    """The table's columns as inputs and targets, parted and scaled."""
    inputs, outputs = _uses(settings, table)
    if settings.targets == "classes":
        train, test, targets, names = _classes(settings, table, outputs[0])
    else:
        train, test = parts(settings.split, table, seed=settings.seed, classes=None)
        names = outputs
        targets = _targets(settings, table, outputs, train, test)
    rows = np.concatenate([train, test])
    input_names, values = _inputs(settings, table, inputs, rows, len(train))
    return TaskData(
        train_inputs=values[: len(train)],
        train_targets=targets[: len(train)],
        test_inputs=values[len(train) :],
        test_targets=targets[len(train) :],
        input_names=input_names,
        output_names=names,
        tokens=None,
    )


def _uses(settings: Table.Settings, table: pa.Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that are inputs, and those that are outputs."""
    check_names(table, settings.inputs, field="data.inputs")
    check_names(table, settings.outputs, field="data.outputs")
    for field, name in (("group", settings.split.group), ("column", settings.split.column)):
        check_names(table, () if name is None else (name,), field=f"data.split.{field}")
    named = {*settings.inputs, *settings.outputs, *settings.split.columns}
    others = tuple(name for name in table.column_names if name not in named)
    inputs, outputs = settings.inputs or others, settings.outputs or others
    for field, names in (("inputs", inputs), ("outputs", outputs)):
        if not names:
            raise InputError(f"data.{field}: no column is left; name some")
    if settings.targets == "classes" and len(outputs) > 1:
        raise InputError(
            f"data.outputs: classes are one column; name one of {', '.join(outputs[:12])}"
        )
    check_names(table.select(inputs), settings.categories, field="data.categories")
    return inputs, outputs


def _classes(
    settings: Table.Settings, table: pa.Table, output: str
) -> tuple[Rows, Rows, Tensor, tuple[str, ...]]:
    """Training and test rows, the class of each of them, and the names of classes."""
    everything = np.arange(table.num_rows)
    by_share = settings.split.column is None
    held = words(table, output, everything, most=_MOST_CLASSES)[1] if by_share else None
    stratified = None if settings.split.group is not None else held
    _refuse_one_class(output, held)
    train, test = parts(settings.split, table, seed=settings.seed, classes=stratified)
    rows = np.concatenate([train, test])
    names, classes = words(table, output, rows, most=_MOST_CLASSES)
    _refuse_one_class(output, classes)
    absent = np.setdiff1d(np.arange(len(names)), classes[: len(train)])
    if len(absent):
        raise InputError(
            f"data.split: class '{names[absent[0]]}' of column '{output}' is in no row that is "
            "trained on; split in another way"
        )
    return train, test, torch.tensor(classes, dtype=torch.int64), names


def _refuse_one_class(output: str, classes: Int[np.ndarray, " n"] | None) -> None:
    if classes is not None and classes.min() == classes.max():
        raise InputError(f"data.outputs: column '{output}' has one class only")


def _targets(
    settings: Table.Settings, table: pa.Table, outputs: tuple[str, ...], train: Rows, test: Rows
) -> Tensor:
    """Numbers float32 [n, outputs], scaled."""
    rows, columns = np.concatenate([train, test]), []
    for name in outputs:
        if not is_numeric(table, name):
            raise InputError(
                f"data.outputs: column '{name}' holds words; regression needs numbers (targets: "
                "classes makes them classes)"
            )
        values = numbers(table, name, rows)
        if np.ptp(values[: len(train)]) == 0.0:
            raise InputError(
                f"data.outputs: column '{name}' is {values[0]:g} in every row that is trained on"
            )
        columns.append(_scaled(values, len(train), settings.scaling, rows, name))
    return torch.tensor(np.stack(columns, axis=1))


def _inputs(
    settings: Table.Settings,
    table: pa.Table,
    inputs: tuple[str, ...],
    rows: Int[np.ndarray, " n"],
    trained: int,
) -> tuple[tuple[str, ...], Tensor]:
    """Names, and values float32 [n, names] of which the first `trained` are trained on."""
    found = list(_columns(settings, table, inputs, rows, trained))
    values = torch.empty(len(rows), len(found))
    for i, (_, column) in enumerate(found):
        values[:, i] = torch.from_numpy(column)
    return tuple(name for name, _ in found), values


def _columns(
    settings: Table.Settings,
    table: pa.Table,
    inputs: tuple[str, ...],
    rows: Int[np.ndarray, " n"],
    trained: int,
) -> Iterator[tuple[str, Float[np.ndarray, " n"]]]:
    """Every input with its name: a column of numbers, or one for each category."""
    for name in inputs:
        if name not in settings.categories and is_numeric(table, name):
            values = numbers(table, name, rows)
            yield name, _scaled(values, trained, settings.scaling, rows, name)
            continue
        values, codes = words(table, name, rows, most=_MOST_CATEGORIES)
        for i, value in enumerate(values):
            yield f"{name}={value}", (codes == i).astype(np.float32)


def _scaled(
    values: Float[np.ndarray, " n"], trained: int, scaling: Scaling, rows: Rows, name: str
) -> Float[np.ndarray, " n"]:
    """A column as float32, scaled by what its first `trained` values say."""
    if scaling != "none":
        # here, because scikit-learn takes seconds to import
        from sklearn.preprocessing import MinMaxScaler, StandardScaler

        scaler = StandardScaler() if scaling == "standard" else MinMaxScaler()
        values = np.asarray(scaler.fit(values[:trained, None]).transform(values[:, None])).ravel()
    with np.errstate(over="ignore"):
        found = values.astype(np.float32)
    refuse_unless(np.isfinite(found), rows, name, lambda i: f"{values[i]:g}, beyond float32")
    return found
