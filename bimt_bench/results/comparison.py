"""Trade-offs from finished sweeps: several results folders in one table and figure a task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bimt_bench.metrics import METRICS
from bimt_bench.results.columns import plain_cell
from bimt_bench.results.corner import Corner
from bimt_bench.results.frames import by_task, in_frame, kept_curves, kept_tasks, read_frame
from bimt_bench.results.gallery import folder_name
from bimt_bench.results.report import TaskReport, task_report
from bimt_bench.results.scores import with_scores
from bimt_bench.spec import carrying_all


@dataclass(frozen=True)
class Comparison:
    """One task's report over all given sweeps, and the CSV files of its tables.

    Those are a row a configuration, and a row a recipe.
    """

    report: TaskReport
    tables: tuple[Path, ...]


def compare(
    runs: Sequence[Path],
    *,
    task: str | None = None,
    x: str | None = None,
    y: str | None = None,
    corner: Corner = "task",
    out: Path,
    tasks_dir: Path | None = None,
) -> Iterator[Comparison]:
    """Tables and figures of a task, or every task, in some results, into `out/<task>/`.

    `runs` are results folders or Parquet files of frames; metrics that were measured later count
    with those of the frame. `x` and `y` name metrics, else the task's modularity axis and
    performance; `corner` is what volumes are counted from. A member that several sweeps trained
    counts once; a task swept at several lengths gives a comparison a length. A metric that some of
    the results of a task lack counts as not measured in any. Learning curves are drawn where they
    were kept. Raises InputError for what holds no results, for a task that is not
    there or has changed since, and for a metric that is unknown or was not measured.
    """
    for name in filter(None, (x, y)):
        METRICS.get_kind(name)
    frames = [_scored(run) for run in runs]
    frame = _joined(frames)
    if task is not None:
        frame = frame[frame["task"] == in_frame(task, frame["task"].unique())]
    curves = _curves(runs)
    kept = {name: file for run in runs for name, file in kept_tasks(run).items()}
    for spec, own in by_task(frame, tasks_dir, kept=kept):
        rows = own.drop(columns=_measured_in_part(frames, spec.name))
        length = plain_cell(rows["steps"].iloc[0]) if "steps" in rows else None
        name = folder_name(spec.name)
        folder = out / (name if length is None else f"{name}-{length}")
        report = task_report(spec, rows, curves, folder=folder, x=x, y=y, corner=corner)
        tables = {"tradeoff": report.tradeoff.table(), "recipes": report.tradeoff.recipe_table()}
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
        yield Comparison(report=report, tables=tuple(folder / f"{name}.csv" for name in tables))


def _scored(run: Path) -> pd.DataFrame:
    """The frame of a run with all metrics that were measured of it."""
    return with_scores(read_frame(run), run)


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return carrying_all(pd.concat(frames, ignore_index=True), frames)


def _measured_in_part(frames: Sequence[pd.DataFrame], task: str) -> list[str]:
    """The metrics that some frames with members of a task have and others lack.

    Members that lack one are not lost, and must not count as if they were.
    """
    held = [set(METRICS) & set(one.columns) for one in frames if (one["task"] == task).any()]
    return sorted(set.union(*held) - set.intersection(*held))


def _curves(runs: Sequence[Path]) -> pd.DataFrame | None:
    """The learning curves of the runs that have them, each once; None if there are none."""
    found = [curves for run in runs if (curves := kept_curves(run)) is not None]
    if not found:
        return None
    return pd.concat(found, ignore_index=True).drop_duplicates(["member", "step"])
