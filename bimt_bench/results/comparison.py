"""Trade-offs from finished sweeps: several results folders in one table and figure a task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bimt_bench.errors import InputError
from bimt_bench.metrics import metric
from bimt_bench.results.frames import read_frame
from bimt_bench.results.report import TaskReport, task_report
from bimt_bench.spec import catalog


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
        metric(x)
    frame = pd.concat([read_frame(run) for run in runs], ignore_index=True)
    curves = pd.concat([_curves(run) for run in runs], ignore_index=True)
    curves = curves.drop_duplicates(["member", "step"])
    for (name, steps), rows in frame.groupby(["task", "steps"], sort=False):
        task = catalog.task(str(name), tasks_dir)
        if set(rows["task_version"]) != {task.version}:
            found = ", ".join(str(v) for v in sorted(set(rows["task_version"])))
            raise InputError(
                f"task: {name} is version {task.version} here, but the results are of {found}"
            )
        folder = out / f"{task.name.replace('/', '-')}-{steps}"
        report = task_report(task, rows, curves, folder=folder, x=x)
        table = folder / "tradeoff.csv"
        report.tradeoff.table().to_csv(table, index=False)
        yield Comparison(report=report, table=table)


def _curves(run: Path) -> pd.DataFrame:
    file = run / "curves.parquet" if run.is_dir() else run.with_name("curves.parquet")
    if not file.is_file():
        raise InputError(f"run: no curves.parquet beside the frame of '{run}'")
    return pd.read_parquet(file)
