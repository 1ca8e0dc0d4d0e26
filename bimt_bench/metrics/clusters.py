"""Graph metrics of spectral clusters: normalised cut, and mass inside clusters, with two nulls.

Each is reported raw and as a standard score against both null models of the graph module. A
network that falls into clusters has a low cut and much mass inside clusters.
"""

import numpy as np

from bimt_bench.metrics.base import PerMember, Scored, numbered, once, sums
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.graph import NeuronGraph, graphs
from bimt_bench.metrics.nulls import (
    Comparison,
    Statistic,
    Statistics,
    compared,
    observed,
    p_values,
    without_spread,
    z_scores,
)
from bimt_bench.metrics.spectral import Topology

# Filan et al. use 12 clusters for networks of a thousand neurons; Golechha et al. use 4.
_MOST_CLUSTERS = 12
_NEURONS_A_CLUSTER = 10
_LAYER_CLUSTERS = 4

_FILAN = "Filan et al., arXiv 2103.03386"
_GOLECHHA = "Golechha et al., arXiv 2502.02470"


@metric(
    title="Normalised cut",
    family="graph",
    direction="lower",
    low=0.0,
    high=float(_MOST_CLUSTERS),
    cost="graph",
    source=f"{_FILAN}: sum over clusters of cut(A, rest) / vol(A), k-way spectral clustering",
    untrained="nearly k - k^2 / neurons: 2.7 for 4 clusters, 10.7 for 12",
)
def ncut(scored: Scored) -> PerMember:
    """Sum over clusters A of cut(A, rest) / vol(A), for k spectral clusters of the graph.

    k = 12, but at most a tenth of the wiring's neurons (and at least 2), so that it is the same
    for all members of a task; a graph with fewer than 2 k living neurons has half of them.
    """
    return observed(scored, _ncuts(scored))


@metric(
    title="Normalised cut z, all weights shuffled",
    family="graph",
    direction="lower",
    unit="standard deviations",
    cost="draws",
    source=f"{_FILAN}: (n-cut - mean) / std, weights shuffled within each layer",
    untrained="within 2.5 of 0",
    undefined=without_spread,
)
def ncut_z(scored: Scored) -> PerMember:
    """(n-cut - mean) / std over shuffles of all weights within each connection."""
    return z_scores(ncut_against_shuffled(scored))


@metric(
    title="Normalised cut p, all weights shuffled",
    family="graph",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="probability",
    cost="draws",
    source=(
        "(r + 1) / (n + 1), r of n shuffles of the weights within each layer with "
        "at most the member's n-cut (after Filan et al., arXiv 2103.03386)"
    ),
    untrained="anything, evenly",
)
def ncut_p(scored: Scored) -> PerMember:
    """(r + 1) / (n + 1), r of the n draws behind `ncut_z` with at most the member's n-cut."""
    return p_values(ncut_against_shuffled(scored))


@metric(
    title="Normalised cut z, topology kept",
    family="graph",
    direction="lower",
    unit="standard deviations",
    cost="draws",
    source=f"{_FILAN}: (n-cut - mean) / std, non-zero weights shuffled among their places",
    untrained="within 2 of 0",
    undefined=without_spread,
)
def ncut_z_nonzero(scored: Scored) -> PerMember:
    """(n-cut - mean) / std over shuffles of the non-zero weights among their own places."""
    return z_scores(ncut_against_topology(scored))


@metric(
    title="Mass inside clusters across layers",
    family="graph",
    direction="higher",
    low=0.0,
    high=1.0,
    cost="graph",
    source=(
        f"{_GOLECHHA}: sum of W^2 inside matching clusters / sum of W^2, each connection "
        "co-clustered into 4 groups"
    ),
    untrained="0.32 on wide layers to 0.5 on narrow ones",
)
def cross_cluster_mass(scored: Scored) -> PerMember:
    """Share of sum W^2 that lies inside matching clusters of a connection's two sides.

    The two sides of every connection are clustered together into 4 groups (fewer, if a side has
    fewer living neurons), by the singular vectors of D_t^-1/2 |W| D_s^-1/2. A network that parts
    into 4 that share no connection has 1.
    """
    return observed(scored, _masses(scored))


@metric(
    title="Mass inside clusters z, all weights shuffled",
    family="graph",
    direction="higher",
    unit="standard deviations",
    cost="draws",
    source="(mass inside clusters - mean) / std, weights shuffled within each layer",
    untrained="within 2.5 of 0",
    undefined=without_spread,
)
def cross_cluster_mass_z(scored: Scored) -> PerMember:
    """(mass inside clusters - mean) / std over shuffles of all weights of each connection."""
    return z_scores(mass_against_shuffled(scored))


@metric(
    title="Mass inside clusters p, all weights shuffled",
    family="graph",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="probability",
    cost="draws",
    source=(
        "(r + 1) / (n + 1), r of n shuffles of the weights within each layer with "
        "at least the member's mass (after Filan et al., arXiv 2103.03386)"
    ),
    untrained="anything, evenly",
)
def cross_cluster_mass_p(scored: Scored) -> PerMember:
    """(r + 1) / (n + 1), r of the draws behind `cross_cluster_mass_z` with at least that mass."""
    return p_values(mass_against_shuffled(scored))


@metric(
    title="Mass inside clusters z, topology kept",
    family="graph",
    direction="higher",
    unit="standard deviations",
    cost="draws",
    source="(mass inside clusters - mean) / std, non-zero weights shuffled among their places",
    untrained="within 2 of 0",
    undefined=without_spread,
)
def cross_cluster_mass_z_nonzero(scored: Scored) -> PerMember:
    """(mass inside clusters - mean) / std over shuffles of the non-zero weights."""
    return z_scores(mass_against_topology(scored))


@once
def ncut_against_shuffled(scored: Scored) -> tuple[Comparison | None, ...]:
    """The normalised cut against the full shuffle."""
    shuffle = NeuronGraph.shuffled
    return compared(scored, _ncuts(scored), shuffle, name="ncut_z", better="lower")


@once
def ncut_against_topology(scored: Scored) -> tuple[Comparison | None, ...]:
    """The normalised cut against the shuffle of non-zero weights."""
    shuffle = NeuronGraph.shuffled_nonzero
    return compared(scored, _ncuts(scored), shuffle, name="ncut_z_nonzero")


@once
def mass_against_shuffled(scored: Scored) -> tuple[Comparison | None, ...]:
    """The mass inside clusters against the full shuffle."""
    shuffle, name = NeuronGraph.shuffled, "cross_cluster_mass_z"
    return compared(scored, _masses(scored), shuffle, name=name, better="higher")


@once
def mass_against_topology(scored: Scored) -> tuple[Comparison | None, ...]:
    """The mass inside clusters against the shuffle of non-zero weights."""
    shuffle, name = NeuronGraph.shuffled_nonzero, "cross_cluster_mass_z_nonzero"
    return compared(scored, _masses(scored), shuffle, name=name)


@once
def _ncuts(scored: Scored) -> Statistics:
    """The normalised cut of each member's graph as a function of its weights."""
    neurons = sum(group.size for group in scored.wiring.groups)
    wanted = min(_MOST_CLUSTERS, max(2, neurons // _NEURONS_A_CLUSTER))
    return tuple(None if g is None else _ncut(g, min(wanted, g.nodes // 2)) for g in graphs(scored))


def _ncut(graph: NeuronGraph, k: int) -> Statistic:
    topology = Topology(graph.nodes, graph.edges)

    def statistic(weights: np.ndarray, _: int) -> np.ndarray:
        strengths = graph.edge_weights_of(weights)
        return topology.normalised_cut(strengths, topology.clusters(strengths, max(1, k)))

    return statistic


@once
def _masses(scored: Scored) -> Statistics:
    """The share of mass inside clusters of each member's graph as a function of its weights."""
    return tuple(None if graph is None else _mass(graph) for graph in graphs(scored))


def _mass(graph: NeuronGraph) -> Statistic:
    parts = [_layer(graph, places) for places in graph.layers if places.start < places.stop]

    def statistic(weights: np.ndarray, number: int) -> np.ndarray:
        inside = np.sum([part(weights, number) for part in parts], axis=0)
        return inside / np.square(weights).sum(axis=1)

    return statistic


def _layer(graph: NeuronGraph, places: slice) -> Statistic:
    """The squared mass inside the clusters that one connection's two sides share."""
    used, edge_of = numbered(graph.edge_of[places])
    nodes, ends = numbered(graph.edges[used].ravel())
    topology = Topology(len(nodes), ends.reshape(-1, 2))
    first, second = topology.edges.T

    def statistic(weights: np.ndarray, _: int) -> np.ndarray:
        there = weights[:, places]
        clusters = topology.clusters(sums(edge_of, there, len(used)), _LAYER_CLUSTERS)
        together = clusters[:, first] == clusters[:, second]
        return np.square(there).sum(axis=1, where=together[:, edge_of])

    return statistic
