"""Where entries stand, as frozen records: pages and tables show them and compute nothing.

A `TaskTable` a task, one `Overall` across tasks, both in a `Ranking`. Numbers are those of verdicts
alone; what an entry claims is not in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bimt_bench.leaderboard.entry import Author
from bimt_bench.leaderboard.verdict import Level
from bimt_bench.results.statistics import Difference
from bimt_bench.results.tradeoff import Direction, Estimate, Hypervolume, Point
from bimt_bench.spec import ReferencePoint


@dataclass(frozen=True)
class Chosen:
    """One configuration of an entry that answers a question, and what it has.

    x is modularity, y performance. It was chosen by the means that are shown, so that these are a
    little too good where configurations are many and noisy.
    """

    dial_value: float | None
    x: Estimate
    y: Estimate


@dataclass(frozen=True)
class Beside:
    """An entry's volume less another's: the difference of M with its interval, p and verdict."""

    name: str
    difference: Difference


@dataclass(frozen=True)
class Doctored:
    """What a control is: its kind in words, and the entry that it was made from, if any."""

    kind: str
    title: str
    clean: str | None


@dataclass(frozen=True)
class Standing:
    """An entry, or a control, on one task.

    place: 1 and one for each entry in the groups above, so that entries that cannot be told apart
    share one; controls hold no place of others. None where no place is given (weights alone).
    shared: names of the other entries at that place. rank: by H alone, 1 the largest. ranks: the
    best and the worst rank over reference corners, corners what they say of the first place.
    beside_first, beside_above: against the first entry, and against the first of the group above;
    None where it is that one or there is none. beside_clean: a control against what it was made
    from. reached: the best performance at modularity at least
    as good as each of the table's `levels`; kept: the best modularity at no more than 1 % of the
    baseline's performance lost; None where nothing gets there, or there is no baseline.
    operations: floating-point operations of all members' training. points: a configuration each, by
    rising dial, with means and intervals, and `on_front` on the front of all entries. fresh: the
    same of seeds that the entry does not have, which count for nothing else. flags: what was found
    and is no fault.
    """

    task: str
    name: str
    title: str
    recipe: str
    recipe_title: str
    steps: int
    shortened: bool
    level: Level
    authors: tuple[Author, ...]
    link: str | None
    control: Doctored | None
    place: int | None
    shared: tuple[str, ...]
    rank: int | None
    ranks: tuple[int, int] | None
    corners: str | None
    volume: Hypervolume
    beside_first: Beside | None
    beside_above: Beside | None
    beside_clean: Beside | None
    reached: tuple[Chosen | None, ...]
    kept: Chosen | None
    members: int
    seeds: int
    lost: int
    operations: float | None
    dial: str | None
    points: tuple[Point, ...]
    fresh: tuple[Point, ...]
    flags: tuple[str, ...]

    @property
    def badge(self) -> str:
        """The level that it reached, or that it is a control; and its length if it is shortened."""
        if self.control is not None:
            return "control"
        return f"{self.level}, {self.steps:,} steps" if self.shortened else self.level

    @property
    def place_text(self) -> str:
        """Its place as tables have it: '2=' where it is shared, empty without one."""
        return "" if self.place is None else f"{self.place}{'=' if self.shared else ''}"

    @property
    def ranks_text(self) -> str:
        """Its ranks over corners, '1 to 3, depends'; empty without a place."""
        if self.ranks is None:
            return ""
        best, worst = self.ranks
        return f"{best if best == worst else f'{best} to {worst}'}, {self.corners}"


@dataclass(frozen=True)
class Axis:
    """A metric that a table ranks by: its name, words, direction and version."""

    name: str
    title: str
    direction: Direction
    version: int


@dataclass(frozen=True)
class LeftOut:
    """An entry that stands nowhere, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Dated:
    """Entries that were scored on an earlier task or metric, ranked among themselves.

    Their places are those of that time: they compare with nothing in the table of today. scored:
    what they were scored with, in words. standings are empty where today's axes were not measured.
    """

    scored: str
    names: tuple[str, ...]
    standings: tuple[Standing, ...]


@dataclass(frozen=True)
class TaskTable:
    """All entries of one task.

    x is the axis of modularity, y performance; reference the corner that volumes are counted from,
    corner where it comes from. standings: in order of place, entries before controls, then of H.
    unranked: methods that do not ship, of which there are weights alone, by H and without places.
    levels: the modularities of `Standing.reached`. notes: what was left out of the table, in words.
    """

    task: str
    title: str
    version: int
    digest: str
    x: Axis
    y: Axis
    reference: ReferencePoint
    corner: str
    levels: tuple[float, ...]
    standings: tuple[Standing, ...]
    unranked: tuple[Standing, ...]
    dated: tuple[Dated, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Standing, ...]:
        """Those that hold places: the standings without the controls."""
        return tuple(one for one in self.standings if one.control is None)

    @property
    def controls(self) -> tuple[Standing, ...]:
        """The trivial and doctored ones among the standings."""
        return tuple(one for one in self.standings if one.control is not None)

    def standing(self, name: str) -> Standing | None:
        """That of an entry or control by name, ranked or not; None if it has none today."""
        found = [one for one in (*self.standings, *self.unranked) if one.name == name]
        return found[0] if found else None


@dataclass(frozen=True)
class Across:
    """A method across tasks: entries of one name and recipe.

    places and shares: by task, only those that it has; a share is its H over the best entry's.
    mean_rank: of its ranks by H among the methods that are on every task; None where it lacks one,
    as a missing task is missing and not last.
    """

    name: str
    title: str
    recipe: str
    places: Mapping[str, int]
    shares: Mapping[str, float]
    mean_rank: float | None


@dataclass(frozen=True)
class Profile:
    """A performance profile (Dolan and More 2002).

    On what share of the tasks a method's H is at least `ratios[i]` times the best one's.
    """

    name: str
    ratios: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Overall:
    """All methods across tasks, by mean rank; those that lack a task after them.

    profiles are of the methods on every task. groups: sets of those whose mean ranks cannot be told
    apart (`critical`: the test, in words); empty before there are six tasks. notes: what is left
    out, and why.
    """

    tasks: tuple[str, ...]
    methods: tuple[Across, ...]
    profiles: tuple[Profile, ...]
    groups: tuple[tuple[str, ...], ...]
    critical: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """The whole board: a table a task, and what follows across tasks."""

    tables: tuple[TaskTable, ...]
    overall: Overall
