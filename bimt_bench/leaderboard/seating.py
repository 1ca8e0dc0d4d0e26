"""From what was measured of entries to where they stand on a task."""

from collections.abc import Callable, Sequence

from bimt_bench.leaderboard.field import Place, places
from bimt_bench.leaderboard.measured import GOAL, Judged
from bimt_bench.leaderboard.standings import Beside, Chosen, Standing
from bimt_bench.metrics import METRICS, direction
from bimt_bench.results import is_baseline, title_of
from bimt_bench.results.statistics import Difference
from bimt_bench.results.tradeoff import Point
from bimt_bench.spec import TaskSpec

TOLERANCE = 0.01
"""The share of the baseline's performance that may be lost for modularity."""
SHARES = (0.2, 0.4, 0.6, 0.8)
"""Of the way from 0, or the corner, to the best modularity there can be: levels to look up."""


def levels_of(task: TaskSpec) -> tuple[float, ...]:
    """The modularities at which performance is looked up; none on an axis without a best value."""
    axis = METRICS[task.modularity_axis]
    best = axis.high if _sign(task, axis.name) > 0 else axis.low
    corner = task.reference.modularity
    if abs(best) == float("inf"):
        return ()
    origin = 0.0 if min(corner, best) < 0.0 < max(corner, best) else corner
    return tuple(round(origin + share * (best - origin), 6) for share in SHARES)


def seated(found: Sequence[Judged], task: TaskSpec) -> tuple[Standing, ...]:
    """Entries and controls that compete with one another, in order of place and then of H."""
    if not found:
        return ()
    by_name = {one.candidate.name: one for one in found}
    floor = _floor(found, task)
    return tuple(
        _standing(by_name[name], task, floor=floor, place=place)
        for name, place in places([one.contender for one in found]).items()
    )


def unseated(
    found: Sequence[Judged], task: TaskSpec, *, beside: Sequence[Judged]
) -> tuple[Standing, ...]:
    """Those of which there are weights alone, by H and without places.

    beside: the ranked ones, whose baseline they are measured by.
    """
    floor = _floor(beside, task)
    order = sorted(found, key=lambda one: (-one.contender.h, one.candidate.name))
    return tuple(_standing(one, task, floor=floor, place=None) for one in order)


def _standing(one: Judged, task: TaskSpec, *, floor: float | None, place: Place | None) -> Standing:
    own, verdict = one.candidate, one.candidate.verdict
    return Standing(
        task=task.name,
        name=own.name,
        title=own.title,
        recipe=own.recipe,
        recipe_title=title_of(own.recipe),
        steps=own.steps,
        shortened=own.steps < task.training.steps,
        level=verdict.level,
        authors=own.authors,
        link=own.link,
        control=own.control,
        place=None if place is None else place.place,
        shared=() if place is None else place.shared,
        rank=None if place is None else place.rank,
        ranks=None if place is None else place.ranks.range,
        corners=None if place is None else place.ranks.standing,
        volume=one.figures.volume,
        beside_first=None if place is None else _beside(place.beside_first),
        beside_above=None if place is None else _beside(place.beside_above),
        beside_clean=None if place is None else _beside(place.beside_clean),
        reached=tuple(_reached(one.points, task, level) for level in levels_of(task)),
        kept=_kept(one.points, task, floor),
        members=len(verdict.members),
        seeds=len(one.contender.seeds),
        lost=one.figures.lost,
        operations=verdict.operations,
        dial=own.dial,
        points=one.points,
        fresh=one.figures.fresh,
        flags=tuple(one.told for one in verdict.flags),
    )


def _beside(found: tuple[str, Difference] | None) -> Beside | None:
    return None if found is None else Beside(*found)


# ----------------------------------------------------------------- what a reader may ask for


def _sign(task: TaskSpec, metric: str) -> float:
    return 1.0 if direction(metric, task.performance.kind) == "higher" else -1.0


def _upwards(task: TaskSpec) -> tuple[Callable[[Point], float], Callable[[Point], float]]:
    """Modularity and performance of a point, turned so that more is better."""
    x, y = _sign(task, task.modularity_axis), _sign(task, GOAL)
    return (lambda point: x * point.x.mean), (lambda point: y * point.y.mean)


def _reached(points: Sequence[Point], task: TaskSpec, level: float) -> Chosen | None:
    """The best performance at modularity at least as good as `level`."""
    x, y = _upwards(task)
    bound = _sign(task, task.modularity_axis) * level
    return _chosen(max((p for p in points if x(p) >= bound), key=y, default=None))


def _floor(found: Sequence[Judged], task: TaskSpec) -> float | None:
    """The performance, upwards, that keeps all but 1 % of the best baseline entry's."""
    _, y = _upwards(task)
    best = [
        y(point)
        for one in found
        if one.candidate.control is None and is_baseline(one.candidate.recipe)
        for point in one.points
    ]
    return max(best) - TOLERANCE * abs(max(best)) if best else None


def _kept(points: Sequence[Point], task: TaskSpec, floor: float | None) -> Chosen | None:
    """The best modularity among those whose performance is not below the floor."""
    if floor is None:
        return None
    x, y = _upwards(task)
    return _chosen(max((p for p in points if y(p) >= floor), key=x, default=None))


def _chosen(point: Point | None) -> Chosen | None:
    return None if point is None else Chosen(point.settings.dial_value, point.x, point.y)
