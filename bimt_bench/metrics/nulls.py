"""Null models: shuffles of a member's weights, and how far a value lies from theirs.

Shuffles are drawn in rounds, until z and p are known well enough or a budget ends: the first round
as large as `shuffles` says, then `_ROUND` at a time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Float64

from bimt_bench.ground import numpy_generator
from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.graph import NeuronGraph, graphs

# Draws of weights [draw, place] that might stand in a graph's places.
Shuffle = Callable[[NeuronGraph, np.random.Generator, int], np.ndarray]

# Weights [draw, place] and the number of the round -> a value of each draw, [draw].
Statistic = Callable[[np.ndarray, int], np.ndarray]

# One a member, made for its graph; None for a member without one.
Statistics = Sequence[Statistic | None]

Direction = Literal["higher", "lower"]

# A null model that varies by less than rounding has no scale to measure a distance in.
_NO_SPREAD = 1e-9

_ROUND = 20
_MOST = 400  # draws
_PLACES = 2_000_000  # of all draws together: what large graphs are given beyond the first round

# A figure is known well enough when its error is at most this, or this share of the figure.
_Z_ENOUGH = (0.15, 0.1)
_P_ENOUGH = (0.01, 1 / 3)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A statistic of one member's own weights, and of every draw of its null.

    better: which values are the better ones, where a p-value is asked for.
    """

    value: float
    null: Float64[np.ndarray, " draw"]
    better: Direction | None = None

    @property
    def z(self) -> float:
        """The standard score."""
        return standard_score(self.value, self.null)

    @property
    def z_error(self) -> float:
        """The standard error of z: sqrt(1 / n + z^2 / (2 (n - 1))) over n draws."""
        draws = len(self.null)
        return math.sqrt(1 / draws + self.z**2 / (2 * (draws - 1))) if draws > 1 else math.nan

    @property
    def p(self) -> float:
        """The p-value; NaN where none was asked for."""
        if self.better is None:
            return math.nan
        return p_value(self.value, self.null, better=self.better)

    @property
    def p_error(self) -> float:
        """The standard error of p: sqrt(p (1 - p) / n) over n draws."""
        return math.sqrt(self.p * (1 - self.p) / len(self.null))

    @property
    def is_known(self) -> bool:
        """Whether more draws would say little: errors are small, or z will never be defined."""
        if len(self.null) > 1 and math.isnan(self.z):
            return True
        z_known = self.z_error <= max(_Z_ENOUGH[0], _Z_ENOUGH[1] * abs(self.z))
        p_known = self.p_error <= max(_P_ENOUGH[0], _P_ENOUGH[1] * self.p)
        return z_known and (p_known or self.better is None)


def standard_score(value: float, null: Float64[np.ndarray, " draw"]) -> float:
    """(value - mean) / std over the draws, one degree of freedom taken off.

    NaN where the null does not vary or is a single draw.
    """
    spread = null.std(ddof=1) if len(null) > 1 else 0.0
    return float((value - null.mean()) / spread) if spread > _NO_SPREAD else math.nan


def p_value(value: float, null: Float64[np.ndarray, " draw"], *, better: Direction) -> float:
    """(r + 1) / (n + 1), r the draws of n that are at least as good as the value.

    A draw that is worse by no more than rounding counts as equal. NaN where anything is undefined.
    """
    if not (math.isfinite(value) and np.isfinite(null).all()):
        return math.nan
    ahead = null - value if better == "higher" else value - null
    return float((np.count_nonzero(ahead >= -_NO_SPREAD) + 1) / (len(null) + 1))


def observed(scored: Scored, statistics: Statistics) -> PerMember:
    """A statistic of every member's own weights; NaN for a member without a graph."""
    values = np.full(scored.size, math.nan)
    for i, (graph, statistic) in enumerate(zip(graphs(scored), statistics, strict=True)):
        if graph is not None and statistic is not None:
            values[i] = statistic(graph.weights[None], 0)[0]
    return values


def compared(
    scored: Scored,
    statistics: Statistics,
    shuffle: Shuffle,
    *,
    name: str,
    better: Direction | None = None,
) -> tuple[Comparison | None, ...]:
    """A statistic of every member and of as many draws of a null as it takes; None without a graph.

    `shuffles` draws at first; then more, until the errors of z, and of p where `better` values are
    told, are small, there are 400 draws or a large graph's draws have two million places. `name`
    names the stream of draws, with the member's seed.
    """
    members = zip(graphs(scored), statistics, scored.seeds, strict=True)
    return tuple(
        None
        if graph is None or statistic is None
        else _compare(
            graph,
            statistic,
            partial(shuffle, graph, numpy_generator("metrics", name, seed, "shuffles")),
            first=scored.shuffles,
            better=better,
        )
        for graph, statistic, seed in members
    )


def without_spread(scored: Scored) -> tuple[str, ...]:
    """Why a z-score is undefined: there is no graph, or all of its shuffles have one value."""
    return tuple(
        "it is empty or not finite" if graph is None else "its null model does not vary"
        for graph in graphs(scored)
    )


def z_scores(found: Sequence[Comparison | None]) -> PerMember:
    """The standard score of every member against its null; NaN for a member without a graph."""
    return np.array([math.nan if c is None else c.z for c in found])


def p_values(found: Sequence[Comparison | None]) -> PerMember:
    """The p-value of every member against its null; NaN for a member without a graph."""
    return np.array([math.nan if c is None else c.p for c in found])


def _compare(
    graph: NeuronGraph,
    statistic: Statistic,
    draw: Callable[[int], np.ndarray],
    *,
    first: int,
    better: Direction | None,
) -> Comparison:
    """The member and its first round in one batch, then rounds until enough is known."""
    values = statistic(np.concatenate([graph.weights[None], draw(first)]), 0)
    found = Comparison(float(values[0]), values[1:], better)
    most = min(_MOST, _PLACES // len(graph.weights))
    rounds = 1
    while not found.is_known and len(found.null) + _ROUND <= most:
        more = statistic(draw(_ROUND), rounds)
        found, rounds = replace(found, null=np.concatenate([found.null, more])), rounds + 1
    return found
