"""The graph of a member's neurons, and the shuffles of its weights that serve as null models.

One neuron is one node: the folds of a connection between the same two neurons, all connections
between them, and both directions add up to one edge. A neuron's weight onto itself is
left out, since no partition can cut it.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from bimt_bench.metrics.base import Scored, once, sums
from bimt_bench.network import Connection, Wiring

# Weights up to this share of a member's largest count as zero. A sparse penalty leaves dead
# weights jittering round zero at the scale of the optimizer's step, never at zero itself: in the
# published final networks they lie below 5e-4 of the largest weight and the live ones mostly
# above 1e-2. What is dropped held 0.3 % (independence) and 0.1 % (modular addition) of sum |W|.
NEGLIGIBLE = 1e-3


@dataclass(frozen=True, eq=False)
class NeuronGraph:
    """One member's undirected weighted graph without its isolated neurons.

    A place is one entry of a connection's strengths that joins two different living neurons.

    nodes: number of living neurons. groups, positions: [nodes], which group of the wiring (its
    index) a node is in, and its place there. edges: [E, 2], pairs of nodes that share a place.
    edge_of: [places], the edge that a place's weight adds to. layers: the places of each
    connection, which a shuffle never leaves. weights: [places], |W| over the largest |W| of the
    member, 0 where negligible.
    """

    nodes: int
    groups: Int64[np.ndarray, " node"]
    positions: Int64[np.ndarray, " node"]
    edges: Int64[np.ndarray, "edge 2"]
    edge_of: Int64[np.ndarray, " place"]
    layers: tuple[slice, ...]
    weights: Float64[np.ndarray, " place"]

    @property
    def edge_weights(self) -> Float64[np.ndarray, " edge"]:
        """The weight [E] of every edge; 0 where only negligible weights meet."""
        return self.edge_weights_of(self.weights[None])[0]

    def edge_weights_of(
        self, weights: Float64[np.ndarray, "draw place"]
    ) -> Float64[np.ndarray, "draw edge"]:
        """The weight of every edge when `weights` stand at the places, for every draw."""
        return sums(self.edge_of, weights, len(self.edges))

    def shuffled(
        self, generator: np.random.Generator, draws: int
    ) -> Float64[np.ndarray, "draw place"]:
        """Draws of weights: those of each connection permuted among all its places."""
        return self._permuted([np.arange(s.start, s.stop) for s in self.layers], generator, draws)

    def shuffled_nonzero(
        self, generator: np.random.Generator, draws: int
    ) -> Float64[np.ndarray, "draw place"]:
        """Draws of weights: only the non-zero ones of each connection permuted.

        They trade places among themselves, so the topology is kept.
        """
        there = [s.start + np.flatnonzero(self.weights[s]) for s in self.layers]
        return self._permuted(there, generator, draws)

    def _permuted(
        self, parts: Sequence[Int64[np.ndarray, " _"]], generator: np.random.Generator, draws: int
    ) -> Float64[np.ndarray, "draw place"]:
        """Draws in which the weights of each part (indices of places) trade places."""
        weights = np.tile(self.weights, (draws, 1))
        for part in parts:
            weights[:, part] = generator.permuted(weights[:, part], axis=1)
        return weights


@once
def graphs(scored: Scored) -> tuple[NeuronGraph | None, ...]:
    """The graph of each member; None for a member that has none."""
    arrays = {name: w.cpu().numpy() for name, w in scored.strengths.items()}
    return tuple(
        neuron_graph(scored.wiring, {name: w[member] for name, w in arrays.items()})
        for member in range(scored.size)
    )


def neuron_graph(
    wiring: Wiring, weights: Mapping[str, Float[np.ndarray, "_ _"]]
) -> NeuronGraph | None:
    """The graph of one member, given its connections' weights or strengths, without a window.

    None if there is no such graph: all weights are zero, or one is not finite. Neurons are
    numbered by strength within their group, so that the graph, and with it every seeded
    result, is the same wherever relocation has put them.
    """
    strengths = _standardised(wiring, weights)
    if strengths is None:
        return None
    order = _by_strength(wiring, strengths)
    ordered = _reordered(wiring, strengths, order)
    spans = _slices([group.size for group in wiring.groups])
    offsets = {g.name: span.start for g, span in zip(wiring.groups, spans, strict=True)}
    places = [_places(c, ordered[c.parameter], offsets) for c in wiring.connections]
    nodes = np.concatenate([pair for pair, _ in places])
    values = np.concatenate([value for _, value in places])
    alive = np.zeros(spans[-1].stop, dtype=bool)
    alive[nodes[values > 0]] = True
    living = alive[nodes[:, 0]] & alive[nodes[:, 1]]
    if not living.any():
        return None
    counts = [int(living[s].sum()) for s in _slices([len(value) for _, value in places])]
    edges, edge_of = _joined(nodes[living], alive)
    groups = np.repeat(np.arange(len(spans)), [group.size for group in wiring.groups])
    positions = np.concatenate([order[group.name] for group in wiring.groups])
    return NeuronGraph(
        nodes=int(alive.sum()),
        groups=groups[alive],
        positions=positions[alive],
        edges=edges,
        edge_of=edge_of,
        layers=_slices(counts),
        weights=values[living],
    )


def _standardised(
    wiring: Wiring, weights: Mapping[str, Float[np.ndarray, "_ _"]]
) -> dict[str, Float64[np.ndarray, "_ _"]] | None:
    """|W| over the member's largest |W|, negligible ones 0; None if there is no such scale."""
    names = [connection.parameter for connection in wiring.connections]
    strengths = {name: np.abs(weights[name].astype(np.float64)) for name in names}
    largest = max(float(w.max()) if np.isfinite(w).all() else np.inf for w in strengths.values())
    if largest == 0 or not np.isfinite(largest):
        return None
    return {
        name: np.where(w > NEGLIGIBLE * largest, w / largest, 0.0) for name, w in strengths.items()
    }


def _by_strength(
    wiring: Wiring, strengths: Mapping[str, Float64[np.ndarray, "_ _"]]
) -> dict[str, Int64[np.ndarray, " neuron"]]:
    """The neurons of each group in order of strength, strongest first.

    Sums run over sorted values: a neuron's strength is then the same bits at every place.
    """
    folded = {c.parameter: _folded(wiring, c, strengths) for c in wiring.connections}
    order = {}
    for group in wiring.groups:
        incoming = [np.moveaxis(folded[c.parameter], 1, 0) for c in wiring.into(group.name)]
        outgoing = [np.moveaxis(folded[c.parameter], 3, 0) for c in wiring.out_of(group.name)]
        rows = [w.reshape(group.size, -1) for w in incoming + outgoing]
        values = np.sort(np.concatenate([np.zeros((group.size, 1)), *rows], axis=1), axis=1)
        order[group.name] = np.argsort(-values.sum(axis=1), kind="stable")
    return order


def _reordered(
    wiring: Wiring,
    strengths: Mapping[str, Float64[np.ndarray, "_ _"]],
    order: Mapping[str, Int64[np.ndarray, " _"]],
) -> dict[str, Float64[np.ndarray, "_ _ _ _"]]:
    """Weights [target_folds, target, source_folds, source], neurons in the given order."""
    return {
        c.parameter: _folded(wiring, c, strengths)[:, order[c.target]][:, :, :, order[c.source]]
        for c in wiring.connections
    }


def _folded(
    wiring: Wiring, connection: Connection, strengths: Mapping[str, Float64[np.ndarray, "_ _"]]
) -> Float64[np.ndarray, "target_fold target source_fold source"]:
    """A connection's weights with its folds as axes of their own."""
    size = wiring.group(connection.target).size
    weights = strengths[connection.parameter]
    return weights.reshape(connection.target_folds, size, connection.source_folds, -1)


def _places(
    connection: Connection,
    weights: Float64[np.ndarray, "target_fold target source_fold source"],
    offsets: Mapping[str, int],
) -> tuple[Int64[np.ndarray, "place 2"], Float64[np.ndarray, " place"]]:
    """Neurons (lower number first) and weight of every place but a neuron's onto itself."""
    target = offsets[connection.target] + np.arange(weights.shape[1])[None, :, None, None]
    source = offsets[connection.source] + np.arange(weights.shape[3])[None, None, None, :]
    ends = [np.broadcast_to(end, weights.shape).ravel() for end in (source, target)]
    pairs = np.sort(np.stack(ends, axis=1), axis=1)
    different = pairs[:, 0] != pairs[:, 1]
    return pairs[different], weights.ravel()[different]


def _joined(
    pairs: Int64[np.ndarray, "place 2"], alive: Bool[np.ndarray, " neuron"]
) -> tuple[Int64[np.ndarray, "edge 2"], Int64[np.ndarray, " place"]]:
    """Edges between living nodes, numbered anew, and the edge of every place."""
    number = np.cumsum(alive) - 1
    count = int(alive.sum())
    keys = number[pairs[:, 0]] * count + number[pairs[:, 1]]
    unique, edge_of = np.unique(keys, return_inverse=True)
    return np.stack(np.divmod(unique, count), axis=1), edge_of.astype(np.int64)


def _slices(counts: Sequence[int]) -> tuple[slice, ...]:
    """Consecutive slices of the given lengths."""
    bounds = itertools.accumulate(counts, initial=0)
    return tuple(slice(a, b) for a, b in itertools.pairwise(bounds))
