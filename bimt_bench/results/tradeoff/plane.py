"""The plane of a trade-off: fronts, volumes and ranks of its recipes.

Everything is turned so that more is better and counted from the reference corner, and then left to
`bimt_bench.results.statistics`; fronts are moocore's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import moocore
import numpy as np

from bimt_bench.results import statistics
from bimt_bench.results.tradeoff.records import Hypervolume, Line, Point, Standing
from bimt_bench.results.words import is_baseline, title_of
from bimt_bench.spec import ReferencePoint

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Plane:
    """Which axes are better upwards, the reference corner, and what a lost seed counts as on y."""

    rising: tuple[bool, bool]
    reference: ReferencePoint
    trivial: float

    def mark(self, points: Sequence[Point]) -> list[Point]:
        """The points, marked where they are on the whole front and on their recipe's."""
        front = self._front(points)
        own = set().union(*(self._front(part) for part in _by_recipe(points).values()))
        return [
            replace(
                p,
                on_front=p.settings.configuration in front,
                on_recipe_front=p.settings.configuration in own,
            )
            for p in points
        ]

    def lines(self, points: Sequence[Point], recipes: Sequence[str]) -> tuple[Line, ...]:
        """A line a recipe, with its volume and where it stands among the others."""
        parts = {name: _by_recipe(points)[name] for name in recipes}
        standings = self._standings(parts)
        return tuple(
            Line(
                recipe=name,
                title=title_of(name),
                baseline=is_baseline(name),
                points=tuple(sorted(own, key=lambda p: p.settings.order)),
                hypervolume=self.hypervolume(own),
                standing=standings.get(name),
            )
            for name, own in parts.items()
        )

    def hypervolume(self, points: Sequence[Point]) -> Hypervolume:
        """The volumes of the front of some points; see `Hypervolume`."""
        seeds, lost = common_seeds(points), sum(p.lost for p in points)
        nothing = [math.nan] * 6
        if not points:
            return Hypervolume(0.0, *nothing, seeds=0, lost=0)
        raw = float(statistics.raw_volume(*self._means(points)))
        if len(seeds) < 2:
            return Hypervolume(raw, *nothing, seeds=len(seeds), lost=lost)
        x, y = self.grid(points, seeds)
        h, m = statistics.half_split(x, y), statistics.smoothed(x, y)
        found = [float(v) for one in (h, m) for v in (one.value, one.low, one.high)]
        return Hypervolume(raw, *found, seeds=len(seeds), lost=lost)

    def grid(self, points: Sequence[Point], seeds: Sequence[int]) -> Arrays:
        """x and y [K, S] of points that all have these seeds; lost ones as they count."""
        x = np.full((len(points), len(seeds)), self.reference.modularity)
        y = np.full((len(points), len(seeds)), self.trivial)
        place = {seed: i for i, seed in enumerate(seeds)}
        for row, point in enumerate(points):
            for seed, own_x, own_y in zip(point.seeds, point.xs, point.ys, strict=True):
                if seed in place:
                    x[row, place[seed]], y[row, place[seed]] = own_x, own_y
        return self._turned(x, y)

    def _standings(self, parts: Mapping[str, Sequence[Point]]) -> dict[str, Standing]:
        """Of each recipe among the others; none where they share fewer than two seeds."""
        seeds = common_seeds([p for own in parts.values() for p in own])
        if len(parts) < 2 or len(seeds) < 2:
            return {}
        grids = {name: self.grid(own, seeds) for name, own in parts.items()}
        volumes = {
            name: (statistics.half_split(*grid), statistics.smoothed(*grid))
            for name, grid in grids.items()
        }
        nadir = [min(float(grid[axis].min()) for grid in grids.values()) for axis in (0, 1)]
        corners = statistics.corner_range((nadir[0], nadir[1]), (0.0, 0.0))
        ranks = statistics.ranks_over_corners(grids, corners)
        order = {name: -float(h.value) for name, (h, _) in volumes.items()}
        first = min(order, key=lambda name: order[name])
        behind = _compared(first, volumes)
        baseline = next((name for name in parts if is_baseline(name)), None)
        beside = {} if baseline is None else _compared(baseline, volumes)
        fair = statistics.fair_number([len(own) for own in parts.values()])
        uneven = len({len(own) for own in parts.values()}) > 1
        return {
            name: Standing(
                rank=1 + sum(other < order[name] for other in order.values()),
                ranks=ranks[name].range,
                standing=ranks[name].standing,
                beside=beside.get(name),
                first=None if name == first else behind[name].verdict,
                per_tries=None
                if fair is None or not uneven
                else statistics.volume_per_tries(*grids[name], fair),
            )
            for name in parts
        }

    def _front(self, points: Sequence[Point]) -> set[str]:
        if not points:
            return set()
        kept = moocore.is_nondominated(
            np.stack(self._means(points), axis=-1), maximise=True, keep_weakly=True
        )
        return {p.settings.configuration for p, keep in zip(points, kept, strict=True) if keep}

    def _turned(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """x and y upwards from the corner."""
        signs = [1.0 if rises else -1.0 for rises in self.rising]
        corner = (self.reference.modularity, self.reference.performance)
        return signs[0] * (x - corner[0]), signs[1] * (y - corner[1])

    def _means(self, points: Sequence[Point]) -> Arrays:
        """x and y of the points, [K] each."""
        x, y = (np.array([getattr(p, axis).mean for p in points]) for axis in ("x", "y"))
        return self._turned(x, y)


def _compared(
    name: str, volumes: Mapping[str, tuple[statistics.Volume, statistics.Volume]]
) -> dict[str, statistics.Difference]:
    """Every other recipe against this one."""
    others = {other: pair for other, pair in volumes.items() if other != name}
    found = statistics.compare(volumes[name], others)
    return {other: one.turned() for other, one in found.items()}


def common_seeds(points: Sequence[Point]) -> list[int]:
    """The seeds that every configuration was trained with, lost ones too."""
    held = [set(p.seeds) | set(p.lost_seeds) for p in points]
    return sorted(set.intersection(*held)) if held else []


def _by_recipe(points: Sequence[Point]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(point.settings.recipe, []).append(point)
    return found
