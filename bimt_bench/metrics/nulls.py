"""Null models: shuffles of a member's weights, and how far a value lies from theirs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from bimt_bench.ground import numpy_generator
from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.graph import NeuronGraph, graphs

# Draws of weights [draw, place] that might stand in a graph's places.
Shuffle = Callable[[NeuronGraph, np.random.Generator, int], np.ndarray]

# Weights [draw, place] -> a value of each draw, [draw].
Statistic = Callable[[np.ndarray], np.ndarray]

# One a member, made for its graph; None for a member without one.
Statistics = Sequence[Statistic | None]

Direction = Literal["higher", "lower"]

# A null model that varies by less than rounding has no scale to measure a distance in.
_NO_SPREAD = 1e-9


@dataclass(frozen=True, eq=False)
class Comparison:
    """A statistic of one member's own weights, and of every draw of its null."""

    value: float
    null: Float64[np.ndarray, " draw"]


def shuffles(
    graph: NeuronGraph, shuffle: Shuffle, draws: int, stream: tuple[str, int]
) -> Float64[np.ndarray, "draw place"]:
    """Shuffled weights of `draws` draws, from the stream of a metric and a member's seed."""
    return shuffle(graph, numpy_generator("metrics", *stream, "shuffles"), draws)


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
            values[i] = statistic(graph.weights[None])[0]
    return values


def compared(
    scored: Scored, statistics: Statistics, shuffle: Shuffle, *, name: str
) -> tuple[Comparison | None, ...]:
    """A statistic of every member and of `shuffles` draws of a null; None without a graph.

    `name` names the stream of draws, with the member's seed.
    """
    members = zip(graphs(scored), statistics, scored.seeds, strict=True)
    return tuple(
        None
        if graph is None or statistic is None
        else _compare(graph, statistic, shuffles(graph, shuffle, scored.shuffles, (name, seed)))
        for graph, statistic, seed in members
    )


def z_scores(found: Sequence[Comparison | None]) -> PerMember:
    """The standard score of every member against its null; NaN for a member without a graph."""
    return np.array([math.nan if c is None else standard_score(c.value, c.null) for c in found])


def p_values(found: Sequence[Comparison | None], *, better: Direction) -> PerMember:
    """The p-value of every member against its null; NaN for a member without a graph."""
    return np.array(
        [math.nan if c is None else p_value(c.value, c.null, better=better) for c in found]
    )


def _compare(graph: NeuronGraph, statistic: Statistic, draws: np.ndarray) -> Comparison:
    values = statistic(np.concatenate([graph.weights[None], draws]))
    return Comparison(float(values[0]), values[1:])
