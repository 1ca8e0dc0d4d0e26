"""Frames of finished sweeps: read from a folder, parted by task, turned into trade-off tables."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from bimt_bench.ground import InputError
from bimt_bench.results.formats import read_curves_parquet, read_parquet
from bimt_bench.results.report import tradeoff_of
from bimt_bench.spec import TaskSpec, catalog


def tradeoff_table(
    frame: pd.DataFrame | str | Path, *, task: str | None = None, x: str | None = None
) -> pd.DataFrame:
    """The trade-off tables of a frame's tasks, or of `task`, one row a configuration.

    A results folder may stand for its frame. A task that was trained at several lengths has a
    table a length. Raises InputError for a task that is not in the frame, or whose content has
    changed since.
    """
    kept: Mapping[str, Path] = {}
    if not isinstance(frame, pd.DataFrame):
        frame, kept = read_frame(Path(frame)), kept_tasks(Path(frame))
    known = sorted(set(frame["task"]))
    wanted = frame if task is None else frame[frame["task"] == task]
    if wanted.empty:
        raise InputError(f"task: '{task}' is not in the frame (tasks: {', '.join(known)})")
    tables = [tradeoff_of(spec, rows, x=x).table() for spec, rows in by_task(wanted, kept=kept)]
    return pd.concat(tables, ignore_index=True)


def kept_tasks(folder: Path) -> dict[str, Path]:
    """The files of tasks that a sweep was given as files and that its results folder keeps."""
    root = folder / "tasks"
    return {
        file.relative_to(root).with_suffix("").as_posix(): file for file in root.glob("*/*.yaml")
    }


def by_task(
    frame: pd.DataFrame,
    tasks_dir: Path | None = None,
    *,
    kept: Mapping[str, Path] | None = None,
) -> Iterator[tuple[TaskSpec, pd.DataFrame]]:
    """Each task of a frame with its rows, at each length by itself; `kept`: see `kept_tasks`.

    Raises InputError for a task that is not here, or that is another version or has other content
    here than where the members were trained.
    """
    keys = [name for name in ("task", "steps") if name in frame]
    for (name, *_), rows in frame.groupby(keys, sort=False, dropna=False):
        task = catalog.task(str(name), tasks_dir, file=(kept or {}).get(str(name)))
        _check_same(task, rows)
        yield task, rows


def read_frame(path: Path) -> pd.DataFrame:
    """The frame of a results folder, or of a Parquet file of any format; InputError if none."""
    file = path / "frame.parquet" if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"run: no frame.parquet in '{path}'; name a finished sweep's folder")
    return read_parquet(file)


def read_curves(path: Path) -> pd.DataFrame:
    """The learning curves of a results folder, or beside a frame's file; InputError if none."""
    file = path / "curves.parquet" if path.is_dir() else path.with_name("curves.parquet")
    if not file.is_file():
        raise InputError(f"run: no curves.parquet beside the frame of '{path}'")
    return read_curves_parquet(file)


def _check_same(task: TaskSpec, rows: pd.DataFrame) -> None:
    """Raises InputError where rows say that they are of another task of that name."""
    for column, here in (("task_version", task.version), ("task_digest", task.digest())):
        there = set(rows[column].dropna()) - {here} if column in rows else set()
        if there:
            word = "version" if column == "task_version" else "content, digest"
            found = ", ".join(sorted(str(value) for value in there))
            raise InputError(
                f"task: '{task.name}' is of {word} {here} here, but the results are of {found}"
            )
