"""What the page of an entry shows besides its standing: its files, its verdict, its drawings."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bimt_bench.ground import InputError, fitting
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.entry import ENTRY, MEMBERS, WEIGHTS, Entry, MemberRecord
from bimt_bench.leaderboard.explaining import explain
from bimt_bench.leaderboard.kept import Kept, key_of
from bimt_bench.leaderboard.reading import (
    MOST_ENTRY,
    MOST_RECORDS,
    content_of,
    read_entry,
    read_members,
)
from bimt_bench.leaderboard.site import networks
from bimt_bench.leaderboard.site.networks import Drawings
from bimt_bench.leaderboard.standings import Ranking, Standing, TaskTable
from bimt_bench.leaderboard.strangers import read_file
from bimt_bench.leaderboard.verdict import LEVELS, Verdict
from bimt_bench.leaderboard.weights_file import MOST_BYTES
from bimt_bench.leaderboard.withdrawing import Withdrawal
from bimt_bench.metrics import METRICS, direction
from bimt_bench.recipes import resolve
from bimt_bench.results import title_of
from bimt_bench.spec import Configuration, TaskSpec, catalog


@dataclass(frozen=True)
class Download:
    """A file of an entry that the site has a copy of; size in bytes."""

    name: str
    size: int
    sha256: str
    most: int

    @classmethod
    def of(cls, file: Path, most: int) -> "Download":
        """A regular file of at most `most` bytes; InputError."""
        content = read_file(file, most=most)
        return cls(file.name, len(content), hashlib.sha256(content).hexdigest(), most)


@dataclass(frozen=True)
class Setting:
    """A setting with its value; published is the task's own where that is another."""

    name: str
    value: str
    published: str | None = None


@dataclass(frozen=True)
class MetricRow:
    """A metric with its mean over the members of each dial value; None where it is undefined."""

    name: str
    title: str
    means: tuple[float | None, ...]


@dataclass(frozen=True, eq=False)
class EntryFacts:
    """An entry with all that is known of it.

    folder: where it lies. content: of its files, as in a verdict. verdict: None where nobody has
    verified it; current: whether it is of the files as they lie there. standing: None where it has
    none today. told: the lines of `explain`.
    """

    task: TaskSpec
    table: TaskTable
    folder: Path
    entry: Entry
    content: str
    verdict: Verdict | None
    current: bool
    mark: Withdrawal | None
    standing: Standing | None
    told: tuple[str, ...]
    files: tuple[Download, ...]

    @cached_property
    def members(self) -> tuple[MemberRecord, ...]:
        """The members as they are claimed; none where their file cannot be read."""
        try:
            return read_members(self.folder)
        except InputError:
            return ()

    @property
    def level(self) -> str:
        """The level that its files have reached."""
        return self.verdict.level if self.verdict is not None and self.current else "none"

    @property
    def recipe_title(self) -> str:
        """The recipe's title, or its name where it does not ship."""
        return title_of(self.entry.recipe)

    @property
    def reached(self) -> tuple[tuple[str, bool], ...]:
        """Each level and whether it was reached."""
        return tuple((one, LEVELS.index(one) <= LEVELS.index(self.level)) for one in LEVELS[1:])


def facts_of(board: Board, ranking: Ranking, *, tasks_dir: Path | None) -> Iterator[EntryFacts]:
    """The facts of every entry of the ranked tasks that can be read, ranked or not."""
    for table in ranking.tables:
        task = catalog.task(table.task, tasks_dir)
        for folder in board.entries(table.task):
            try:
                yield _facts(board, ranking, table, task, folder)
            except InputError:
                continue  # the table of its task says why


def _facts(
    board: Board, ranking: Ranking, table: TaskTable, task: TaskSpec, folder: Path
) -> EntryFacts:
    entry = read_entry(folder)
    if (entry.task, entry.name) != (table.task, folder.name):
        raise InputError(f"entry: says that it is '{entry.name}' on '{entry.task}'")
    verdict = board.verdict(table.task, entry.name)
    content = content_of(
        read_file(folder / ENTRY, most=MOST_ENTRY),
        read_file(folder / MEMBERS, most=MOST_RECORDS),
        entry.weights.sha256,
    )
    return EntryFacts(
        task=task,
        table=table,
        folder=folder,
        entry=entry,
        content=content,
        verdict=verdict,
        current=verdict is not None and verdict.entry == content,
        mark=board.withdrawn(table.task, entry.name),
        standing=standing_of(table, entry.name),
        told=explain(ranking, f"{table.task}/{entry.name}"),
        files=_files(folder, entry),
    )


def standing_of(table: TaskTable, name: str) -> Standing | None:
    """Where an entry stands, today or among dated ones."""
    dated = (one for old in table.dated for one in old.standings if one.name == name)
    return table.standing(name) or next(dated, None)


def _files(folder: Path, entry: Entry) -> tuple[Download, ...]:
    """What may be downloaded; the weights where they are those that entry.json names."""
    found = [
        Download.of(folder / ENTRY, MOST_ENTRY),
        Download.of(folder / MEMBERS, MOST_RECORDS),
    ]
    if entry.weights.url is None and (folder / WEIGHTS).exists():
        weights = Download.of(folder / WEIGHTS, MOST_BYTES)
        found += [weights] if weights.sha256 == entry.weights.sha256 else []
    return tuple(found)


# ------------------------------------------------------------------------------ parts of a page


def drawings_of(
    facts: EntryFacts, kept: Kept, *, tasks_dir: Path | None, data_dir: Path | None
) -> Drawings:
    """The drawings of an entry's networks, or why there are none."""
    verdict = facts.verdict
    if facts.entry.weights.url is not None:
        return Drawings(missing="its weights lie at a URL, and only those in the folder are drawn")
    if verdict is None or not facts.current or not verdict.members:
        return Drawings(missing="nobody has measured its networks yet")
    if len(facts.files) < 3:
        return Drawings(missing="its weights are not those that entry.json names")
    better = direction("performance", facts.task.performance.kind)
    chosen = networks.chosen(verdict.members, better)
    names = [one.member for one in chosen]
    key = key_of(verdict.entry, names, kept.scoring_digest(), networks.FORMAT)
    try:
        return kept.found(
            "drawings",
            f"{facts.entry.task} {facts.entry.name}",
            key,
            Drawings,
            lambda: networks.drawings(
                facts.folder, verdict.members, tasks_dir=tasks_dir, data_dir=data_dir
            ),
        )
    except InputError as error:
        return Drawings(missing=fitting(str(error), 300), lasts=False)


def settings_of(facts: EntryFacts) -> tuple[Setting, ...]:
    """All settings but the dial; of a recipe that does not ship those that the entry names."""
    entry = facts.entry
    given = {name: value for name, value in entry.settings.items() if name != entry.dial}
    try:
        own, usual = (
            resolve(facts.task, configuration, 0).row()
            for configuration in (
                entry.configuration(entry.grid[0] if entry.grid else None),
                Configuration(recipe=entry.recipe),
            )
        )
    except InputError:
        return tuple(Setting(name, _shown(value)) for name, value in given.items())
    unsaid = {"task", "recipe", "dial", "dial_value", "source", "seed", "configuration", "member"}
    return tuple(
        Setting(
            name.replace("_", " "),
            _shown(value),
            None if usual.get(name) == value else _shown(usual.get(name)),
        )
        for name, value in own.items()
        if name not in unsaid | {entry.dial} and value is not None
    )


def _shown(value: object) -> str:
    """A setting as text; it may be whatever a stranger wrote."""
    return fitting(f"{value:g}" if isinstance(value, float) else str(value), 200)


def metric_rows(verdict: Verdict) -> tuple[MetricRow, ...]:
    """Every metric that was measured, its means by dial value."""
    groups = [
        [one for one in verdict.members if one.dial_value == value]
        for value in dial_values(verdict)
    ]
    names = dict.fromkeys(name for one in verdict.members for name in one.metrics)
    return tuple(
        MetricRow(
            name,
            METRICS[name].title if name in METRICS else name.replace("_", " "),
            tuple(_mean(one.metrics.get(name) for one in members) for members in groups),
        )
        for name in names
    )


def dial_values(verdict: Verdict) -> tuple[float | None, ...]:
    """The dial values of a verdict's members, rising."""
    found = {one.dial_value for one in verdict.members}
    return tuple(sorted(found, key=lambda one: one or 0.0))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else None
