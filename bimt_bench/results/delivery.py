"""Delivers a sweep to MLflow: each configuration as its seeds are complete, the whole at its end.

Nothing of it holds up a sweep or ends it. One thread writes while packs run; what it could not
deliver is delivered at the end, and what cannot be delivered then, by `sync` from the folder.
"""

import math
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from bimt_bench.results.drawn import axis_of
from bimt_bench.results.report import TaskReport
from bimt_bench.results.titles import published_settings
from bimt_bench.results.tracking import Tracker
from bimt_bench.results.tradeoff import Hypervolume
from bimt_bench.spec import TaskSpec

# Configurations summarised at a time: pandas takes as long for one as for a hundred.
_MOST = 64
_JOIN_SECONDS = 5
_SAY_SECONDS = 5.0


@dataclass(frozen=True)
class SweepFacts:
    """What MLflow is told of a sweep besides its results."""

    name: str
    digest: str
    spec_text: str
    environment: Mapping[str, object]
    seeds: Sequence[int]


@dataclass(frozen=True)
class Delivered:
    """How many of a task's configurations stand in MLflow, and how many of them are new."""

    task: str
    configurations: int
    new: int


class SweepTracking:
    """One sweep's runs in MLflow: a parent a task, a child a configuration."""

    def __init__(self, tracker: Tracker, facts: SweepFacts) -> None:
        self.tracker = tracker
        self.facts = facts
        self._parents: dict[str, str] = {}
        self._usual: dict[tuple[str, str], Mapping[str, object]] = {}

    def log(self, task: TaskSpec, rows: pd.DataFrame, curves: pd.DataFrame) -> None:
        """Writes the configurations of a task's rows that are not there yet."""
        self.tracker.log_configurations(
            self._parent(task.name),
            rows,
            curves,
            published=self._published(task, rows),
            axis=axis_of(task, rows),
        )

    def complete(self, report: TaskReport, frame: pd.DataFrame, curves: pd.DataFrame) -> Delivered:
        """Writes what is missing of a task: children, then the parent's table and figures.

        A configuration that lacks a seed is left out; a resumed sweep brings the others.
        """
        task = report.task
        parent = self._parent(task.name)
        before = self.tracker.written(parent)
        whole = complete_configurations(frame, self.facts.seeds)
        self.log(task, frame[frame["configuration"].isin(whole)], curves)
        # the first of a configuration's drawings; they are PNG before other formats
        drawn = {one.configuration: one.files[0] for one in reversed(report.drawings)}
        self.tracker.draw(parent, drawn)
        self.tracker.finish_task(
            parent,
            report.tradeoff.table(),
            figures=report.files,
            metrics=_totals(report, frame),
        )
        after = self.tracker.written(parent)
        return Delivered(task.name, len(after), len(after - before))

    def begun(self) -> dict[str, set[str]]:
        """By task, the configurations that are known to stand in MLflow."""
        return {task: self.tracker.written(parent) for task, parent in self._parents.items()}

    def fail(self) -> None:
        """Marks what was begun as failed; a resumed sweep takes it up again."""
        for parent in self._parents.values():
            self.tracker.fail(parent)

    def _parent(self, task: str) -> str:
        """The run of a task, started when first asked for."""
        if task not in self._parents:
            self._parents[task] = self.tracker.start_task(
                task,
                self.facts.name,
                sweep_digest=self.facts.digest,
                spec_text=self.facts.spec_text,
                environment=self.facts.environment,
            )
        return self._parents[task]

    def _published(self, task: TaskSpec, rows: pd.DataFrame) -> Mapping[str, Mapping[str, object]]:
        """By recipe, its settings as the task has them."""
        recipes = [str(recipe) for recipe in rows["recipe"].unique()]
        for recipe in recipes:
            if (task.name, recipe) not in self._usual:
                self._usual[task.name, recipe] = published_settings(task, recipe)
        return {recipe: self._usual[task.name, recipe] for recipe in recipes}


@dataclass
class _Job:
    task: TaskSpec
    rows: pd.DataFrame
    curves: pd.DataFrame


@dataclass
class Courier:
    """The thread that writes to MLflow while packs run, and gives up where MLflow is lost."""

    runs: SweepTracking
    error: Exception | None = None
    _jobs: "queue.SimpleQueue[_Job | None]" = field(default_factory=queue.SimpleQueue)
    _waiting: dict[str, list[_Job]] = field(default_factory=dict)
    _leaving: threading.Event = field(default_factory=threading.Event)
    _handed: int = 0
    _written: int = 0

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._write, name="mlflow", daemon=True)
        self._thread.start()

    def pack_done(self, task: TaskSpec, frame: pd.DataFrame, curves: pd.DataFrame) -> None:
        """Hands over the configurations whose seeds are complete with this pack."""
        whole: list[_Job] = []
        for name, rows in frame.groupby("configuration", sort=False):
            parts = self._waiting.setdefault(str(name), [])
            parts.append(_Job(task, rows, curves[curves["member"].isin(rows["member"])]))
            if sum(len(part.rows) for part in parts) >= len(self.runs.facts.seeds):
                whole += self._waiting.pop(str(name))
        for start in range(0, len(whole), _MOST):
            job = _joined(whole[start : start + _MOST])
            self._handed += job.rows["configuration"].nunique()
            self._jobs.put(job)

    def finish(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Waits until all that was handed over is written, or MLflow is given up.

        `say` is told now and then how much is left.
        """
        self._jobs.put(None)
        self._thread.join(_SAY_SECONDS)
        while self._thread.is_alive():
            say(f"logging to MLflow: {self._handed - self._written} configurations left")
            self._thread.join(_SAY_SECONDS)

    def leave(self) -> None:
        """Writes no more; what is being written may end."""
        self._leaving.set()
        self._jobs.put(None)
        self._thread.join(_JOIN_SECONDS)

    def _write(self) -> None:
        try:
            while (job := self._jobs.get()) is not None and not self._leaving.is_set():
                self.runs.log(job.task, job.rows, job.curves)
                self._written += job.rows["configuration"].nunique()
        except Exception as error:  # noqa: BLE001 - whatever it is, the sweep goes on
            self.error = error


def complete_configurations(frame: pd.DataFrame, seeds: Sequence[int]) -> set[str]:
    """The configurations of which every seed is there."""
    counts = frame.groupby("configuration")["seed"].nunique()
    return {str(name) for name in counts.index[counts >= len(seeds)]}


def _joined(jobs: Sequence[_Job]) -> _Job:
    if len(jobs) == 1:
        return jobs[0]
    rows = pd.concat([job.rows for job in jobs], ignore_index=True)
    curves = pd.concat([job.curves for job in jobs], ignore_index=True)
    return _Job(jobs[0].task, rows, curves)


def _totals(report: TaskReport, frame: pd.DataFrame) -> dict[str, float]:
    """What a task's parent says in numbers: hypervolumes, sizes of fronts, members."""
    found = report.tradeoff
    metrics = {
        **_volumes(found.hypervolume),
        "front_size": float(len(found.front)),
        "members": float(found.members),
        "diverged": float(found.diverged),
        "seconds": float(frame["seconds"].sum()),
    }
    for line in found.lines:
        metrics[f"hypervolume/{line.recipe}"] = line.hypervolume.value
        metrics[f"front/{line.recipe}"] = float(sum(p.on_front for p in line.points))
    return metrics


def _volumes(found: Hypervolume) -> dict[str, float]:
    """The figures of a volume that are known; a single seed has the raw one alone."""
    named = {
        "hypervolume": found.value,
        "hypervolume_low": found.h_low,
        "hypervolume_high": found.h_high,
        "hypervolume_raw": found.raw,
        "hypervolume_smoothed": found.m,
    }
    return {name: value for name, value in named.items() if math.isfinite(value)}
