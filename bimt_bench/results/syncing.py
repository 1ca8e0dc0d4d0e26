"""Delivers a finished sweep to MLflow from its results folder, as often as one likes."""

import re
from contextlib import nullcontext
from dataclasses import dataclass
from os import W_OK, access
from pathlib import Path

import pandas as pd

from bimt_bench.ground import InputError, environment
from bimt_bench.results.delivery import Delivered, SweepFacts, SweepTracking
from bimt_bench.results.drawn import tradeoff_of
from bimt_bench.results.frames import check_same, kept_tasks, read_curves, read_frame, task_in
from bimt_bench.results.gallery import drawn_before, folder_name
from bimt_bench.results.report import TaskReport, task_report
from bimt_bench.results.tracking import Tracker, cause, masked, open_command
from bimt_bench.spec import catalog, results_in
from bimt_bench.store import locked, read_environment


@dataclass(frozen=True)
class Synced:
    """What of a sweep stands in MLflow, a task each, and where to see it."""

    tasks: tuple[Delivered, ...]
    open_command: str
    page: str


def sync(
    folder: str | Path,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    tasks_dir: Path | None = None,
) -> Synced:
    """Writes to MLflow what of a finished sweep is not there yet; nothing is written twice.

    Raises InputError if the folder holds no finished sweep, or is in use; if a task has changed;
    if MLflow cannot be used, or is lost meanwhile.
    """
    path = Path(folder)
    frame, curves = read_frame(path), read_curves(path)
    facts = facts_of(path)
    with locked(path.resolve()) if access(path.resolve().parent, W_OK) else nullcontext():
        tracker = Tracker.open(tracking_uri, experiment)
        runs = SweepTracking(tracker, facts)
        done: list[Delivered] = []
        with tracker.patience():
            for name in dict.fromkeys(str(task) for task in frame["task"]):
                rows = frame[frame["task"] == name]
                if results_in(rows).empty:
                    continue
                report = _report(path, name, rows, curves, tasks_dir)
                try:
                    done.append(runs.complete(report, rows, curves))
                except Exception as error:  # each kind of database and server has its own
                    raise InputError(
                        f"tracking_uri: '{masked(tracker.uri)}' failed while {name} was written: "
                        f"{cause(error)}"
                    ) from error
    return Synced(tuple(done), open_command(tracking_uri), tracker.page())


def facts_of(folder: Path) -> SweepFacts:
    """What a results folder says of its sweep; InputError if it is none of a sweep."""
    told = read_environment(folder)
    file = folder / "spec.yaml"
    if not file.is_file() or not told:
        raise InputError(f"run: '{folder}' is not the results folder of a sweep")
    spec = catalog.sweep(file)
    return SweepFacts(
        name=spec.name,
        digest=_digest(folder, told.get("sweep_digest")),
        spec_text=file.read_text(encoding="utf-8"),
        # not what the file says of the sweep besides
        environment={key: told[key] for key in environment() if key in told},
        seeds=spec.seeds,
    )


def _digest(folder: Path, told: object) -> str:
    """The sweep's digest; folders of earlier versions say it in their name only."""
    named = re.search(r"-([0-9a-f]{12})(?:\.backup-\d+)?$", folder.resolve().name)
    found = told if isinstance(told, str) else named and named.group(1)
    if not found or not re.fullmatch(r"[0-9a-f]{12}", found):
        raise InputError(
            f"run: '{folder}' says nothing of its sweep's digest; give it back the name that it "
            "had, which ends in 12 hex digits"
        )
    return found


def _report(
    folder: Path, name: str, rows: pd.DataFrame, curves: pd.DataFrame, tasks_dir: Path | None
) -> TaskReport:
    """The report of a task with the figures that are there, or new ones if there are none."""
    task = task_in(rows, name, tasks_dir, kept=kept_tasks(folder))
    check_same(task, rows)
    figures = folder / "figures" / folder_name(task.name)
    held = sorted(file for file in figures.glob("*") if file.is_file())
    if not held:
        return task_report(task, rows, curves, folder=figures)
    tradeoff = tradeoff_of(task, rows)
    drawings = drawn_before(rows, tradeoff, folder=figures)
    drawn = {file for one in drawings for file in one.files}
    return TaskReport(task, tradeoff, tuple(file for file in held if file not in drawn), drawings)
