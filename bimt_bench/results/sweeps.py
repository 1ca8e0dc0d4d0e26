"""What becomes of a sweep as it runs and when it ends: MLflow runs, and a report a task."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bimt_bench.ground import environment, from_here
from bimt_bench.results.delivery import (
    Courier,
    SweepFacts,
    SweepTracking,
    complete_configurations,
)
from bimt_bench.results.loading import load
from bimt_bench.results.report import TaskReport
from bimt_bench.results.reporting import Reporter
from bimt_bench.results.tracking import (
    Tracker,
    cause,
    masked,
    open_command,
    resolve_experiment,
    resolve_uri,
)
from bimt_bench.results.trained import Results
from bimt_bench.spec import TaskSpec, catalog
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

    def finish(
        self,
        reports: Sequence[TaskReport],
        result: SweepResult,
        *,
        say: Callable[[str], None] = lambda _: None,
    ) -> str | None:
        """Delivers all that is not delivered yet; what could not be, in one line.

        Where MLflow was lost meanwhile, or a parent was deleted, it is tried once more from the
        beginning, with what stands there.
        """
        left = list(reports)
        try:
            self.courier.finish(say)
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
    reporter: Reporter,
    say: Callable[[str], None] = lambda _: None,
) -> SweepResults:
    """The results of a sweep with all figures and drawings made, and delivered to MLflow.

    `say` is told what goes on.
    """
    found = load(
        result.folder,
        kind=SweepResults,
        failed=result.failed,
        data_dir=checked.data_dir,
        tasks_dir=reporter.tasks_dir,
    )
    reporter.finish()
    made: list[TaskReport | None] = []
    for i, task in enumerate(checked.tasks, 1):
        say(f"making figures: {task.spec.name} ({i} of {len(checked.tasks)})")
        made.append(reporter.report(found, task.spec, result.curves))
    found.reports, found.tracked = tuple(one for one in made if one is not None), tracked
    if tracked is not None:
        say("logging to MLflow")
        found.undelivered = tracked.finish(found.reports, result, say=say)
    return found
