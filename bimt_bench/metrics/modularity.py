"""Newman-Girvan modularity Q of the best Leiden partition, raw and against two null models.

Q = 1/2m sum_ij (A_ij - k_i k_j / 2m) [c_i = c_j] for the adjacency A, strengths k and total
weight m of the neuron graph (Newman, arXiv cond-mat/0407503, equation 3 with weighted A). Best
means the highest Q of a few Leiden runs (Traag et al., arXiv 1810.08473). In a z-score the member
and every draw get a single run each, so that nobody is better off by trying more often.
"""

import math
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import igraph
import numpy as np
from jaxtyping import Float64, Int64

from bimt_bench.ground import derive
from bimt_bench.metrics.base import PerMember, Scored, once
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.edges import graph_of_edges
from bimt_bench.metrics.graph import NeuronGraph, graphs
from bimt_bench.metrics.nulls import (
    Comparison,
    Statistic,
    Statistics,
    compared,
    p_values,
    without_spread,
    z_scores,
)

# On a random dense graph, the worst case, Q is 0.103 after one run, 0.105 after two; iterating
# until nothing improves adds less than 1 % at twice the time.
_RUNS = 4
_ITERATIONS = 2

# igraph draws from one generator for the whole process; only one thread may lend it another.
_GENERATOR = threading.Lock()


@dataclass(frozen=True, eq=False)
class Partition:
    """The modules of a graph, [nodes] numbered from 0, and their Q."""

    modules: Int64[np.ndarray, " node"]
    quality: float


@once
def partitions(scored: Scored) -> tuple[Partition | None, ...]:
    """The best Leiden partition of each member's graph; None for a member without one."""
    members = zip(graphs(scored), scored.seeds, strict=True)
    return tuple(None if graph is None else _partition(graph, seed) for graph, seed in members)


@metric(
    title="Modularity Q",
    family="graph",
    direction="higher",
    low=-0.5,
    high=1.0,
    cost="graph",
    source=(
        "Newman, arXiv cond-mat/0407503, Q = 1/2m sum (A_ij - k_i k_j / 2m) [c_i = c_j], "
        "best Leiden partition (Traag et al., arXiv 1810.08473)"
    ),
    untrained="0.11 on independence, 0.23 on compositionality, 0.08 on digits: fewer layers, less",
)
def modularity_q(scored: Scored) -> PerMember:
    """Q of the best Leiden partition; NaN where the graph has no edge or a weight is not finite."""
    return np.array([math.nan if p is None else p.quality for p in partitions(scored)])


@metric(
    title="Modularity z, all weights shuffled",
    family="graph",
    direction="higher",
    unit="standard deviations",
    cost="draws",
    source=(
        "(Q - mean Q_null) / std Q_null, weights shuffled within each layer "
        "(after Filan et al., arXiv 2103.03386)"
    ),
    untrained="within 2 of 0",
    undefined=without_spread,
)
def modularity_z(scored: Scored) -> PerMember:
    """(Q - mean) / std of Q over shuffles of all weights within each connection.

    Isolated neurons are removed first, then weights and zeros trade places between the living.
    std has one degree of freedom taken off. NaN where Q is, and where the null does not vary.
    """
    return z_scores(against_shuffled(scored))


@metric(
    title="Modularity p, all weights shuffled",
    family="graph",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="probability",
    cost="draws",
    source=(
        "(r + 1) / (n + 1), r of n shuffles of the weights within each layer with at least "
        "the member's Q (after Filan et al., arXiv 2103.03386)"
    ),
    untrained="anything, evenly",
)
def modularity_p(scored: Scored) -> PerMember:
    """(r + 1) / (n + 1), r of the n draws behind `modularity_z` with at least the member's Q.

    NaN where Q is.
    """
    return p_values(against_shuffled(scored))


@metric(
    title="Modularity z, topology kept",
    family="graph",
    direction="higher",
    unit="standard deviations",
    cost="draws",
    source=(
        "(Q - mean Q_null) / std Q_null, non-zero weights shuffled among their places "
        "(after Filan et al., arXiv 2103.03386)"
    ),
    untrained="within 2.5 of 0",
    undefined=without_spread,
)
def modularity_z_nonzero(scored: Scored) -> PerMember:
    """(Q - mean) / std of Q over shuffles of the non-zero weights among their own places.

    The topology is kept, so sparsity alone earns nothing. NaN as for `modularity_z`.
    """
    return z_scores(against_topology(scored))


def best_partitions(
    nodes: int,
    edges: Int64[np.ndarray, "edge 2"],
    draws: Float64[np.ndarray, "draw edge"],
    *,
    seed: int,
    runs: int = _RUNS,
) -> list[Partition]:
    """The best of a few Leiden partitions for each draw of edge weights on one topology.

    Edges may weigh 0. `seed` seeds igraph: the same seed, the same result.
    """
    graph = graph_of_edges(nodes, edges)
    with seeded_igraph(seed):
        return [_best_of_runs(graph, weights, runs) for weights in draws.tolist()]


def _best_of_runs(graph: igraph.GraphBase, weights: list[float], runs: int) -> Partition:
    found = (
        graph.community_leiden(
            edge_weights=weights, normalize_resolution=True, n_iterations=_ITERATIONS
        )
        for _ in range(runs)
    )
    modules, quality = max(found, key=lambda run: run[1])
    return Partition(np.array(modules, dtype=np.int64), float(quality))


def _partition(graph: NeuronGraph, seed: int) -> Partition:
    """The modules of the member itself."""
    weights = graph.edge_weights
    there = weights > 0
    leiden_seed = derive("metrics", "modularity_q", seed)
    (found,) = best_partitions(
        graph.nodes, graph.edges[there], weights[None, there], seed=leiden_seed
    )
    return found


@once
def against_shuffled(scored: Scored) -> tuple[Comparison | None, ...]:
    """Q against the full shuffle, for every metric that is made of it."""
    name, shuffle = "modularity_z", NeuronGraph.shuffled
    return compared(scored, _qualities(scored, name), shuffle, name=name, better="higher")


@once
def against_topology(scored: Scored) -> tuple[Comparison | None, ...]:
    """Q against the shuffle of non-zero weights."""
    name, shuffle = "modularity_z_nonzero", NeuronGraph.shuffled_nonzero
    return compared(scored, _qualities(scored, name), shuffle, name=name)


def _qualities(scored: Scored, name: str) -> Statistics:
    """Q of one Leiden run on each member's graph as a function of its weights."""
    members = zip(graphs(scored), scored.seeds, strict=True)
    return tuple(
        None if graph is None else _quality(graph, ("metrics", name, seed, "leiden"))
        for graph, seed in members
    )


def _quality(graph: NeuronGraph, stream: tuple[str | int, ...]) -> Statistic:
    def statistic(weights: np.ndarray, number: int) -> np.ndarray:
        draws = graph.edge_weights_of(weights)
        seed = derive(*stream, *([number] if number else []))
        found = best_partitions(graph.nodes, graph.edges, draws, seed=seed, runs=1)
        return np.array([partition.quality for partition in found])

    return statistic


@contextmanager
def seeded_igraph(seed: int) -> Iterator[None]:
    """Let igraph draw from its own generator in the block, and from Python's `random` after it.

    That is igraph's default; it cannot say which generator it had before.
    """
    with _GENERATOR:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            yield
        finally:
            igraph.set_random_number_generator(random)
