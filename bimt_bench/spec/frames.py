"""Frames: columns that all have, the format of their files, and how those of other columns join.

The format number stands in the schema's metadata under `bimt_bench.format`. Files of the first
release have none: they are of format 1. `bimt_bench.results.read_frame` reads every format up to
`FORMAT`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bimt_bench.ground import LIBRARIES, check_format

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMAT = 2
"""Of the frames and curves that this version writes; 2 has columns `dial` and `dial_value`."""
_KEY = b"bimt_bench.format"
IDENTITY = (
    "task", "recipe", "dial", "dial_value", "placement", "distance", "source", "seed",
    "configuration", "member",
)  # fmt: skip
"""Columns that say which member a row is, besides its settings."""
CIRCUMSTANCES = (
    "task_version", "task_digest", "shortened", "model", "loss", "performance_metric",
    "trivial_performance", "shuffles", "status", "reason", "metric_faults", "metric_gaps",
    "metric_versions", "seconds", "device", "training_digest", "scoring_digest",
    "bimt_bench_version",
    *(f"{name}_version" for name in LIBRARIES),
)  # fmt: skip
"""Columns that say under which circumstances a member was trained and scored."""


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
    return check_format(number.decode(errors="replace"), newest=FORMAT, where=str(file))


def join(frames: Sequence["pd.DataFrame"]) -> "pd.DataFrame":
    """The rows of all frames, one after the other, with the columns of all.

    Nullable columns stay nullable: a whole number is none the less whole for being missing
    elsewhere. A column that is empty in one frame takes its type from the others.
    """
    import pandas as pd  # here, as for most of what reads specifications it takes too long
    import pyarrow as pa
    from pandas.api.types import is_extension_array_dtype

    columns = merged(frame.columns for frame in frames)
    # Arrow, not pandas, joins them: a column that is null in one frame keeps its type.
    tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in frames]
    joined = pa.concat_tables(tables, promote_options="permissive").select(columns)
    nullable = {
        name: pd.array([], dtype=dtype)
        for frame in frames
        for name, dtype in frame.dtypes.items()
        if is_extension_array_dtype(dtype)
    }
    told = pa.Schema.from_pandas(pd.DataFrame(nullable), preserve_index=False).metadata
    return joined.replace_schema_metadata(told).to_pandas()


def merged(orders: Iterable[Iterable[str]]) -> list[str]:
    """The names of several orders in one: a new one stands after the one that it follows.

    [a, c], [a, b, c] -> [a, b, c]. Where orders disagree, the first counts.
    """
    found: list[str] = []
    for order in dict.fromkeys(map(tuple, orders)):
        place = 0
        for name in order:
            if name in found:
                place = found.index(name) + 1
            else:
                found.insert(place, name)
                place += 1
    return found
