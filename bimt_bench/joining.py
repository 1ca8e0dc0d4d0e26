"""Frames whose columns differ, joined: a column that a frame lacks is missing in its rows."""

from collections.abc import Iterable, Sequence

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_extension_array_dtype


def join(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all frames, one after the other, with the columns of all.

    Nullable columns stay nullable: a whole number is none the less whole for being missing
    elsewhere. A column that is empty in one frame takes its type from the others.
    """
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
