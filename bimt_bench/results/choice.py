"""Which member stands for many: the best, the median, or the knee of a trade-off.

One definition each, for Python, the command line and the drawings on disk (docs/python.md).
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from bimt_bench.ground import InputError, closest
from bimt_bench.metrics import direction
from bimt_bench.results.tradeoff import Point, TradeOff

CHOICES = ("best", "median", "knee")
DRAWN = ("chosen", "all")
"""What a sweep draws: those of each recipe, or the median of each configuration besides."""


def check_drawn(draw: object) -> None:
    """InputError for what a sweep cannot draw."""
    if draw not in DRAWN:
        raise InputError(
            f"draw: {draw!r} given{closest(str(draw), DRAWN)} (allowed: {', '.join(DRAWN)})"
        )


def choose(which: str, rows: pd.DataFrame, tradeoff: Callable[[], TradeOff]) -> str | None:
    """The member of `rows` that is 'best', 'median' or 'knee'; None if no member finished.

    `tradeoff` is asked for that of these rows where it is needed.
    """
    if which == "knee":
        return knee(rows, tradeoff())
    return best(rows) if which == "best" else median(rows)


def best(rows: pd.DataFrame) -> str | None:
    """The member of best performance, of equal ones that of the lowest seed; None if none is ok."""
    found = _finished(rows).sort_values(
        ["performance", "seed"], ascending=[not _rises(rows), True], kind="stable"
    )
    return None if found.empty else str(found["member"].iloc[0])


def median(rows: pd.DataFrame) -> str | None:
    """The member of median performance (the worse one of an even number); None if none is ok."""
    found = _finished(rows).sort_values(["performance", "seed"], ascending=[_rises(rows), True])
    return None if found.empty else str(found["member"].iloc[(len(found) - 1) // 2])


def knee(rows: pd.DataFrame, tradeoff: TradeOff, *, recipe: str | None = None) -> str | None:
    """The median member of the configuration at the knee of the front, of all or of one recipe.

    Where the front has fewer than three configurations there is no knee: the best member.
    """
    own = rows if recipe is None else rows[rows["recipe"] == recipe]
    lines = [line for line in tradeoff.lines if line.recipe == recipe]
    front = tradeoff.front if recipe is None else [p for line in lines for p in line.front]
    point = knee_point(front, tradeoff)
    if point is None:
        return best(own)
    return median(own[own["configuration"] == point.settings.configuration])


def knee_point(front: Sequence[Point], tradeoff: TradeOff) -> Point | None:
    """The configuration between the ends of a front that lies farthest beyond their chord.

    Both axes are scaled to 0..1 by the front's own range, and distances count towards the better
    side. None with fewer than three configurations, or where an axis has no range.
    """
    if len(front) < 3:
        return None
    signs = [
        1.0 if way == "higher" else -1.0 for way in (tradeoff.x_direction, tradeoff.y_direction)
    ]
    places = np.array([[p.x.mean, p.y.mean] for p in front]) * signs
    low, high = places.min(axis=0), places.max(axis=0)
    if not (high > low).all():
        return None
    # Scaled and turned so that higher is better, the ends of a front are (0, 1) and (1, 0).
    beyond = ((places - low) / (high - low)).sum(axis=1)
    inner = (places > low).all(axis=1)
    if not inner.any():
        return None
    return front[int(np.argmax(np.where(inner, beyond, -np.inf)))]


def _rises(rows: pd.DataFrame) -> bool:
    """Whether a higher performance is better."""
    measure = rows["performance_metric"].iloc[0] if "performance_metric" in rows else ""
    return direction("performance", str(measure)) == "higher"


def _finished(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["status"] == "ok") & rows["performance"].notna()]
