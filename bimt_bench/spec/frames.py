"""The format of frames: a number that Parquet files carry, so that every later version reads them.

It stands in the schema's metadata under `bimt_bench.format`. Files of the first release have
none: they are of format 1. `bimt_bench.results.read_frame` reads every format up to `FORMAT`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from bimt_bench.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 2
"""Of the frames and curves that this version writes; 2 has columns `dial` and `dial_value`."""
_KEY = b"bimt_bench.format"


def with_format(table: "pa.Table") -> "pa.Table":
    """The table, its schema saying that it is of this version's format."""
    metadata = {**(table.schema.metadata or {}), _KEY: str(FORMAT).encode()}
    return table.replace_schema_metadata(metadata)


def format_of(file: Path) -> int:
    """The format of a Parquet file of frames or curves.

    A frame that pandas wrote again has lost its number, but has the column `dial`, which the
    first release had not. Raises InputError for a number that is none, or is newer than `FORMAT`,
    and pyarrow's ArrowInvalid for a file that is not Parquet.
    """
    import pyarrow.parquet as pq

    schema = pq.read_schema(file)
    number = (schema.metadata or {}).get(_KEY)
    if number is None:
        return FORMAT if {"dial", "charged_cost"} & set(schema.names) else 1
    if not number.isdigit() or not 1 <= int(number) <= FORMAT:
        raise InputError(
            f"frame: '{file}' is of format {number.decode(errors='replace')}, and this version "
            f"reads formats 1 to {FORMAT}; update bimt_bench"
        )
    return int(number)
