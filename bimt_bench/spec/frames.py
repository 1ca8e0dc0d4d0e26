"""The format of frames, as Parquet files say it of themselves."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bimt_bench.files import check_format

FORMAT = 2
_KEY = b"bimt_bench.format"


def with_format(table: pa.Table) -> pa.Table:
    """The table with the format that this version writes in its metadata."""
    return table.replace_schema_metadata(
        {**(table.schema.metadata or {}), _KEY: str(FORMAT).encode()}
    )


def format_of(path: Path) -> int:
    """The format of a Parquet file; 1 if it says nothing, InputError if it is newer than ours."""
    found = (pq.read_schema(path).metadata or {}).get(_KEY)
    text = None if found is None else found.decode(errors="replace")
    return check_format(text, newest=FORMAT, where=str(path))
