"""Reports of a sweep's tasks: of each as soon as all its members are in, beside the others' packs.

One thread makes them; what it could not make is made at the end, where its faults are told.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from bimt_bench.ground import InputError
from bimt_bench.results.gallery import folder_name, of_sweep
from bimt_bench.results.report import TaskReport, task_report
from bimt_bench.results.trained import Results
from bimt_bench.results.weights import shelf_of
from bimt_bench.spec import TaskSpec, results_in

Gathered = Callable[[], tuple[pd.DataFrame, pd.DataFrame]]


@dataclass
class Reporter:
    """Makes the report of each task of a sweep: its trade-off, figures and drawings.

    `draw`: see `choice.DRAWN`. `data_dir`, `tasks_dir`: where data and tasks of one's own lie.
    """

    draw: str
    data_dir: Path | None = None
    tasks_dir: Path | None = None
    _jobs: "queue.SimpleQueue[Callable[[], None] | None]" = field(default_factory=queue.SimpleQueue)
    _made: dict[str, tuple[list[str], TaskReport]] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def task_done(self, task: TaskSpec, folder: Path, gathered: Gathered) -> None:
        """Begins with the report of a task whose members are all in; does not wait for it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="reports", daemon=True)
            self._thread.start()
        self._jobs.put(lambda: self._make_early(task, folder, gathered))

    def report(self, results: Results, task: TaskSpec, curves: pd.DataFrame) -> TaskReport | None:
        """The report of a task of finished results: that made before, or a new one.

        None if no member of it is in the results.
        """
        frame = results_in(results.frame[results.frame["task"] == task.name])
        if frame.empty:
            return None
        members, made = self._made.get(task.name, ([], None))
        if made is not None and members == [*frame["member"]]:
            return made
        return self._make(results, task, frame, curves)

    def finish(self) -> None:
        """Waits for the reports that were begun."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _make_early(self, task: TaskSpec, folder: Path, gathered: Gathered) -> None:
        try:
            gathered_frame, curves = gathered()
            frame = results_in(gathered_frame)
            results = Results(
                frame,
                curves=lambda: curves,
                weights=shelf_of(folder),
                folder=folder,
                data_dir=self.data_dir,
                tasks_dir=self.tasks_dir,
            )
            made = self._make(results, task, frame, curves)
        except Exception:  # noqa: BLE001 - it is made again at the end, which tells what is wrong
            return
        self._made[task.name] = ([*frame["member"]], made)

    def _make(
        self, results: Results, task: TaskSpec, frame: pd.DataFrame, curves: pd.DataFrame
    ) -> TaskReport:
        assert results.folder is not None
        folder = results.folder / "figures" / folder_name(task.name)
        report = task_report(task, frame, curves, folder=folder)
        try:
            drawings = of_sweep(results, task.name, report.tradeoff, which=self.draw)
        except InputError as error:  # the trade-offs are worth having without them
            logging.getLogger(__name__).warning("%s: no networks drawn: %s", task.name, error)
            drawings = ()
        return replace(report, drawings=drawings)
