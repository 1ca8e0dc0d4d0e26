"""Which entries of a board can stand in a task's table, and why the others cannot."""

from dataclasses import dataclass
from pathlib import Path

from bimt_bench.ground import InputError, fitting
from bimt_bench.leaderboard import control as controls
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.entry import Author, Entry
from bimt_bench.leaderboard.reading import known
from bimt_bench.leaderboard.standings import Doctored, LeftOut
from bimt_bench.leaderboard.verdict import LEVELS, Verdict

LOWEST = "rescored"
"""The level from which on numbers are ours."""


@dataclass(frozen=True)
class Candidate:
    """An entry or control with its verdict, and what a table says of it besides."""

    name: str
    title: str
    recipe: str
    retrainable: bool
    steps: int
    dial: str | None
    authors: tuple[Author, ...]
    link: str | None
    verdict: Verdict
    control: Doctored | None = None


def of_task(board: Board, task: str) -> tuple[tuple[Candidate, ...], tuple[LeftOut, ...]]:
    """The candidates of a task, controls after entries, and who was left out."""
    found: list[Candidate] = []
    left: list[LeftOut] = []
    for folder in board.entries(task):
        try:
            found.append(_candidate(board, task, folder))
        except InputError as error:
            left.append(LeftOut(fitting(folder.name), fitting(str(error), 300)))
    contents = {one.name: one.verdict.entry for one in found}
    for one in controls.kept(board, task):
        if one.clean is not None and contents.get(one.clean) != one.content:
            why = f"was made from '{one.clean}' as it is no longer; make the controls again"
            left.append(LeftOut(one.verdict.name, why))
        else:
            found.append(_of_control(one))
    return tuple(found), tuple(left)


def _candidate(board: Board, task: str, folder: Path) -> Candidate:
    """InputError says why an entry is none."""
    mark = board.withdrawn(task, folder.name)
    if mark is not None:
        raise InputError(f"withdrawn on {mark.when:%Y-%m-%d}: {mark.reason}")
    verdict = board.verdict(task, folder.name)
    if verdict is None:
        raise InputError("not verified yet")
    entry, content = known(folder)
    if (entry.task, entry.name) != (task, folder.name):
        raise InputError(f"says that it is '{entry.name}' on '{entry.task}'")
    if verdict.entry != content:
        raise InputError("changed since it was verified; verify it again")
    _check(verdict)
    return _of_entry(entry, verdict)


def _check(verdict: Verdict) -> None:
    if verdict.against:
        first = verdict.against[0]
        raise InputError(f"failed to be {first.level}: {first.told}")
    if LEVELS.index(verdict.level) < LEVELS.index(LOWEST):
        raise InputError(f"only {verdict.level}; an entry is ranked once it is {LOWEST}")
    if not verdict.members:
        raise InputError("its verdict has no members; verify it again")


def _of_entry(entry: Entry, verdict: Verdict) -> Candidate:
    return Candidate(
        name=entry.name,
        title=entry.title,
        recipe=entry.recipe,
        retrainable=entry.retrainable,
        steps=entry.steps,
        dial=entry.dial,
        authors=entry.authors,
        link=entry.link,
        verdict=verdict,
    )


def _of_control(one: controls.Control) -> Candidate:
    return Candidate(
        name=one.verdict.name,
        title=one.title,
        recipe=one.recipe,
        retrainable=True,
        steps=one.steps,
        dial=one.dial,
        authors=(),
        link=None,
        verdict=one.verdict,
        control=Doctored(one.kind, one.title, one.clean),
    )
