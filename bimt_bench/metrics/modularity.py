"""Newman-Girvan modularity Q of the best Leiden partition, raw and against two null models.

Q = 1/2m sum_ij (A_ij - k_i k_j / 2m) [c_i = c_j] for the adjacency A, strengths k and total
weight m of the neuron graph (Newman, arXiv cond-mat/0407503, equation 3 with weighted A). Best
means the highest Q of a few Leiden runs (Traag et al., arXiv 1810.08473); a null draw gets as
many runs as the member itself.
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

from bimt_bench.metrics.base import Metric, PerMember, Scored, once
from bimt_bench.metrics.graph import NeuronGraph, graphs
from bimt_bench.metrics.nulls import Shuffle, shuffles, standard_score
from bimt_bench.seeds import derive

# More runs or iterations raised Q by at most 2 % on random dense and heavy-tailed graphs of the
# sizes of independence, modular addition and MNIST, and took several times as long.
_RUNS = 2
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


def modularity_q(scored: Scored) -> PerMember:
    """Q of the best Leiden partition; NaN where the graph has no edge or a weight is not finite."""
    return np.array([math.nan if p is None else p.quality for p in partitions(scored)])


def modularity_z(scored: Scored) -> PerMember:
    """(Q - mean) / std of Q over shuffles of all weights within each connection.

    Isolated neurons are removed first, then weights and zeros trade places between the living.
    std has one degree of freedom taken off. NaN where Q is, and where the null does not vary.
    """
    return _scores(scored, "modularity_z", NeuronGraph.shuffled)


def modularity_z_nonzero(scored: Scored) -> PerMember:
    """(Q - mean) / std of Q over shuffles of the non-zero weights among their own places.

    The topology is kept, so sparsity alone earns nothing. NaN as for `modularity_z`.
    """
    return _scores(scored, "modularity_z_nonzero", NeuronGraph.shuffled_nonzero)


def best_partitions(
    nodes: int,
    edges: Int64[np.ndarray, "edge 2"],
    draws: Iterator[Float64[np.ndarray, " edge"]],
    *,
    seed: int,
) -> list[Partition]:
    """The best of a few Leiden partitions for each draw of edge weights on one topology.

    Edges may weigh 0. `seed` seeds igraph: the same seed, the same result.
    """
    graph = igraph.Graph(n=nodes, edges=edges)
    with _seeded_igraph(seed):
        return [_best_of_runs(graph, weights.tolist()) for weights in draws]


def _best_of_runs(graph: igraph.Graph, weights: list[float]) -> Partition:
    runs = (
        graph.community_leiden("modularity", weights=weights, n_iterations=_ITERATIONS)
        for _ in range(_RUNS)
    )
    best = max(runs, key=lambda run: run.quality)  # pyright: ignore[reportAttributeAccessIssue]
    return Partition(np.array(best.membership, dtype=np.int64), float(best.quality))  # pyright: ignore[reportAttributeAccessIssue]


def _partition(graph: NeuronGraph, seed: int) -> Partition:
    """The modules of the member itself."""
    weights = graph.edge_weights
    there = weights > 0
    leiden_seed = derive("metrics", "modularity_q", seed)
    (found,) = best_partitions(
        graph.nodes, graph.edges[there], iter([weights[there]]), seed=leiden_seed
    )
    return found


def _scores(scored: Scored, name: str, shuffle: Shuffle) -> PerMember:
    """(Q - mean) / std of every member against `shuffles` draws of a null model."""
    values = np.full(scored.size, math.nan)
    observed = modularity_q(scored)
    for i, (graph, seed) in enumerate(zip(graphs(scored), scored.seeds, strict=True)):
        if graph is not None:
            null = _null(graph, shuffle, draws=scored.shuffles, stream=(name, seed))
            values[i] = standard_score(observed[i], null)
    return values


def _null(
    graph: NeuronGraph, shuffle: Shuffle, *, draws: int, stream: tuple[str, int]
) -> Float64[np.ndarray, " draw"]:
    """Q of `draws` shuffles of a graph."""
    weights = (graph.edge_weights_of(w) for w in shuffles(graph, shuffle, draws, stream))
    leiden_seed = derive("metrics", *stream, "leiden")
    found = best_partitions(graph.nodes, graph.edges, weights, seed=leiden_seed)
    return np.array([partition.quality for partition in found])


@contextmanager
def _seeded_igraph(seed: int) -> Iterator[None]:
    """Let igraph draw from its own generator in the block, and from Python's `random` after it.

    That is igraph's default; it cannot say which generator it had before.
    """
    with _GENERATOR:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            yield
        finally:
            igraph.set_random_number_generator(random)


FAMILY = (
    Metric(
        name="modularity_q",
        family="graph",
        title="Modularity Q",
        direction="higher",
        low=-0.5,
        high=1.0,
        unit="",
        cost="graph",
        source="Newman, arXiv cond-mat/0407503, Q = 1/2m sum (A_ij - k_i k_j / 2m) [c_i = c_j], "
        "best Leiden partition (Traag et al., arXiv 1810.08473)",
        compute=modularity_q,
    ),
    Metric(
        name="modularity_z",
        family="graph",
        title="Modularity z, all weights shuffled",
        direction="higher",
        low=-math.inf,
        high=math.inf,
        unit="standard deviations",
        cost="graph",
        source="(Q - mean Q_null) / std Q_null, weights shuffled within each layer "
        "(after Filan et al., arXiv 2103.03386)",
        compute=modularity_z,
    ),
    Metric(
        name="modularity_z_nonzero",
        family="graph",
        title="Modularity z, topology kept",
        direction="higher",
        low=-math.inf,
        high=math.inf,
        unit="standard deviations",
        cost="graph",
        source="(Q - mean Q_null) / std Q_null, non-zero weights shuffled among their places "
        "(after Filan et al., arXiv 2103.03386)",
        compute=modularity_z_nonzero,
    ),
)
