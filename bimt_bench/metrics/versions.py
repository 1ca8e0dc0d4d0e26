"""Of which version of its metric a value is: a column of frames, which keeps old and new apart."""

import json
from collections.abc import Iterable

import pandas as pd

from bimt_bench.ground import InputError
from bimt_bench.spec import METRICS

VERSIONS = "metric_versions"
"""The column: JSON of metric -> version of those beyond their first; null where there are none."""


def versions_cell(names: Iterable[str]) -> str | None:
    """What the column says of a member that was measured by these metrics, as they are now."""
    beyond = {name: METRICS[name].version for name in names if METRICS[name].version > 1}
    return json.dumps(beyond) if beyond else None


def versions_column(names: Iterable[str], members: int) -> pd.Series:
    """The column of so many members, measured by these metrics, as they are now."""
    return pd.Series([versions_cell(names)] * members, dtype="string", name=VERSIONS)


def versions_in(frame: pd.DataFrame, name: str) -> pd.Series:
    """The version of a metric that each row's value is of; 1 in frames that do not say it."""
    if VERSIONS not in frame:
        return pd.Series(1, index=frame.index)
    told = {cell: told_versions(cell).get(name, 1) for cell in frame[VERSIONS].dropna().unique()}
    return frame[VERSIONS].map(told).fillna(1).astype(int)


def told_versions(cell: object) -> dict[str, int]:
    """What a cell of the column says; empty for one that is missing."""
    return json.loads(cell) if isinstance(cell, str) else {}


def one_version(frame: pd.DataFrame, name: str) -> int:
    """The version of which all values of a metric in a frame are; 1 if there is no value.

    InputError if they are of several: those are not to be compared.
    """
    found = sorted(set(versions_in(frame, name)[frame[name].notna()].tolist()))
    if len(found) > 1:
        listed = " and ".join(str(one) for one in found)
        raise InputError(
            f"frame: '{name}' was measured in versions {listed}, which do not compare; where "
            f"weights were kept, bimt-bench metrics RUN --metrics {name} measures all alike"
        )
    return found[0] if found else 1
