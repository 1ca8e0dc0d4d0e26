"""What becomes of a sweep as it runs and when it ends: MLflow runs, and a report a task."""

import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bimt_bench.ground import InputError, environment, from_here
from bimt_bench.results.delivery import (
    Courier,
    SweepFacts,
    SweepTracking,
    complete_configurations,
)
from bimt_bench.results.gallery import folder_name, of_sweep
from bimt_bench.results.loading import load
from bimt_bench.results.report import TaskReport, task_report
from bimt_bench.results.tracking import (
    Tracker,
    cause,
    masked,
    open_command,
    resolve_experiment,
    resolve_uri,
)
from bimt_bench.results.trained import Results
from bimt_bench.spec import TaskSpec, catalog, results_in
from bimt_bench.store import StoredPack
from bimt_bench.tuning import Checked, SweepResult, sweep_digest


@dataclass
class Tracked:
    """A sweep's runs in MLflow, the command that opens them, and the page that shows them."""

    runs: SweepTracking
    courier: Courier
    uri: str
    experiment: str
    page: str

    @property
    def open_command(self) -> str:
        """What a person types, or the address to visit, to see the runs."""
        return open_command(self.uri)

    def keep(self, task: TaskSpec, pack: StoredPack) -> None:
        """Hands over what a pack completes."""
        self.courier.pack_done(task, pack.frame, pack.curves)

    def finish(self, reports: Sequence[TaskReport], result: SweepResult) -> str | None:
        """Delivers all that is not delivered yet; what could not be, in one line.

        Where MLflow was lost meanwhile, or a parent was deleted, it is tried once more from the
        beginning, with what stands there.
        """
        left = list(reports)
        try:
            self.courier.finish()
            if self.courier.error is None:
                with suppress(Exception):
                    self._complete(left, result)
            if left:
                tracker = Tracker.open(self.uri, self.experiment)
                self.runs = SweepTracking(tracker, self.runs.facts)
                self._complete(left, result)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - tracking ends no sweep
            return self._undelivered(left, result, error)
        return None

    def _complete(self, left: list[TaskReport], result: SweepResult) -> None:
        """Delivers the tasks that are left, and takes each from the list."""
        while left:
            frame = result.frame[result.frame["task"] == left[0].task.name]
            self.runs.complete(left[0], frame, result.curves)
            del left[0]

    def _undelivered(
        self, left: Sequence[TaskReport], result: SweepResult, error: BaseException
    ) -> str:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else cause(error)
        begun, parts = self.runs.begun(), []
        for task in (report.task.name for report in left):
            frame = result.frame[result.frame["task"] == task]
            whole = complete_configurations(frame, self.runs.facts.seeds)
            lacking = len(whole - begun.get(task, set()))
            parts.append(f"{task} ({lacking} of {len(whole)} configurations, table and figures)")
        return (
            f"MLflow: not delivered to '{masked(self.uri)}': {', '.join(parts)}: {why}; "
            f"all results are kept, and this delivers the rest: {self._sync_command(result.folder)}"
        )

    def _sync_command(self, folder: Path) -> str:
        words = ["bimt-bench", "sync", from_here(folder)]
        if self.uri != resolve_uri():
            words += ["--tracking-uri", masked(self.uri)]
        if self.experiment != resolve_experiment():
            words += ["--experiment", self.experiment]
        for plugin in catalog.sweep(folder / "spec.yaml").plugins:
            words += ["--plugin", from_here(Path(plugin)) if os.sep in plugin else plugin]
        return shlex.join(words)


@contextmanager
def tracked(checked: Checked, uri: str | None, *, experiment: str | None) -> Iterator[Tracked]:
    """Tracks a sweep within; if that ends in an error, its runs are marked as failed.

    Raises InputError at once if no server or database answers at `uri`.
    """
    tracker = Tracker.open(uri, experiment)
    facts = SweepFacts(
        name=checked.spec.name,
        digest=sweep_digest(checked),
        spec_text=catalog.dump(checked.spec),
        environment=environment(),
        seeds=checked.spec.seeds,
    )
    runs = SweepTracking(tracker, facts)
    with tracker.patience():
        courier = Courier(runs)
        try:
            yield Tracked(
                runs, courier, resolve_uri(uri), resolve_experiment(experiment), tracker.page()
            )
        except BaseException:
            courier.leave()
            with suppress(Exception), tracker.impatience():
                runs.fail()
            raise


class SweepResults(Results):
    """The results of a sweep that this process ran, and what became of them.

    reports: figures and drawings, a task each. tracked: where MLflow shows the sweep, None if
    nowhere. undelivered: what did not get there, why, and the command that delivers it; None if all
    did.
    """

    folder: Path
    reports: tuple[TaskReport, ...] = ()
    tracked: Tracked | None = None
    undelivered: str | None = None


def finished(
    checked: Checked,
    result: SweepResult,
    *,
    tracked: Tracked | None,
    draw: str,
    tasks_dir: Path | None = None,
) -> SweepResults:
    """The results of a sweep with all figures and drawings made, and delivered to MLflow."""
    found = load(
        result.folder,
        kind=SweepResults,
        failed=result.failed,
        data_dir=checked.data_dir,
        tasks_dir=tasks_dir,
    )
    found.reports, found.tracked = _reports(found, checked, result, draw=draw), tracked
    if tracked is not None:
        found.undelivered = tracked.finish(found.reports, result)
    return found


def _reports(
    results: Results, checked: Checked, result: SweepResult, *, draw: str
) -> tuple[TaskReport, ...]:
    """The trade-off, figures and drawings of every task that has members; see `choice.DRAWN`."""
    reports: list[TaskReport] = []
    for task in (swept.spec for swept in checked.tasks):
        frame = results_in(result.frame[result.frame["task"] == task.name])
        if frame.empty:
            continue
        folder = result.folder / "figures" / folder_name(task.name)
        report = task_report(task, frame, result.curves, folder=folder)
        try:
            drawings = of_sweep(results, task.name, report.tradeoff, which=draw)
        except InputError as error:  # the trade-offs are worth having without them
            logging.getLogger(__name__).warning("%s: no networks drawn: %s", task.name, error)
            drawings = ()
        reports.append(replace(report, drawings=drawings))
    return tuple(reports)
