"""Null models: shuffles of a member's weights, and how far a value lies from theirs."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float64

from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.graph import NeuronGraph, graphs
from bimt_bench.seeds import numpy_generator

Shuffle = Callable[[NeuronGraph, np.random.Generator], np.ndarray]
Statistic = Callable[[np.ndarray], float]

# A null model that varies by less than rounding has no scale to measure a distance in.
_NO_SPREAD = 1e-9


def shuffles(
    graph: NeuronGraph, shuffle: Shuffle, draws: int, stream: tuple[str, int]
) -> Iterator[Float64[np.ndarray, " place"]]:
    """Shuffled weights [places], a draw at a time, from the stream of a metric and a seed."""
    generator = numpy_generator("metrics", *stream, "shuffles")
    for _ in range(draws):
        yield shuffle(graph, generator)


def standard_score(value: float, null: Float64[np.ndarray, " draw"]) -> float:
    """(value - mean) / std over the draws, one degree of freedom taken off.

    NaN where the null does not vary or is a single draw.
    """
    spread = null.std(ddof=1) if len(null) > 1 else 0.0
    return float((value - null.mean()) / spread) if spread > _NO_SPREAD else math.nan


def observed(scored: Scored, prepare: Callable[[NeuronGraph], Statistic]) -> PerMember:
    """A statistic of every member's own weights; NaN for a member without a graph.

    `prepare` makes of a graph a function of the weights [places] that may stand there.
    """
    return np.array([math.nan if g is None else prepare(g)(g.weights) for g in graphs(scored)])


def z_scores(
    scored: Scored, prepare: Callable[[NeuronGraph], Statistic], shuffle: Shuffle, *, name: str
) -> PerMember:
    """The standard score of a statistic of every member against `shuffles` draws of a null."""
    values = np.full(scored.size, math.nan)
    for i, (graph, seed) in enumerate(zip(graphs(scored), scored.seeds, strict=True)):
        if graph is None:
            continue
        statistic = prepare(graph)
        draws = shuffles(graph, shuffle, scored.shuffles, (name, seed))
        null = np.array([statistic(weights) for weights in draws])
        values[i] = standard_score(statistic(graph.weights), null)
    return values
