"""Ranks of recipes over a range of reference corners, as one corner may favour one of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bimt_bench.results.statistics.volumes import split_volume

Standing = Literal["first at all", "first at most", "depends", "never first"]
Plane = Mapping[str, tuple[np.ndarray, np.ndarray]]
STEPS = 5


@dataclass(frozen=True)
class Ranks:
    """A recipe's rank by H at every corner, 1 the best, and what that says."""

    ranks: tuple[int, ...]
    standing: Standing

    @property
    def range(self) -> tuple[int, int]:
        """Its best and its worst rank."""
        return min(self.ranks), max(self.ranks)


def ranks_over_corners(
    recipes: Plane, corners: np.ndarray, *, among: Collection[str] | None = None
) -> dict[str, Ranks]:
    """Ranks of each recipe by H, at each of some corners [n, 2] (modularity, performance).

    Recipes are x, y [K, S] counted from the first corner's origin, upwards. First at all corners,
    at more than half of them, at some, or never. `among`: those that others rank behind, all if
    not told; a recipe that is not among them takes nobody's rank.
    """
    volumes = np.stack([_at_corners(x, y, corners) for x, y in recipes.values()])
    ahead = volumes[[among is None or name in among for name in recipes]]
    # a recipe's rank is one more than the number of recipes that are better
    ranks = 1 + (ahead[None] > volumes[:, None]).sum(axis=1)
    return {
        name: Ranks(tuple(map(int, own)), _standing(own))
        for name, own in zip(recipes, ranks, strict=True)
    }


def _at_corners(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """H of x, y [K, S] from each corner, [n]."""
    return split_volume(x - corners[:, 0, None, None], y - corners[:, 1, None, None])


def corner_range(nadir: tuple[float, float], own: tuple[float, float]) -> np.ndarray:
    """Corners [n, 2] from a task's own to the nadir of all compared members, in equal steps."""
    shares = np.linspace(0.0, 1.0, STEPS)
    axes = [low + shares * (high - low) for low, high in zip(own, nadir, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)


def _standing(ranks: np.ndarray) -> Standing:
    first = (ranks == 1).mean()
    if first == 1.0:
        return "first at all"
    if first > 0.5:
        return "first at most"
    return "depends" if first else "never first"
