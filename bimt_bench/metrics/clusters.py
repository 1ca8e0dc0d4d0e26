"""Graph metrics of spectral clusters: normalised cut, and mass between clusters, with two nulls.

Each is reported raw and as a standard score against both null models of the graph module; a
network that falls into clusters scores low.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from bimt_bench.metrics.base import Metric, PerMember, Scored
from bimt_bench.metrics.graph import NeuronGraph
from bimt_bench.metrics.nulls import Statistic, observed, z_scores
from bimt_bench.metrics.spectral import Topology

# Filan et al. use 12 clusters for networks of a thousand neurons; Golechha et al. use 4.
_MOST_CLUSTERS = 12
_NEURONS_A_CLUSTER = 10
_LAYER_CLUSTERS = 4


def ncut(scored: Scored) -> PerMember:
    """Sum over clusters A of cut(A, rest) / vol(A), for k spectral clusters of the graph.

    k = 12, but at most a tenth of the wiring's neurons (and at least 2), so that it is the same
    for all members of a task; a graph with fewer than 2 k living neurons has half of them.
    """
    return observed(scored, _ncut_of(scored))


def ncut_z(scored: Scored) -> PerMember:
    """(n-cut - mean) / std over shuffles of all weights within each connection."""
    return z_scores(scored, _ncut_of(scored), NeuronGraph.shuffled, name="ncut_z")


def ncut_z_nonzero(scored: Scored) -> PerMember:
    """(n-cut - mean) / std over shuffles of the non-zero weights among their own places."""
    shuffle = NeuronGraph.shuffled_nonzero
    return z_scores(scored, _ncut_of(scored), shuffle, name="ncut_z_nonzero")


def cross_cluster_mass(scored: Scored) -> PerMember:
    """Share of sum W^2 that joins different clusters: 1 - the share inside matching ones.

    The two sides of every connection are clustered together into 4 groups (fewer, if a side has
    fewer living neurons), by the singular vectors of D_t^-1/2 |W| D_s^-1/2.
    """
    return observed(scored, _cross_mass)


def cross_cluster_mass_z(scored: Scored) -> PerMember:
    """(mass between clusters - mean) / std over shuffles of all weights of each connection."""
    return z_scores(scored, _cross_mass, NeuronGraph.shuffled, name="cross_cluster_mass_z")


def cross_cluster_mass_z_nonzero(scored: Scored) -> PerMember:
    """(mass between clusters - mean) / std over shuffles of the non-zero weights."""
    shuffle = NeuronGraph.shuffled_nonzero
    return z_scores(scored, _cross_mass, shuffle, name="cross_cluster_mass_z_nonzero")


def _ncut_of(scored: Scored) -> Callable[[NeuronGraph], Statistic]:
    neurons = sum(group.size for group in scored.wiring.groups)
    wanted = min(_MOST_CLUSTERS, max(2, neurons // _NEURONS_A_CLUSTER))

    def prepare(graph: NeuronGraph) -> Statistic:
        topology = Topology(graph.nodes, graph.edges)
        k = max(1, min(wanted, graph.nodes // 2))

        def statistic(weights: np.ndarray) -> float:
            strengths = graph.edge_weights_of(weights)
            return topology.normalised_cut(strengths, topology.clusters(strengths, k))

        return statistic

    return prepare


def _cross_mass(graph: NeuronGraph) -> Statistic:
    parts = [_layer(graph, places) for places in graph.layers if places.start < places.stop]

    def statistic(weights: np.ndarray) -> float:
        between = sum(part(weights) for part in parts)
        return between / float(np.square(weights).sum())

    return statistic


def _layer(graph: NeuronGraph, places: slice) -> Statistic:
    """The squared mass between the clusters of one connection's two sides."""
    used, edge_of = np.unique(graph.edge_of[places], return_inverse=True)
    nodes, ends = np.unique(graph.edges[used], return_inverse=True)
    topology = Topology(len(nodes), ends.reshape(-1, 2).astype(np.int64))
    first, second = topology.edges.T

    def statistic(weights: Float64[np.ndarray, " place"]) -> float:
        there = weights[places]
        strengths = np.bincount(edge_of, there, minlength=len(first))
        if not strengths.any():
            return 0.0
        clusters = topology.clusters(strengths, _LAYER_CLUSTERS)
        apart = clusters[first] != clusters[second]
        return float(np.square(there)[apart[edge_of]].sum())

    return statistic


def _metric(
    name: str, title: str, compute: Callable[[Scored], PerMember], source: str, **range_: float
) -> Metric:
    return Metric(
        name=name,
        family="graph",
        title=title,
        direction="lower",
        low=range_.get("low", -math.inf),
        high=range_.get("high", math.inf),
        unit="" if range_ else "standard deviations",
        cost="graph",
        source=source,
        compute=compute,
    )


_FILAN = "Filan et al., arXiv 2103.03386"
_GOLECHHA = "Golechha et al., arXiv 2502.02470"

FAMILY = (
    _metric(
        "ncut",
        "Normalised cut",
        ncut,
        f"{_FILAN}: sum over clusters of cut(A, rest) / vol(A), k-way spectral clustering",
        low=0.0,
        high=float(_MOST_CLUSTERS),
    ),
    _metric(
        "ncut_z",
        "Normalised cut z, all weights shuffled",
        ncut_z,
        f"{_FILAN}: (n-cut - mean) / std, weights shuffled within each layer",
    ),
    _metric(
        "ncut_z_nonzero",
        "Normalised cut z, topology kept",
        ncut_z_nonzero,
        f"{_FILAN}: (n-cut - mean) / std, non-zero weights shuffled among their places",
    ),
    _metric(
        "cross_cluster_mass",
        "Mass between clusters",
        cross_cluster_mass,
        f"after {_GOLECHHA}: sum of W^2 between clusters / sum of W^2, each connection "
        "co-clustered into 4 groups",
        low=0.0,
        high=1.0,
    ),
    _metric(
        "cross_cluster_mass_z",
        "Mass between clusters z, all weights shuffled",
        cross_cluster_mass_z,
        "(mass between clusters - mean) / std, weights shuffled within each layer",
    ),
    _metric(
        "cross_cluster_mass_z_nonzero",
        "Mass between clusters z, topology kept",
        cross_cluster_mass_z_nonzero,
        "(mass between clusters - mean) / std, non-zero weights shuffled among their places",
    ),
)
