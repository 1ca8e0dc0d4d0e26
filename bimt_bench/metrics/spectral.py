"""Spectral clustering of weighted graphs, and the normalised cut of what it finds.

Partitions come from the eigenvectors of the normalised adjacency D^-1/2 A D^-1/2 with the largest
eigenvalues by pivoted QR (Damle, Minden, Ying, arXiv 1708.07481: scikit-learn's `cluster_qr`),
which needs no random start, no restarts and no tuning. Nothing hangs on the last bits, which differ
between machines: rows of equal norm are taken in the order of nodes (where there are as many
clusters as nodes on one side, all of those are equal), and what is zero but for rounding is no
vector. Graphs of layered networks have two sides
without edges inside either (even layers, odd layers), so that these eigenvectors are singular
vectors of one small block: a layer-sized problem instead of a network-sized one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from bimt_bench.metrics.base import sums
from bimt_bench.metrics.sides import sides_of

# Eigenvalues up to this one count as zero: beyond the rank of a graph nothing is left to part.
# Of a bipartite graph squares are computed, which are off by some 1e-16: 1e-8 of a root.
_NO_EIGENVALUE = 1e-6

# Numbers that differ by no more are equal.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Topology:
    """The edges that may carry weight, numbered as weights [edge] are given.

    nodes: number of nodes. edges: [E, 2] pairs of different nodes, each pair once.
    """

    nodes: int
    edges: Int64[np.ndarray, "edge 2"]

    @cached_property
    def sides(self) -> tuple[Int64[np.ndarray, " one"], Int64[np.ndarray, " other"]] | None:
        """The nodes of the two sides of a bipartite graph, the smaller one last; None if not."""
        sides = sides_of(self.nodes, np.ascontiguousarray(self.edges))
        if len(sides) < self.nodes:
            return None
        marks = sides.astype(bool)
        marked, others = np.flatnonzero(marks), np.flatnonzero(~marks)
        return (marked, others) if len(marked) >= len(others) else (others, marked)

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column in the block between the sides, [E] each."""
        assert self.sides is not None
        place = np.empty(self.nodes, dtype=np.int64)
        for half in self.sides:
            place[half] = np.arange(len(half))
        in_rows = np.zeros(self.nodes, dtype=bool)
        in_rows[self.sides[0]] = True
        swap = ~in_rows[self.edges[:, 0]]
        ends = np.where(swap[:, None], self.edges[:, ::-1], self.edges)
        return place[ends[:, 0]], place[ends[:, 1]]

    def degrees(
        self, weights: Float64[np.ndarray, "draw edge"]
    ) -> Float64[np.ndarray, "draw node"]:
        """Sum of the weights at every node."""
        return sums(self.edges[:, 0], weights, self.nodes) + sums(
            self.edges[:, 1], weights, self.nodes
        )

    def clusters(
        self, weights: Float64[np.ndarray, "draw edge"], k: int
    ) -> Int64[np.ndarray, "draw node"]:
        """A k-way spectral clustering of every draw of weights: the cluster of every node.

        Fewer clusters if fewer eigenvalues than k are positive; isolated nodes are in cluster 0.
        """
        degrees = self.degrees(weights)
        scale = np.divide(1.0, np.sqrt(degrees), where=degrees > 0, out=np.zeros_like(degrees))
        scaled = weights * scale[:, self.edges[:, 0]] * scale[:, self.edges[:, 1]]
        counts, vectors = self._whole(scaled, k) if self.sides is None else self._halves(scaled, k)
        found = np.zeros((len(weights), self.nodes), dtype=np.int64)
        for count in np.unique(counts[counts > 0]):
            there = counts == count
            found[there] = _by_pivots(vectors[there, :, -count:])
        return found

    def _halves(
        self, scaled: Float64[np.ndarray, "draw edge"], k: int
    ) -> tuple[Int64[np.ndarray, " draw"], Float64[np.ndarray, "draw node vector"]]:
        """The leading eigenvectors of [[0, B], [B^T, 0]] from the singular vectors of B.

        And how many of them, the last ones, belong to positive eigenvalues.
        """
        assert self.sides is not None
        rows, columns = self.sides
        block = np.zeros((len(scaled), len(rows), len(columns)))
        block[:, *self._cells] = scaled
        squares, right = _leading(block.mT @ block, k)
        left = block @ right
        size = np.linalg.norm(left, axis=1, keepdims=True)
        vectors = np.empty((len(scaled), self.nodes, right.shape[2]))
        vectors[:, rows] = np.divide(left, size, where=size > 0, out=np.zeros_like(left))
        vectors[:, columns] = right
        return (squares > _NO_EIGENVALUE**2).sum(axis=1), vectors / np.sqrt(2)

    def _whole(
        self, scaled: Float64[np.ndarray, "draw edge"], k: int
    ) -> tuple[Int64[np.ndarray, " draw"], Float64[np.ndarray, "draw node vector"]]:
        """The leading eigenvectors of any symmetric matrix, and how many eigenvalues are > 0."""
        matrix = np.zeros((len(scaled), self.nodes, self.nodes))
        first, second = self.edges.T
        matrix[:, first, second] = matrix[:, second, first] = scaled
        values, vectors = _leading(matrix, k)
        return (values > _NO_EIGENVALUE).sum(axis=1), vectors

    def normalised_cut(
        self,
        weights: Float64[np.ndarray, "draw edge"],
        clusters: Int64[np.ndarray, "draw node"],
    ) -> Float64[np.ndarray, " draw"]:
        """Sum over clusters of cut(cluster, the rest) / volume(cluster); empty ones add nothing."""
        first, second = (clusters[:, end] for end in self.edges.T)
        cut = np.where(first != second, weights, 0.0)
        size = int(clusters.max()) + 1
        leaving = sums(first, cut, size) + sums(second, cut, size)
        volume = sums(clusters, self.degrees(weights), size)
        return np.divide(leaving, volume, where=volume > 0, out=np.zeros_like(volume)).sum(axis=1)


def _leading(
    matrix: Float64[np.ndarray, "draw n n"], k: int
) -> tuple[Float64[np.ndarray, "draw k"], Float64[np.ndarray, "draw n k"]]:
    """The k largest eigenvalues of symmetric matrices and their eigenvectors, largest last."""
    values, vectors = np.linalg.eigh(matrix)
    return values[:, -k:], vectors[:, :, -k:]


def _by_pivots(
    vectors: Float64[np.ndarray, "draw node vector"],
) -> Int64[np.ndarray, "draw node"]:
    """Clusters from orthonormal bases [nodes, k]: pivoted QR, then the nearest rotation."""
    chosen = np.take_along_axis(vectors, _pivots(vectors)[:, :, None], axis=1)
    u, _, vt = np.linalg.svd(chosen.mT)
    # rounded: nodes with equal rows must not part by the last bits
    return np.abs(vectors @ (u @ vt)).round(9).argmax(axis=2)


def _pivots(
    vectors: Float64[np.ndarray, "draw node vector"],
) -> Int64[np.ndarray, "draw pivot"]:
    """The k nodes whose rows QR with pivoting takes: the longest, when what it has is taken out.

    Of rows as long as each other but for rounding, the first.
    """
    left, found = vectors.copy(), []
    for _ in range(vectors.shape[2]):
        length = np.linalg.norm(left, axis=2)
        pivot = (length >= length.max(axis=1, keepdims=True) - _ROUNDING).argmax(axis=1)
        found.append(pivot)
        row = np.take_along_axis(left, pivot[:, None, None], axis=1)
        row = row / np.linalg.norm(row, axis=2, keepdims=True)
        left -= (left @ row.mT) * row
    return np.stack(found, axis=1)
