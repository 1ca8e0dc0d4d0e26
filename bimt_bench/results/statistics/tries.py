"""The volume a recipe would have with fewer configurations: recipes with more tries win by them."""

from itertools import combinations
from math import comb

import numpy as np

from bimt_bench.results.statistics.volumes import half_split

DRAWN = 200
"""Of more choices than this, so many are drawn, always the same."""


def fair_number(counts: list[int]) -> int | None:
    """At how many configurations recipes with so many each are compared; None if at none.

    About half the smallest number and at least 3; at the number itself it would be H again.
    """
    smallest = min(counts)
    wanted = max(3, smallest // 2)
    return wanted if wanted < smallest else None


def volume_per_tries(x: np.ndarray, y: np.ndarray, configurations: int) -> float:
    """The mean H of so many configurations chosen from the K of x, y [K, S] (rarefaction)."""
    count = x.shape[0]
    if not 1 <= configurations <= count:
        raise ValueError(f"configurations: {configurations} given; should be 1 to {count}")
    if comb(count, configurations) <= DRAWN:
        chosen = np.array(list(combinations(range(count), configurations)))
    else:
        generator = np.random.default_rng([count, configurations])
        chosen = np.stack([generator.permutation(count)[:configurations] for _ in range(DRAWN)])
    return float(half_split(x[chosen], y[chosen]).value.mean())
