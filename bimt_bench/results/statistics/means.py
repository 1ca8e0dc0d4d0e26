"""Means over seeds with intervals, with and without lost seeds; means that outliers do not rule."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
Array = np.ndarray


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its interval; ends are NaN where there are too few seeds for one."""

    value: float
    low: float
    high: float


@cache
def t_factor(seeds: int, confidence: float = CONFIDENCE) -> float:
    """How many standard errors an interval is wide on each side; NaN below two seeds."""
    return float(stats.t.ppf(0.5 + confidence / 2, seeds - 1)) if seeds > 1 else math.nan


def t_interval(values: Array, *, confidence: float = CONFIDENCE) -> tuple[Array, Array, Array]:
    """Mean, low and high end over the last axis: m +- t(S-1) s / sqrt(S).

    `values` is [..., S]; the ends are NaN for a single seed.
    """
    seeds = values.shape[-1]
    apart = values - values[..., :1]  # of equal values exactly 0
    mean = values[..., 0] + apart.mean(axis=-1)
    if seeds < 2:
        return mean, np.full_like(mean, math.nan), np.full_like(mean, math.nan)
    half = t_factor(seeds, confidence) * apart.std(axis=-1, ddof=1) / math.sqrt(seeds)
    return mean, mean - half, mean + half


def two_part_interval(
    finished: Array, *, lost: int, trivial: float, confidence: float = CONFIDENCE
) -> Interval:
    """The mean over all seeds where those that were lost count as the trivial predictor.

    With p = the share lost, between its Clopper-Pearson limits p_L and p_U, e = (1 - p) m_ok +
    p triv and h the t half-width of the finished seeds, the lower end is
    e - sqrt(((1 - p) h)^2 + ((m_ok - triv)(p_U - p))^2), the upper one likewise with p - p_L.
    Ends are NaN with fewer than two finished seeds.
    """
    count = len(finished) + lost
    if not len(finished):
        return Interval(trivial, math.nan, math.nan)
    mean, low, high = (float(one) for one in t_interval(finished, confidence=confidence))
    if not lost:
        return Interval(mean, low, high)
    limits = stats.binomtest(lost, count).proportion_ci(confidence, method="exact")
    share, gap = lost / count, mean - trivial
    value = (1 - share) * mean + share * trivial
    half = (1 - share) * (high - mean)
    worse, better = limits.high - share, share - limits.low
    if gap < 0:  # the trivial predictor is the larger: more losses would raise the mean
        worse, better = better, worse
    return Interval(
        value, value - math.hypot(half, gap * worse), value + math.hypot(half, gap * better)
    )


def interquartile_mean(values: Array) -> float:
    """The mean of the middle half of all values (Agarwal et al. 2021, arXiv 2108.13264)."""
    return float(stats.trim_mean(values.ravel(), proportiontocut=0.25))


def improvement(one: Array, other: Array) -> float:
    """The probability that a run of `one` is better than a run of `other`; ties count half.

    Higher is better; arXiv 2108.13264, there averaged over tasks.
    """
    order = np.sign(one.ravel()[:, None] - other.ravel()[None, :])
    return float(((order + 1) / 2).mean())
