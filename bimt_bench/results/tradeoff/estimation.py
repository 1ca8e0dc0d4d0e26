"""From a frame to a trade-off: seed means, bootstrap intervals, fronts and hypervolume.

Fronts and hypervolume by moocore, intervals by `scipy.stats.bootstrap`; the definitions are those
of the metrics reference, 'The trade-off'.
"""

import math
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import moocore
import numpy as np
import pandas as pd
from scipy import stats

from bimt_bench.ground import InputError, closest
from bimt_bench.results.columns import plain_cell, setting_columns
from bimt_bench.results.tradeoff.records import (
    Direction,
    Estimate,
    Hypervolume,
    Line,
    Missing,
    Point,
    Settings,
    TradeOff,
)
from bimt_bench.results.words import in_order, is_baseline, title_of
from bimt_bench.spec import ReferencePoint

CONFIDENCE = 0.95
REQUIRED = (
    "task", "recipe", "dial", "dial_value", "configuration", "member", "seed", "status",
)  # fmt: skip


def tradeoff(
    frame: pd.DataFrame,
    *,
    x: str,
    x_direction: Direction,
    reference: ReferencePoint,
    y: str = "performance",
    y_direction: Direction = "higher",
    resamples: int = 1000,
    seed: int = 0,
) -> TradeOff:
    """The trade-off of one task from its frame (one row a member).

    `reference` holds the corner of the hypervolume (modularity on x, performance on y); points
    that are not better in both contribute nothing. Intervals come from `resamples` bootstrap
    resamples over seeds (0: they have no width, which is fast); `seed` fixes them, and the order of
    rows never matters. Raises
    InputError for a frame of several tasks or lengths, missing columns or unknown directions.
    """
    _check(frame, columns=(x, y), directions=(x_direction, y_direction), resamples=resamples)
    members = frame.assign(
        _x=pd.to_numeric(frame[x]).astype(float), _y=pd.to_numeric(frame[y]).astype(float)
    ).sort_values(["configuration", "seed", "status", "_x", "_y"], ascending=False, kind="stable")
    # 'ok' sorts before 'diverged' here; a member that stands twice counts once, in any order.
    unique = members.drop_duplicates("member").sort_values(["configuration", "seed"])
    intervals = _Intervals(resamples=resamples, seed=seed)
    columns = setting_columns(unique)
    # Metrics are many, and pandas would copy all of them, and what the frame carries, each time.
    slim = unique[list(dict.fromkeys([*REQUIRED, *columns, "_x", "_y"]))].copy(deep=False)
    slim.attrs = {}
    found = [_point(rows, columns, intervals) for _, rows in slim.groupby("configuration")]
    points = [p for p in found if isinstance(p, Point)]
    missing = [p for p in found if isinstance(p, Missing)]
    plane = _Plane((x_direction == "higher", y_direction == "higher"), reference, intervals)
    points = plane.mark(points)
    recipes = in_order(p.settings.recipe for p in points)
    lost = in_order(m.settings.recipe for m in missing)
    steps = None if "steps" not in unique else plain_cell(unique["steps"].iloc[0])
    return TradeOff(
        task=str(unique["task"].iloc[0]),
        x=x,
        x_direction=x_direction,
        y=y,
        y_direction=y_direction,
        reference=reference,
        steps=None if steps is None else int(steps),
        shortened="shortened" in unique and plain_cell(unique["shortened"].iloc[0]) is True,
        seeds=tuple(sorted({int(s) for s in unique["seed"]})),
        members=len(unique),
        diverged=sum(p.diverged for p in found),
        repeated=len(members) - len(unique),
        lines=tuple(plane.line(recipe, points) for recipe in recipes),
        missing=tuple(
            sorted(missing, key=lambda m: (lost.index(m.settings.recipe), m.settings.order))
        ),
        hypervolume=plane.hypervolume(points, name="all"),
    )


# --------------------------------------------------------------------------- parts


@dataclass(frozen=True)
class _Intervals:
    """Bootstrap intervals whose random numbers depend on the seed and a name alone.

    So one configuration's interval does not change when another joins the frame.
    """

    resamples: int
    seed: int

    def of(self, values: np.ndarray, statistic: Callable, name: str) -> tuple[float, float]:
        """BCa interval of `statistic` (vectorised over leading axes), percentile where BCa fails.

        Widened, where the resamples all lie on one side of it, to hold the estimate itself.
        """
        estimate = float(statistic(values, axis=-1))
        if len(values) < 2 or self.resamples == 0:
            return estimate, estimate
        for method in ("BCa", "percentile"):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                # Few seeds often leave BCa without an answer; the percentile interval is next.
                warnings.simplefilter("ignore")
                interval = stats.bootstrap(
                    (values,),
                    statistic,
                    n_resamples=self.resamples,
                    confidence_level=CONFIDENCE,
                    method=method,
                    vectorized=True,
                    rng=np.random.default_rng([self.seed, zlib.crc32(name.encode())]),
                ).confidence_interval
            if math.isfinite(interval.low) and math.isfinite(interval.high):
                return min(float(interval.low), estimate), max(float(interval.high), estimate)
        return estimate, estimate

    def mean(self, values: np.ndarray, name: str) -> Estimate:
        """Mean, sample deviation and interval of values [seeds]; identical values have width 0."""
        if np.all(values == values[0]):
            value = float(values[0])
            return Estimate(value, 0.0 if len(values) > 1 else None, value, value)
        low, high = self.of(values, np.mean, name)
        return Estimate(float(values.mean()), float(values.std(ddof=1)), low, high)


@dataclass(frozen=True)
class _Plane:
    """The objective plane: which axes are maximised, and the reference corner."""

    maximise: tuple[bool, bool]
    reference: ReferencePoint
    intervals: _Intervals

    def mark(self, points: Sequence[Point]) -> list[Point]:
        """The points, marked where they are on the whole front and on their recipe's."""
        front = self._front(points)
        recipes = {p.settings.recipe for p in points}
        own = set().union(
            *(self._front([p for p in points if p.settings.recipe == r]) for r in recipes)
        )
        return [
            replace(
                p,
                on_front=p.settings.configuration in front,
                on_recipe_front=p.settings.configuration in own,
            )
            for p in points
        ]

    def line(self, recipe: str, points: Sequence[Point]) -> Line:
        """The recipe's points by rising dial, with their own hypervolume."""
        own = sorted(
            (p for p in points if p.settings.recipe == recipe), key=lambda p: p.settings.order
        )
        return Line(
            recipe=recipe,
            title=title_of(recipe),
            baseline=is_baseline(recipe),
            points=tuple(own),
            hypervolume=self.hypervolume(own, name=f"recipe {recipe}"),
        )

    def hypervolume(self, points: Sequence[Point], *, name: str) -> Hypervolume:
        """Hypervolume of the means of `points`; seeds are resampled jointly for the interval."""
        value = self._volume(_means(points))
        seeds = sorted({s for p in points for s in p.seeds})
        if len(seeds) < 2:
            return Hypervolume(value, value, value)
        xs, ys, measured = _grid(points, seeds)

        def statistic(drawn: np.ndarray, axis: int) -> np.ndarray:
            drawn = np.moveaxis(drawn, axis, -1)
            counts = (drawn[..., None] == np.arange(len(seeds))).sum(axis=-2).astype(float)
            present = counts @ measured
            with np.errstate(invalid="ignore"):
                means = np.stack([counts @ xs / present, counts @ ys / present], axis=-1)
            return np.apply_along_axis(
                lambda flat: self._volume(flat.reshape(-1, 2)),
                -1,
                means.reshape(*means.shape[:-2], -1),
            )

        low, high = self.intervals.of(np.arange(len(seeds)), statistic, f"hypervolume {name}")
        return Hypervolume(value, min(low, value), max(high, value))

    def _front(self, points: Sequence[Point]) -> set[str]:
        if not points:
            return set()
        kept = moocore.is_nondominated(_means(points), maximise=self.maximise, keep_weakly=True)
        return {p.settings.configuration for p, keep in zip(points, kept, strict=True) if keep}

    def _volume(self, means: np.ndarray) -> float:
        # A configuration none of whose seeds was drawn has no mean in that resample.
        kept = means[np.isfinite(means).all(axis=-1)]
        corner = [self.reference.modularity, self.reference.performance]
        return float(moocore.hypervolume(kept, ref=corner, maximise=self.maximise))


def _means(points: Sequence[Point]) -> np.ndarray:
    """Seed means, [points, 2]."""
    return np.array([[p.x.mean, p.y.mean] for p in points]).reshape(-1, 2)


def _grid(points: Sequence[Point], seeds: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and 'is measured', each [seeds, points], 0 where a configuration lacks the seed."""
    xs, ys, measured = (np.zeros((len(seeds), len(points))) for _ in range(3))
    row = {s: i for i, s in enumerate(seeds)}
    for column, point in enumerate(points):
        rows = [row[s] for s in point.seeds]
        xs[rows, column], ys[rows, column], measured[rows, column] = point.xs, point.ys, 1.0
    return xs, ys, measured


def _point(rows: pd.DataFrame, columns: Sequence[str], intervals: _Intervals) -> Point | Missing:
    """One configuration's record from its members, in order of seed."""
    first: Any = {str(name): plain_cell(value) for name, value in rows.iloc[0].items()}
    settings = Settings(
        configuration=first["configuration"],
        recipe=first["recipe"],
        title=title_of(first["recipe"]),
        dial=first["dial"],
        dial_value=first["dial_value"],
        values={name: first[name] for name in columns},
    )
    finished = rows[rows["status"] == "ok"]
    measured = finished[np.isfinite(finished[["_x", "_y"]].to_numpy(float)).all(axis=1)]
    diverged, unmeasured = len(rows) - len(finished), len(finished) - len(measured)
    if measured.empty:
        return Missing(settings, diverged, unmeasured)
    xs, ys = measured["_x"].to_numpy(float), measured["_y"].to_numpy(float)
    return Point(
        settings=settings,
        seeds=tuple(int(s) for s in measured["seed"]),
        xs=tuple(xs.tolist()),
        ys=tuple(ys.tolist()),
        x=intervals.mean(xs, f"x {settings.configuration}"),
        y=intervals.mean(ys, f"y {settings.configuration}"),
        diverged=diverged,
        unmeasured=unmeasured,
    )


def _check(
    frame: pd.DataFrame,
    *,
    columns: tuple[str, str],
    directions: tuple[str, str],
    resamples: int,
) -> None:
    names = [str(c) for c in frame.columns]
    for column in (*REQUIRED, *columns):
        if column not in names:
            raise InputError(f"frame: has no column '{column}'{closest(column, names)}")
    for direction in directions:
        if direction not in ("higher", "lower"):
            raise InputError(
                f"direction: '{direction}' is neither 'higher' nor 'lower'"
                f"{closest(direction, ['higher', 'lower'])}"
            )
    if frame.empty:
        raise InputError("frame: has no rows, but a trade-off needs at least one member")
    if resamples < 0:
        raise InputError(f"resamples: must be at least 0, but is {resamples}")
    for column in ("task", "steps"):
        found = sorted(frame[column].dropna().unique().tolist()) if column in names else []
        if len(found) > 1:
            raise InputError(
                f"frame: a trade-off is of one task at one length, but {column} takes {found}"
            )
