"""What becomes of a sweep as it runs and when it ends: MLflow runs, and a report a task."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bimt_bench.ground import environment
from bimt_bench.results.gallery import folder_name, of_sweep
from bimt_bench.results.report import SweepTracking, TaskReport, task_report
from bimt_bench.results.tracking import Tracker, open_command
from bimt_bench.results.trained import Results
from bimt_bench.spec import TaskSpec, catalog
from bimt_bench.store import StoredPack
from bimt_bench.tuning import Checked, SweepResult, sweep_digest


@dataclass(frozen=True)
class Tracked:
    """A sweep's runs in MLflow, the command that opens them, and the page that shows them."""

    runs: SweepTracking
    open_command: str
    page: str

    def keep(self, task: TaskSpec, pack: StoredPack) -> None:
        """Logs what a pack completes."""
        self.runs.pack_done(task, pack.frame, pack.curves, pack.weights)


@dataclass(frozen=True)
class FinishedSweep:
    """A sweep with its reports, a task each, and where MLflow shows it (None: not tracked)."""

    result: SweepResult
    reports: tuple[TaskReport, ...]
    tracked: Tracked | None


@contextmanager
def tracked(checked: Checked, uri: str | None, *, data_dir: Path | None) -> Iterator[Tracked]:
    """Tracks a sweep within; if that ends in an error, its runs are marked as failed.

    Raises InputError at once if no server or database answers at `uri`.
    """
    tracker = Tracker.open(uri)
    runs = SweepTracking(
        tracker,
        sweep_name=checked.spec.name,
        sweep_digest=sweep_digest(checked),
        spec_text=catalog.dump(checked.spec),
        environment=environment(),
        seeds=checked.spec.seeds,
        data_dir=data_dir,
    )
    try:
        yield Tracked(runs, open_command(uri), tracker.page())
    except BaseException:
        runs.fail()
        raise


def task_reports(
    checked: Checked, result: SweepResult, tracking: Tracked | None = None, *, draw: str = "chosen"
) -> tuple[TaskReport, ...]:
    """The trade-off, figures and drawings of every task of a finished sweep that has members.

    draw: which networks, see `choice.DRAWN`.
    """
    reports: list[TaskReport] = []
    trained = Results.load(result.folder, data_dir=checked.data_dir)
    for task in (swept.spec for swept in checked.tasks):
        frame = result.frame[result.frame["task"] == task.name]
        if frame.empty:
            continue
        folder = result.folder / "figures" / folder_name(task.name)
        report = task_report(task, frame, result.curves, folder=folder)
        drawings = of_sweep(trained, task.name, report.tradeoff, which=draw)
        reports.append(replace(report, drawings=drawings))
        if tracking is not None:
            tracking.runs.finish(reports[-1], frame)
    return tuple(reports)
