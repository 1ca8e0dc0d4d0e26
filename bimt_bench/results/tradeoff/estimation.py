"""From a frame to a trade-off: means over seeds with intervals, fronts, volumes and ranks.

The estimators are those of `bimt_bench.results.statistics`; docs/method-of-comparison.md says in
plain words what they do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from bimt_bench.ground import InputError, closest
from bimt_bench.metrics import one_version
from bimt_bench.results import statistics
from bimt_bench.results.columns import plain_cell, setting_columns
from bimt_bench.results.tradeoff.plane import Plane
from bimt_bench.results.tradeoff.records import (
    Direction,
    Estimate,
    Missing,
    Point,
    Settings,
    TradeOff,
)
from bimt_bench.results.words import in_order, title_of
from bimt_bench.spec import ReferencePoint

REQUIRED = (
    "task", "recipe", "dial", "dial_value", "configuration", "member", "seed", "status",
)  # fmt: skip


def tradeoff(
    frame: pd.DataFrame,
    *,
    x: str,
    x_direction: Direction,
    reference: ReferencePoint,
    corner: str = "given",
    y: str = "performance",
    y_direction: Direction = "higher",
    trivial: float | None = None,
    searched_on: str = "",
) -> TradeOff:
    """The trade-off of one task from its frame (one row a member).

    `reference` holds the corner of the hypervolume (modularity on x, performance on y), `corner`
    says in words where it comes from; points that are not better in both contribute nothing. A
    member that diverged or has no x or y counts as the trivial predictor: `trivial` on y (the
    corner's, if not told), the corner's modularity on x. `searched_on`: on which data the members
    were searched, in words. The order of rows never matters. Raises InputError for a frame of
    several tasks or lengths, or of several versions of x or y, missing columns or unknown
    directions.
    """
    _check(frame, columns=(x, y), directions=(x_direction, y_direction))
    versions = one_version(frame, x), one_version(frame, y)
    members = frame.assign(
        _x=pd.to_numeric(frame[x]).astype(float), _y=pd.to_numeric(frame[y]).astype(float)
    ).sort_values(["configuration", "seed", "status", "_x", "_y"], ascending=False, kind="stable")
    # 'ok' sorts before 'diverged' here; a member that stands twice counts once, in any order.
    unique = members.drop_duplicates("member").sort_values(["configuration", "seed"])
    columns = setting_columns(unique)
    counted = _Counted(reference.modularity, reference.performance if trivial is None else trivial)
    # Metrics are many, and pandas would copy all of them, and what the frame carries, each time.
    slim = unique[list(dict.fromkeys([*REQUIRED, *columns, "_x", "_y"]))].copy(deep=False)
    slim.attrs = {}
    found = _points(slim, columns, counted)
    missing = [p for p in found if isinstance(p, Missing)]
    plane = Plane((x_direction == "higher", y_direction == "higher"), reference, counted.y)
    points = plane.mark([p for p in found if isinstance(p, Point)])
    lost = in_order(m.settings.recipe for m in missing)
    steps = None if "steps" not in unique else plain_cell(unique["steps"].iloc[0])
    return TradeOff(
        task=str(unique["task"].iloc[0]),
        x=x,
        x_direction=x_direction,
        y=y,
        y_direction=y_direction,
        reference=reference,
        corner=corner,
        trivial=counted.y,
        steps=None if steps is None else int(steps),
        shortened="shortened" in unique and plain_cell(unique["shortened"].iloc[0]) is True,
        seeds=tuple(sorted({int(s) for s in unique["seed"]})),
        members=len(unique),
        diverged=sum(p.diverged for p in found),
        repeated=len(members) - len(unique),
        lines=plane.lines(points, in_order(p.settings.recipe for p in points)),
        missing=tuple(
            sorted(missing, key=lambda m: (lost.index(m.settings.recipe), m.settings.order))
        ),
        hypervolume=plane.hypervolume(points),
        searched_on=searched_on,
        x_version=versions[0],
        y_version=versions[1],
    )


# --------------------------------------------------------------------------- parts


@dataclass(frozen=True)
class _Counted:
    """What a lost seed counts as on each axis."""

    x: float
    y: float


def _points(rows: pd.DataFrame, columns: Sequence[str], counted: _Counted) -> list[Point | Missing]:
    """A record a configuration, of rows in order of configuration and seed."""
    names = rows["configuration"].to_numpy()
    starts = [0, *(1 + np.flatnonzero(names[1:] != names[:-1])), len(names)]
    ok, seeds = (rows["status"] == "ok").to_numpy(), rows["seed"].to_numpy()
    xs, ys = (rows[name].to_numpy(float) for name in ("_x", "_y"))
    kept = ok & np.isfinite(xs) & np.isfinite(ys)
    # Arrays, as pandas takes a millisecond a configuration to cut a frame.
    firsts = rows.iloc[starts[:-1]]
    cells = {str(name): [plain_cell(value) for value in firsts[name]] for name in firsts}
    found: list[Point | Missing] = []
    for number, (start, stop) in enumerate(pairwise(starts)):
        own = slice(start, stop)
        settings = _settings({name: held[number] for name, held in cells.items()}, columns)
        diverged = int((~ok[own]).sum())
        unmeasured = int((ok & ~kept)[own].sum())
        if not kept[own].any():
            found.append(Missing(settings, diverged, unmeasured))
            continue
        x, y = xs[own][kept[own]], ys[own][kept[own]]
        found.append(
            Point(
                settings=settings,
                seeds=tuple(seeds[own][kept[own]].tolist()),
                xs=tuple(x.tolist()),
                ys=tuple(y.tolist()),
                x=_estimate(x, diverged + unmeasured, counted.x),
                y=_estimate(y, diverged + unmeasured, counted.y),
                diverged=diverged,
                unmeasured=unmeasured,
                lost_seeds=tuple(seeds[own][~kept[own]].tolist()),
            )
        )
    return found


def _settings(cells: dict[str, Any], columns: Sequence[str]) -> Settings:
    """What a configuration sets, from the cells of one of its rows."""
    return Settings(
        configuration=cells["configuration"],
        recipe=cells["recipe"],
        title=title_of(cells["recipe"]),
        dial=cells["dial"],
        dial_value=cells["dial_value"],
        values={name: cells[name] for name in columns},
    )


def _estimate(values: np.ndarray, lost: int, counted: float) -> Estimate:
    """Mean with interval, deviation of the measured seeds, interquartile mean of all."""
    found = statistics.two_part_interval(values, lost=lost, trivial=counted)
    everyone = np.concatenate([values, np.full(lost, counted)])
    return Estimate(
        mean=found.value,
        std=float((values - values[0]).std(ddof=1)) if len(values) > 1 else None,
        low=found.low if math.isfinite(found.low) else math.nan,  # one NaN, so that records compare
        high=found.high if math.isfinite(found.high) else math.nan,
        middle=statistics.interquartile_mean(everyone),
    )


def _check(
    frame: pd.DataFrame,
    *,
    columns: tuple[str, str],
    directions: tuple[str, str],
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
    for column in ("task", "steps"):
        found = sorted(frame[column].dropna().unique().tolist()) if column in names else []
        if len(found) > 1:
            raise InputError(
                f"frame: a trade-off is of one task at one length, but {column} takes {found}"
            )
