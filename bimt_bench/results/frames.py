"""Frames of finished sweeps: read from a folder, and turned into trade-off tables."""

from pathlib import Path

import pandas as pd

from bimt_bench.errors import InputError
from bimt_bench.results.report import tradeoff_of
from bimt_bench.spec import catalog


def tradeoff_table(
    frame: pd.DataFrame, *, task: str | None = None, x: str | None = None
) -> pd.DataFrame:
    """The trade-off tables of a frame's tasks, or of `task`, one row a configuration."""
    tables = [
        tradeoff_of(catalog.task(str(name)), rows, x=x).table()
        for (name, _), rows in frame.groupby(["task", "steps"], sort=False)
        if task is None or name == task
    ]
    if not tables:
        known = ", ".join(sorted(set(frame["task"])))
        raise InputError(f"task: '{task}' is not in the frame (tasks: {known})")
    return pd.concat(tables, ignore_index=True)


def read_frame(path: Path) -> pd.DataFrame:
    """The frame of a results folder, or of a Parquet file; InputError if there is none."""
    file = path / "frame.parquet" if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"run: no frame.parquet in '{path}'; name a finished sweep's folder")
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(f"run: '{file}' is no readable Parquet file: {error}") from error
