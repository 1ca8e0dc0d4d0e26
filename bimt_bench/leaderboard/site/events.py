"""The change log of a board: what was added, verified, withdrawn or scored anew, and when.

Dates are those of entries, verdicts and marks of withdrawal; of verdicts the last is known, and of
those before it their draws.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from bimt_bench.leaderboard.site.entries import EntryFacts
from bimt_bench.leaderboard.standings import TaskTable
from bimt_bench.leaderboard.verdict import Draw

Sort = Literal["added", "verified", "failed", "withdrawn", "new version"]
_ORDER = ("new version", "withdrawn", "failed", "verified", "added")


@dataclass(frozen=True)
class Event:
    """Something that happened to an entry, or to a task where name is None."""

    day: date
    sort: Sort
    task: str
    task_title: str
    name: str | None
    title: str
    told: str


def events(facts: Sequence[EntryFacts], tables: Sequence[TaskTable]) -> tuple[Event, ...]:
    """All events, newest first."""
    found = [event for one in facts for event in _of_entry(one)]
    found += [event for table in tables for event in _versions(table, facts)]
    return tuple(
        sorted(
            found,
            key=lambda one: (-one.day.toordinal(), _ORDER.index(one.sort), one.task, one.title),
        )
    )


def _of_entry(facts: EntryFacts) -> Iterator[Event]:
    entry, verdict, mark = facts.entry, facts.verdict, facts.mark
    by = ", ".join(one.name for one in entry.authors)
    yield _event(facts, entry.published, "added", f"{facts.recipe_title}, by {by}")
    if verdict is not None:
        last = verdict.when.date()
        if verdict.faults:
            first = verdict.faults[0]
            yield _event(facts, last, "failed", f"to be {first.level}: {first.told}")
        else:
            yield _event(facts, last, "verified", verdict.level)
        for draw in _earlier(verdict.draws, last):
            passed = f"{len(draw.passed)} of {len(draw.members)} members that were drawn passed"
            sort: Sort = "verified" if len(draw.passed) == len(draw.members) else "failed"
            yield _event(facts, draw.when.date(), sort, f"{draw.level}: {passed}")
    if mark is not None:
        yield _event(facts, mark.when.date(), "withdrawn", mark.reason)


def _earlier(draws: Iterable[Draw], last: date) -> Iterator[Draw]:
    return (one for one in draws if one.when.date() != last)


def _event(facts: EntryFacts, day: date, sort: Sort, told: str) -> Event:
    return Event(
        day, sort, facts.entry.task, facts.table.title, facts.entry.name, facts.entry.title, told
    )


def _versions(table: TaskTable, facts: Sequence[EntryFacts]) -> Iterator[Event]:
    """From when on a task's entries were scored by another version of the metrics that rank."""
    verdicts = [one.verdict for one in facts if one.entry.task == table.task and one.verdict]
    for axis in (table.x, table.y):
        first: dict[int, date] = {}
        for one in sorted(verdicts, key=lambda verdict: verdict.when):
            if axis.name in one.metrics:
                first.setdefault(one.metrics[axis.name], one.when.date())
        for version, day in list(first.items()):
            if version > min(first):
                told = f"{axis.title}, version {version}; entries are scored again"
                yield Event(day, "new version", table.task, table.title, None, axis.title, told)
