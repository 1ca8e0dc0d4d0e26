"""Ranks: from the verdicts of a board to a table a task, and one across tasks.

docs/leaderboard-ranks.md says in plain words what is computed and why.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bimt_bench.ground import InputError, closest
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.candidates import Candidate, of_task
from bimt_bench.leaderboard.checking import version_of
from bimt_bench.leaderboard.kept import Kept
from bimt_bench.leaderboard.measured import GOAL, frame_of, judged
from bimt_bench.leaderboard.overall import overall
from bimt_bench.leaderboard.seating import levels_of, seated, unseated
from bimt_bench.leaderboard.standings import Axis, Dated, Ranking, TaskTable
from bimt_bench.metrics import METRICS, direction
from bimt_bench.spec import MEASURES, TaskSpec, catalog

Together = tuple[str, int | None, int | None]
"""What entries share that stand in one table: the task's digest, the versions of both axes."""


def rank(
    board: Board,
    tasks: Sequence[str] = (),
    *,
    tasks_dir: Path | None = None,
    kept: Kept | None = None,
) -> Ranking:
    """The tables of some tasks, or of all on the board, and what follows across them.

    kept: where figures of entries are kept, so that those of an entry are found once.
    InputError for a task that is unknown, or of which the board has no entries.
    """
    names = asked(board, tasks)
    found = tuple(task_table(board, catalog.task(name, tasks_dir), kept) for name in names)
    return Ranking(found, overall(found))


def asked(board: Board, tasks: Sequence[str]) -> tuple[str, ...]:
    """These tasks, or all that the board has entries of; InputError for one that it has none of."""
    held = board.tasks()
    for name in tasks:
        if name not in held:
            told = f"task: '{name}' has no entries in '{board.folder}'{closest(name, held)}"
            raise InputError(told)
    return tuple(tasks) or held


def board_frame(board: Board, task: str) -> pd.DataFrame:
    """One row a member of every entry and control that can be ranked, from verdicts alone.

    Columns as `bimt_bench.results.tradeoff` needs them, `recipe` being the entry's name, and all
    metrics that were measured. InputError where there is none.
    """
    found, _ = of_task(board, task)
    if not found:
        raise InputError(f"task: no entry on '{task}' in '{board.folder}' can be ranked")
    return frame_of(found)


def task_table(board: Board, task: TaskSpec, kept: Kept | None = None) -> TaskTable:
    """The table of one task; kept: see `rank`."""
    candidates, left_out = of_task(board, task.name)
    x, y = _axis(task, task.modularity_axis), _axis(task, GOAL)
    parts = _parted(candidates, task)
    today = judged(parts.pop((task.digest(), x.version, y.version), ()), task, kept)
    ranked = [one for one in today if one.candidate.retrainable]
    others = [one for one in today if not one.candidate.retrainable]
    levels = levels_of(task)
    return TaskTable(
        task=task.name,
        title=task.title,
        version=task.version,
        digest=task.digest(),
        x=x,
        y=y,
        reference=task.reference,
        corner="the task's",
        levels=levels,
        standings=seated(ranked, task),
        unranked=unseated(others, task, beside=ranked),
        dated=tuple(_dated(together, own, task, kept) for together, own in parts.items()),
        left_out=left_out,
        notes=() if levels else (f"{x.title} has no best value, so no fixed levels of it",),
    )


def _axis(task: TaskSpec, name: str) -> Axis:
    metric, measure = METRICS.get_kind(name), task.performance.kind
    title = MEASURES.get_kind(measure).title if name == GOAL else metric.title
    return Axis(name, title, direction(name, measure), version_of(name))


def _parted(
    candidates: Sequence[Candidate], task: TaskSpec
) -> dict[Together, tuple[Candidate, ...]]:
    """Candidates that can be compared with one another, together; in a fixed order."""
    found: dict[Together, list[Candidate]] = {}
    for one in candidates:
        versions = one.verdict.metrics
        together = (
            one.verdict.task_digest, versions.get(task.modularity_axis), versions.get(GOAL)
        )  # fmt: skip
        found.setdefault(together, []).append(one)
    order = sorted(found, key=lambda one: (one[0], one[1] or 0, one[2] or 0))
    return {together: tuple(found[together]) for together in order}


def _dated(
    together: Together, candidates: Sequence[Candidate], task: TaskSpec, kept: Kept | None
) -> Dated:
    """Candidates of other times, ranked among themselves where they can be."""
    digest, *versions = together
    axes = (task.modularity_axis, GOAL)
    told = [
        f"{name} {'not measured' if version is None else f'version {version}'}"
        for name, version in zip(axes, versions, strict=True)
    ]
    if digest != task.digest():
        told.insert(0, f"the task of digest {digest}, not today's {task.digest()}")
    ranked = [one for one in candidates if one.retrainable]
    whole = None not in versions
    return Dated(
        scored=", ".join(told),
        names=tuple(one.name for one in candidates),
        standings=seated(judged(ranked, task, kept), task) if whole else (),
    )
