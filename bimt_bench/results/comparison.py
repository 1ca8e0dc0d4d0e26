"""Trade-offs from finished sweeps: several results folders in one table and figure a task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bimt_bench.metrics import METRICS
from bimt_bench.results.columns import plain_cell
from bimt_bench.results.frames import by_task, kept_tasks, read_curves, read_frame
from bimt_bench.results.report import TaskReport, task_report
from bimt_bench.spec import carrying_all


@dataclass(frozen=True)
class Comparison:
    """One task's report over all given sweeps, and the CSV its table went to."""

    report: TaskReport
    table: Path


def compare(
    runs: Sequence[Path], *, x: str | None = None, out: Path, tasks_dir: Path | None = None
) -> Iterator[Comparison]:
    """Tables and figures of every task in some results folders, into `out/<task>/`.

    A member that several sweeps trained counts once; a task swept at several lengths gives a
    comparison a length. Raises InputError for a folder that holds no results or for a task that
    has changed since.
    """
    if x is not None:
        METRICS.get_kind(x)
    frames = [read_frame(run) for run in runs]
    frame = carrying_all(pd.concat(frames, ignore_index=True), frames)
    curves = pd.concat([read_curves(run) for run in runs], ignore_index=True)
    curves = curves.drop_duplicates(["member", "step"])
    kept = {name: file for run in runs for name, file in kept_tasks(run).items()}
    for task, rows in by_task(frame, tasks_dir, kept=kept):
        length = plain_cell(rows["steps"].iloc[0]) if "steps" in rows else None
        name = task.name.replace("/", "-")
        folder = out / (name if length is None else f"{name}-{length}")
        report = task_report(task, rows, curves, folder=folder, x=x)
        table = folder / "tradeoff.csv"
        report.tradeoff.table().to_csv(table, index=False)
        yield Comparison(report=report, table=table)
