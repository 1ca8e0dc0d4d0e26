"""Frozen records of a trade-off: configurations with their means, lines, volumes, tables."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Literal

import numpy as np
import pandas as pd

from bimt_bench.ground import InputError, closest
from bimt_bench.results.statistics import Difference, Verdict, improvement
from bimt_bench.results.tradeoff import tables
from bimt_bench.results.words import differing
from bimt_bench.spec import ReferencePoint

Direction = Literal["higher", "lower"]
Axis = Literal["x", "y"]
Cell = float | int | str | bool | None


@dataclass(frozen=True)
class Settings:
    """What a configuration sets, and its digest.

    `title` is the recipe's. `dial` names the setting that moves along the recipe's line, None if
    it has none. `values` has every settings column of the frame by name; None is empty: the
    recipe has no such setting, or it does not apply.
    """

    configuration: str
    recipe: str
    title: str
    dial: str | None
    dial_value: float | None
    values: Mapping[str, Cell] = field(default_factory=dict, hash=False)

    @property
    def order(self) -> tuple[object, ...]:
        """Place on the recipe's line: by the dial, ties by the other settings, then digest."""
        return (_key(self.dial_value), self.series, self.configuration)

    @property
    def series(self) -> tuple[object, ...]:
        """Everything but the dial: configurations equal in it differ in the dial only."""
        return tuple(_key(value) for name, value in self.values.items() if name != self.dial)


def _key(value: Cell) -> tuple[bool, float, str]:
    """What sorts cells of one column: numbers by size, words by letter, empty ones last."""
    number = float(value) if isinstance(value, int | float) else 0.0
    return value is None, number, value if isinstance(value, str) else ""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval (Student's t; of lost seeds see `Point`).

    `std` is None for fewer than two measured seeds, and the ends are NaN. `middle` is the
    interquartile mean, which the worst runs do not rule.
    """

    mean: float
    std: float | None
    low: float
    high: float
    middle: float

    @property
    def has_interval(self) -> bool:
        """Whether there are seeds enough for one."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True)
class Point:
    """One configuration: means of x and y over all its seeds.

    `seeds`, `xs`, `ys` list the members that were measured. Those that were lost count in the
    means as the trivial predictor, at the corner's modularity: `diverged` ones, and `unmeasured`
    ones (ok, but x or y is not a finite number). The intervals allow for the chance of a loss.
    """

    settings: Settings
    seeds: tuple[int, ...]
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    x: Estimate
    y: Estimate
    diverged: int
    unmeasured: int
    lost_seeds: tuple[int, ...] = ()
    on_front: bool = False
    on_recipe_front: bool = False

    @property
    def lost(self) -> int:
        """How many of its seeds count as the trivial predictor."""
        return self.diverged + self.unmeasured


@dataclass(frozen=True)
class Missing:
    """A configuration without any measured member: it has no mean."""

    settings: Settings
    diverged: int
    unmeasured: int


@dataclass(frozen=True)
class Hypervolume:
    """The volume between a front and the reference corner: three figures, each with its use.

    raw: of the means; too large where there is noise. h: chosen on half of the seeds and valued on
    the other, for ranks. m: of smoothed means, for tests. Ends are those of 95 % intervals. All are
    NaN but raw with fewer than two seeds that every configuration has. seeds: how many those are;
    lost: how many members count as the trivial predictor, which makes a volume unreliable.
    """

    raw: float
    h: float
    h_low: float
    h_high: float
    m: float
    m_low: float
    m_high: float
    seeds: int
    lost: int

    @property
    def value(self) -> float:
        """H, or the raw volume where there are too few seeds for it."""
        return self.h if math.isfinite(self.h) else self.raw


@dataclass(frozen=True)
class Standing:
    """Where a recipe stands among those of a trade-off.

    rank: by H, 1 the largest. ranks: the best and the worst rank over a range of corners, and
    `standing` what they say of the first place. beside: the difference of M to the baseline recipe
    with its interval, p (Holm) and verdict, paired by seed; None without a baseline. first: whether
    it can be told from the recipe of rank 1. per_tries: the volume with as many configurations as
    are fair, None where recipes have too few or equally many.
    """

    rank: int
    ranks: tuple[int, int]
    standing: str
    beside: Difference | None
    first: Verdict | None
    per_tries: float | None


@dataclass(frozen=True)
class Line:
    """One recipe: its points by rising dial, its own front and hypervolume.

    `baseline` says whether it is the recipe that others are compared with.
    """

    recipe: str
    title: str
    baseline: bool
    points: tuple[Point, ...]
    hypervolume: Hypervolume
    standing: Standing | None = None

    @property
    def front(self) -> tuple[Point, ...]:
        """The recipe's own non-dominated points, by rising x."""
        return _by_x(p for p in self.points if p.on_recipe_front)

    @property
    def others(self) -> tuple[str, ...]:
        """The settings, besides the dial, in which its points differ."""
        settings = [p.settings for p in self.points]
        return differing([one.values for one in settings], settings[0].dial)

    @property
    def series(self) -> tuple[tuple[Point, ...], ...]:
        """The points parted into runs that differ in the dial only, each by rising dial."""
        ordered = sorted(self.points, key=lambda p: (p.settings.series, p.settings.order))
        return tuple(tuple(run) for _, run in groupby(ordered, key=lambda p: p.settings.series))


@dataclass(frozen=True)
class TradeOff:
    """Performance (y) against modularity (x) over the configurations of one task.

    `x_version` and `y_version` are those of the metrics, as the members were measured. `steps` is
    the length of training, None where the frame does not say it. `repeated` counts rows left out
    because their member is in the frame already, `without` members left out because x or y was not
    measured of them. `corner` says where the reference corner comes from, `trivial` is the
    performance that a lost seed counts as. `searched_on`: on which data a search found the
    configurations, in words; empty if none did.
    """

    task: str
    x: str
    x_direction: Direction
    y: str
    y_direction: Direction
    reference: ReferencePoint
    corner: str
    trivial: float
    steps: int | None
    shortened: bool
    seeds: tuple[int, ...]
    members: int
    diverged: int
    repeated: int
    lines: tuple[Line, ...]
    missing: tuple[Missing, ...]
    hypervolume: Hypervolume
    searched_on: str = ""
    without: int = 0
    x_version: int = 1
    y_version: int = 1

    @property
    def lost(self) -> int:
        """How many members count as the trivial predictor, in whichever configuration."""
        return sum(p.diverged + p.unmeasured for p in (*self.points, *self.missing))

    @property
    def points(self) -> tuple[Point, ...]:
        """All measured configurations, recipe by recipe, by rising dial."""
        return tuple(point for line in self.lines for point in line.points)

    @property
    def front(self) -> tuple[Point, ...]:
        """The non-dominated configurations of all recipes, by rising x."""
        return _by_x(p for p in self.points if p.on_front)

    @property
    def baseline(self) -> Point | None:
        """The baseline recipe's configuration of best mean performance, if there is one."""
        found = [p for line in self.lines if line.baseline for p in line.points]
        return max(found, key=lambda p: (self._y(p), self._x(p)), default=None)

    def runs(self, axis: Axis, recipe: str | None = None) -> np.ndarray:
        """The figure of every run, of a recipe's configurations; lost ones as what they count as.

        Of all recipes if none is named, or InputError if it is not in this trade-off.
        """
        lost = [m for m in self.missing if recipe in (None, m.settings.recipe)]
        return self._runs(axis, [*self._of(recipe), *lost])

    def improvement(self, axis: Axis, recipe: str) -> float | None:
        """How often a run of a recipe is better than one of the baseline recipe; ties count half.

        Of all runs of both, whatever their settings; None where there is no baseline.
        """
        baseline = next((line.recipe for line in self.lines if line.baseline), None)
        if baseline is None:
            return None
        return self._better(axis, self.runs(axis, recipe), self.runs(axis, baseline))

    def improvements(self, axis: Axis) -> list[float]:
        """The same of each of `points` and then `missing`, over the `baseline` configuration.

        NaN where there is none.
        """
        usual, found = self.baseline, (*self.points, *self.missing)
        if usual is None:
            return [math.nan] * len(found)
        over = self._runs(axis, [usual])
        return [self._better(axis, self._runs(axis, [point]), over) for point in found]

    def performance_lost(self, modularity: float, *, recipe: str | None = None) -> float | None:
        """Performance lost against the baseline at modularity at least as good as `modularity`.

        The smallest loss of mean performance, in its own unit, among configurations whose mean x
        is >= `modularity` (<= where lower is better); negative where they beat the baseline. None
        when there is no baseline or no configuration gets there.
        """
        bound = self._sign(self.x_direction) * modularity
        reached = [self._y(p) for p in self._of(recipe) if self._x(p) >= bound]
        if self.baseline is None or not reached:
            return None
        return self._y(self.baseline) - max(reached)

    def modularity_won(self, *, tolerance: float = 0.01, recipe: str | None = None) -> float | None:
        """Modularity won against the baseline at no more than `tolerance` of its performance lost.

        The largest gain of mean x, in its own unit and positive where it got better, among
        configurations whose mean performance is at most `tolerance` * |the baseline's| worse.
        None when there is no baseline or no configuration is that good.
        """
        if self.baseline is None:
            return None
        floor = self._y(self.baseline) - tolerance * abs(self._y(self.baseline))
        kept = [self._x(p) for p in self._of(recipe) if self._y(p) >= floor]
        return max(kept) - self._x(self.baseline) if kept else None

    def table(self) -> pd.DataFrame:
        """One row a configuration: settings, counts, mean, std and interval of x and y, fronts.

        x_middle and y_middle are interquartile means, x_improvement and y_improvement how often a
        run is better than one of the `baseline` configuration. An empty setting is missing. A
        configuration without a measured member has NaN for means and intervals and is on no front.
        """
        return tables.of_configurations(self)

    def recipe_table(self) -> pd.DataFrame:
        """One row a recipe: volumes, ranks, what was won against the baseline, and losses.

        Of x and y: mean and interquartile mean of all runs, and `improvement`. See `Hypervolume`
        and `Standing` for what the other columns mean.
        """
        return tables.of_recipes(self)

    def _runs(self, axis: Axis, points: Sequence[Point | Missing]) -> np.ndarray:
        """One figure a run: measured ones, then lost ones as what they count as."""
        held = [p.xs if axis == "x" else p.ys for p in points if isinstance(p, Point)]
        lost = sum(p.diverged + p.unmeasured for p in points)
        counted = self.reference.modularity if axis == "x" else self.trivial
        return np.array([*chain.from_iterable(held), *[counted] * lost])

    def _better(self, axis: Axis, one: np.ndarray, other: np.ndarray) -> float:
        """The probability of improvement, whichever way is better."""
        sign = self._sign(self.x_direction if axis == "x" else self.y_direction)
        return improvement(sign * one, sign * other)

    def _of(self, recipe: str | None) -> list[Point]:
        names = [line.recipe for line in self.lines]
        if recipe is not None and recipe not in names:
            raise InputError(
                f"recipe: '{recipe}' is not in this trade-off, which has {names}"
                f"{closest(recipe, names)}"
            )
        return [p for p in self.points if recipe in (None, p.settings.recipe)]

    def _x(self, point: Point) -> float:
        return self._sign(self.x_direction) * point.x.mean

    def _y(self, point: Point) -> float:
        return self._sign(self.y_direction) * point.y.mean

    @staticmethod
    def _sign(direction: Direction) -> float:
        return 1.0 if direction == "higher" else -1.0


def _by_x(points: Iterable[Point]) -> tuple[Point, ...]:
    return tuple(sorted(points, key=lambda p: (p.x.mean, p.y.mean, p.settings.configuration)))
