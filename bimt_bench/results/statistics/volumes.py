"""The volume of a recipe's front: raw, by half splits (H) and smoothed (M), with intervals.

Arrays are [..., K, S]: K configurations, S seeds, the same for all; leading axes are recipes or
repeats that are worked through together. x and y count from the reference corner, upwards. What is
not above it in both contributes nothing.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bimt_bench.results.statistics.means import CONFIDENCE, t_factor

Array = np.ndarray
ALL_SPLITS = 10
"""Up to so many seeds every split is taken; of more, `DRAWN` splits and their other way round."""
DRAWN = 128


@dataclass(frozen=True)
class Volume:
    """Volumes [...] with the ends of their intervals, and each seed's share of them [..., S].

    `shares` are the gradient of the volume times a seed's deviations: two recipes are compared by
    those. Ends are NaN with fewer than two seeds.
    """

    value: Array
    low: Array
    high: Array
    shares: Array


def raw_volume(x: Array, y: Array) -> Array:
    """The volume of the front of the points x, y [..., K]: biased upwards where they have noise."""
    order = np.argsort(-x, axis=-1, kind="stable")
    return _steps(np.take_along_axis(x, order, -1), np.take_along_axis(y, order, -1)).sum(axis=-1)


def smoothed(x: Array, y: Array, *, confidence: float = CONFIDENCE) -> Volume:
    """M: each mean is averaged with those that it cannot be told from, then the volume.

    w_ij = exp(-1/2 sum over axes of (m_i - m_j)^2 / (v_i + v_j)), v = half its own, half the
    recipe's mean squared error. The interval is that of the linear part of the raw volume: with
    the smoothed front's it would hold the truth 70 % of the time among equal configurations.
    """
    weights = _alike(x, y)
    value = raw_volume(*((weights @ v.mean(axis=-1)[..., None])[..., 0] for v in (x, y)))
    shares = _shares(x, y)
    half = t_factor(x.shape[-1], confidence) * _error(shares)
    return Volume(value, value - half, value + half, shares)


def half_split(x: Array, y: Array, *, confidence: float = CONFIDENCE) -> Volume:
    """H: the front is chosen on one half of the seeds and valued on the other, over all splits.

    Without bias where configurations are equal. Its interval takes the larger of two errors: of
    the volume's linear part, and of H when one seed is left out.
    """
    seeds = x.shape[-1]
    if seeds < 2:
        nothing = np.full(x.shape[:-2], math.nan)
        return Volume(nothing, nothing, nothing, np.zeros((*x.shape[:-2], seeds)))
    value = split_volume(x, y)
    shares = _shares(x, y)
    error = _error(shares)
    if seeds > 2:
        without = np.stack(
            [split_volume(np.delete(x, s, axis=-1), np.delete(y, s, axis=-1)) for s in range(seeds)]
        )
        spread = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
        error = np.maximum(error, np.sqrt(spread * (seeds - 1) / seeds))
    half = t_factor(seeds, confidence) * error
    return Volume(value, value - half, value + half, shares)


def split_volume(x: Array, y: Array) -> Array:
    """H alone, [...]: the mean over splits of the chosen front's value on the other seeds.

    NaN with fewer than two seeds.
    """
    seeds = x.shape[-1]
    if seeds < 2:
        return np.full(x.shape[:-2], math.nan)
    splits = _splits(seeds)
    chooses, values = np.zeros((len(splits), seeds)), np.zeros((len(splits), seeds))
    for row, (one, other) in enumerate(splits):
        chooses[row, one], values[row, other] = 1 / len(one), 1 / len(other)
    sizes = np.array([len(other) for _, other in splits])
    # [..., splits, K]
    order, on_front, before = _chosen(
        np.swapaxes(x @ chooses.T, -1, -2), np.swapaxes(y @ chooses.T, -1, -2)
    )
    there = [np.take_along_axis(np.swapaxes(v @ values.T, -1, -2), order, -1) for v in (x, y)]
    rise = there[1] - _at(there[1], before)
    # the means of x and y are of the same seeds: their product is too large by the covariance
    pairs = _apart(x) @ np.swapaxes(_apart(y), -1, -2) / (seeds - 1)  # [..., K, K]
    own = np.take_along_axis(np.diagonal(pairs, axis1=-2, axis2=-1)[..., None, :], order, -1)
    previous = np.take_along_axis(order, np.maximum(before, 0), -1)
    count = x.shape[-2]
    flat = pairs.reshape(*pairs.shape[:-2], 1, count * count)
    crossed = np.take_along_axis(flat, order * count + previous, -1)
    together = own - np.where(before < 0, 0.0, crossed)
    added = there[0] * rise - together / sizes[:, None]
    return (on_front * added).sum(axis=-1).mean(axis=-1)


# ------------------------------------------------------------------------------ parts


def _steps(x: Array, y: Array) -> Array:
    """What each point [..., K] adds to the volume, points in falling x."""
    before = np.maximum.accumulate(np.maximum(y, 0.0), axis=-1)
    before = np.concatenate([np.zeros_like(before[..., :1]), before[..., :-1]], axis=-1)
    return np.maximum(x, 0.0) * np.maximum(y - before, 0.0)


def _apart(values: Array) -> Array:
    """Each seed's deviation from the mean, [..., K, S]."""
    return values - values.mean(axis=-1, keepdims=True)


def _error(shares: Array) -> Array:
    """The standard error of a sum whose seeds deviate so, [...]."""
    seeds = shares.shape[-1]
    if seeds < 2:
        return np.full(shares.shape[:-1], math.nan)
    return shares.std(axis=-1, ddof=1) / math.sqrt(seeds)


def _chosen(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Points in falling x: their order, which of them are on the front, which one is before each.

    [..., K] each; `before` is the place in that order of the point of the front before it, -1 if
    there is none.
    """
    order = np.argsort(-x, axis=-1, kind="stable")
    on_front = _steps(np.take_along_axis(x, order, -1), np.take_along_axis(y, order, -1)) > 0
    places = np.where(on_front, np.arange(x.shape[-1]), -1)
    latest = np.maximum.accumulate(places, axis=-1)
    before = np.concatenate([np.full_like(latest[..., :1], -1), latest[..., :-1]], axis=-1)
    return order, on_front, before


def _shares(x: Array, y: Array) -> Array:
    """The raw volume's gradient at the means times the seeds' deviations: [..., S]."""
    mean_x, mean_y, x, y = x.mean(axis=-1), y.mean(axis=-1), _apart(x), _apart(y)
    order, on_front, before = _chosen(mean_x, mean_y)
    along = order[..., None]
    x, y = (np.take_along_axis(values, along, axis=-2) for values in (x, y))
    mean_x, mean_y = (np.take_along_axis(values, order, -1) for values in (mean_x, mean_y))
    rise = mean_y - _at(mean_y, before)
    sum_x = (on_front * rise)[..., None] * x
    # d V / d y_i = x_i - x_(i+1): each point's x counts for its own y and against the one before
    mine = (on_front * mean_x)[..., None]
    return (sum_x + mine * (y - _at_seeds(y, before))).sum(axis=-2)


def _at(values: Array, before: Array) -> Array:
    """Values [..., K] at the places `before`; 0 where there is none."""
    return np.where(before < 0, 0.0, np.take_along_axis(values, np.maximum(before, 0), -1))


def _at_seeds(values: Array, before: Array) -> Array:
    """The same of values [..., K, S]."""
    found = np.take_along_axis(values, np.maximum(before, 0)[..., None], axis=-2)
    return np.where(before[..., None] < 0, 0.0, found)


def _alike(x: Array, y: Array) -> Array:
    """How much each configuration counts for each other one, [..., K, K]; rows sum to 1."""
    exponent = np.zeros((*x.shape[:-1], x.shape[-2]))
    for values in (x, y):
        seeds = values.shape[-1]
        own = values.var(axis=-1, ddof=1) / seeds if seeds > 1 else np.zeros(values.shape[:-1])
        error = 0.5 * own + 0.5 * own.mean(axis=-1, keepdims=True)
        mean = values.mean(axis=-1)
        apart = (mean[..., :, None] - mean[..., None, :]) ** 2
        both = error[..., :, None] + error[..., None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            exponent += np.where(apart == 0, 0.0, apart / both)
    weights = np.exp(-0.5 * exponent)
    return weights / weights.sum(axis=-1, keepdims=True)


def _splits(seeds: int) -> list[tuple[list[int], list[int]]]:
    """Halves of the seeds, both ways: on which the front is chosen, and on which it is valued."""
    half = seeds // 2
    if seeds <= ALL_SPLITS:
        chosen = [list(one) for one in combinations(range(seeds), half)]
    else:
        generator = np.random.default_rng(seeds)
        chosen = [sorted(generator.permutation(seeds)[:half].tolist()) for _ in range(DRAWN)]
    rest = [[s for s in range(seeds) if s not in set(one)] for one in chosen]
    pairs = list(zip(chosen, rest, strict=True))
    if seeds <= ALL_SPLITS and 2 * half == seeds:
        return pairs  # each half's other one is among them
    return pairs + [(rest, one) for one, rest in pairs]
