"""Reads a file of columns (CSV, Parquet, NPZ), and takes numbers or words from a column."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from jaxtyping import Float, Int

from bimt_bench.ground import InputError, closest

_SHOWN = 12  # names of columns in a message


def read_columns(name: str, content: bytes) -> pa.Table:
    """The columns of a file, whose format its name ends with.

    In an NPZ file, every array of one axis is a column, and one of two axes is as many, named by
    number: x0, x1, ... Nothing is unpickled. InputError, in one line, for another format, a file
    that cannot be read, columns of one name, and a file without rows.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in _READERS:
        raise InputError(f"data.path: '{name}' given; should end with {', '.join(_READERS)}")
    try:
        table = _READERS[suffix](content)
        names = table.column_names
    except (pa.ArrowException, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        told = " ".join(str(error).split())
        raise InputError(f"data.path: '{name}' cannot be read: {told}") from error
    twice = next((one for i, one in enumerate(names) if one in names[:i]), None)
    if twice is not None:
        raise InputError(f"data.path: '{name}' has two columns '{twice}'; rename one")
    if table.num_rows == 0 or not names:
        raise InputError(f"data.path: '{name}' has no rows")
    return table


def check_names(table: pa.Table, names: tuple[str, ...], *, field: str) -> None:
    """InputError, with the nearest name, for the first that is no column's."""
    columns = table.column_names
    for i, name in enumerate(names):
        if name not in columns:
            listed = ", ".join(columns[:_SHOWN]) + (", ..." if len(columns) > _SHOWN else "")
            where = f"{field}.{i}" if len(names) > 1 else field
            raise InputError(
                f"{where}: no column '{name}'{closest(name, columns)} (columns: {listed})"
            )


def is_numeric(table: pa.Table, name: str) -> bool:
    """Whether a column holds numbers, or true and false; InputError for dates and the like."""
    kind = table.schema.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    if any(test(kind) for test in tests):
        return True
    if any(
        test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
    ) or pa.types.is_string_view(kind):
        return False
    hint = "save the file as UTF-8" if pa.types.is_binary(kind) else "write it as numbers or words"
    raise InputError(f"data.path: column '{name}' holds {kind}; {hint}")


def numbers(table: pa.Table, name: str, rows: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """A column at some rows; InputError, with row and column, where a number is missing."""
    column = table.column(name)
    found = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)[rows]
    refuse_unless(np.isfinite(found), rows, name, lambda i: _shown(found[i]))
    return found


def words(
    table: pa.Table, name: str, rows: Int[np.ndarray, " n"], *, most: int
) -> tuple[tuple[str, ...], Int[np.ndarray, " n"]]:
    """The different values of a column at some rows, sorted, and the number of that of each row.

    Numbers are sorted as numbers. InputError where one is missing, and for more than `most`.
    """
    column = table.column(name).combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = column.indices.to_numpy(zero_copy_only=False)
    missing = column.indices.is_null().to_numpy(zero_copy_only=False)
    refuse_unless(~missing[rows], rows, name, lambda _: "missing")
    present, numbered = np.unique(codes[rows].astype(np.int64), return_inverse=True)
    if len(present) > most:
        raise InputError(
            f"data.path: column '{name}' has {len(present)} different values, of which at most "
            f"{most} can be told apart{_almost_numeric(table, name, rows)}"
        )
    values = column.dictionary.take(pa.array(present)).to_pylist()
    order = sorted(range(len(values)), key=lambda i: values[i])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return tuple(_word(values[i]) for i in order), rank[numbered]


def refuse_unless(
    usable: np.ndarray,
    rows: Int[np.ndarray, " n"],
    name: str,
    shown: Callable[[int], str],
) -> None:
    """InputError with the first row that is not usable, counted from 1 without the header."""
    if usable.all():
        return
    bad = np.flatnonzero(~usable)
    first = bad[rows[bad].argmin()]
    others = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
    raise InputError(
        f"data.path: row {rows[first] + 1}, column '{name}': {shown(int(first))}{others}; every "
        "value that is used must be there and finite"
    )


def _shown(value: float) -> str:
    return "missing" if np.isnan(value) else f"{value}"


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _almost_numeric(table: pa.Table, name: str, rows: np.ndarray) -> str:
    """Where a column of numbers has the word that made it one of words; else nothing."""
    values = table.column(name).to_pylist()
    for row in np.sort(rows):
        try:
            float(values[row])
        except (TypeError, ValueError):
            return f"; row {row + 1} holds '{values[row]}', which is no number"
    return ""


def _csv(content: bytes) -> pa.Table:
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    return pyarrow.csv.read_csv(pa.BufferReader(content), convert_options=options)


def _parquet(content: bytes) -> pa.Table:
    return pyarrow.parquet.read_table(pa.BufferReader(content))


def _npz(content: bytes) -> pa.Table:
    names, columns = list[str](), list[np.ndarray]()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        if isinstance(arrays, np.ndarray):
            raise ValueError("it holds one array without a name; write it with numpy.savez")
        for name in arrays.files:
            array = arrays[name]
            if array.ndim not in (1, 2):
                raise ValueError(f"array '{name}' has {array.ndim} axes; should be 1 or 2")
            split = [array] if array.ndim == 1 else list(array.T)
            columns += [np.ascontiguousarray(one) for one in split]
            names += [name] if array.ndim == 1 else [f"{name}{i}" for i in range(len(split))]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"its arrays have {', '.join(map(str, sorted(lengths)))} rows")
    return pa.Table.from_arrays([pa.array(column) for column in columns], names=names)


_READERS: Mapping[str, Callable[[bytes], pa.Table]] = MappingProxyType(
    {".csv": _csv, ".parquet": _parquet, ".npz": _npz}
)
