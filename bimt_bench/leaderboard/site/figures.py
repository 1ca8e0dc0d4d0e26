"""What the interactive trade-off of a task is drawn from: plain data; the page computes none."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bimt_bench.leaderboard.standings import Standing, TaskTable
from bimt_bench.results.tradeoff import Estimate, Point


def tradeoff_data(table: TaskTable, pages: Mapping[str, str]) -> dict[str, Any]:
    """The axes of a task and its entries' configurations, with intervals and single seeds.

    pages: links to the pages of entries, by name.
    """
    return {
        "x": {"title": table.x.title, "rising": table.x.direction == "higher"},
        "y": {"title": table.y.title, "rising": table.y.direction == "higher"},
        "entries": [
            {**_entry(one), "page": pages.get(one.name)}
            for one in (*table.standings, *table.unranked)
            if one.points
        ],
    }


def _entry(one: Standing) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "recipe": one.recipe_title,
        "control": one.control is not None,
        "ranked": one.place is not None,
        "place": one.place_text,
        "points": [_point(point) for point in one.points],
        "fresh": _seeds(one.fresh),
        "seeds": _seeds(one.points),
    }


def _point(point: Point) -> dict[str, Any]:
    settings = point.settings
    dial = None
    if settings.dial is not None and settings.dial_value is not None:
        dial = f"{settings.dial.replace('_', ' ')} {settings.dial_value:g}"
    return {
        "dial": dial,
        "x": _estimate(point.x),
        "y": _estimate(point.y),
        "seeds": len(point.seeds),
        "lost": point.lost,
        "front": point.on_front,
    }


def _estimate(found: Estimate) -> dict[str, float | None]:
    whole = found.has_interval
    return {
        "mean": _rounded(found.mean),
        "low": _rounded(found.low) if whole else None,
        "high": _rounded(found.high) if whole else None,
    }


def _seeds(points: Sequence[Point]) -> dict[str, list[float | None]]:
    return {
        "x": [_rounded(value) for point in points for value in point.xs],
        "y": [_rounded(value) for point in points for value in point.ys],
    }


def _rounded(value: float) -> float | None:
    """To five digits: a page of 40 entries stays small."""
    return float(f"{value:.5g}") if math.isfinite(value) else None
