"""Spectral clustering of weighted graphs, and the normalised cut of what it finds.

Partitions come from the eigenvectors of the normalised adjacency D^-1/2 A D^-1/2 with the largest
eigenvalues by pivoted QR (Damle, Minden, Ying, arXiv 1708.07481: scikit-learn's `cluster_qr`),
which needs no random start, no restarts and no tuning. Graphs of layered networks have two sides
without edges inside either (even layers, odd layers), so that these eigenvectors are singular
vectors of one small block: a layer-sized problem instead of a network-sized one.
"""

from dataclasses import dataclass
from functools import cached_property

import igraph
import numpy as np
from jaxtyping import Float64, Int64
from scipy.linalg import get_lapack_funcs

# Eigenvalues up to this one count as zero: beyond the rank of a graph nothing is left to part.
_NO_EIGENVALUE = 1e-9

# LAPACK's own: on matrices this small SciPy's `qr` spends most of its time before it gets there.
(_PIVOTED_QR,) = get_lapack_funcs(("geqp3",))


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
        two, side = igraph.Graph(n=self.nodes, edges=self.edges).is_bipartite(return_types=True)
        if not two:
            return None
        marks = np.array(side, dtype=bool)
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

    def degrees(self, weights: Float64[np.ndarray, " edge"]) -> Float64[np.ndarray, " node"]:
        """Sum of the weights at every node."""
        ends = (np.bincount(end, weights, minlength=self.nodes) for end in self.edges.T)
        return np.sum(list(ends), axis=0)

    def clusters(self, weights: Float64[np.ndarray, " edge"], k: int) -> Int64[np.ndarray, " node"]:
        """A k-way spectral clustering: the cluster of every node.

        Fewer clusters if fewer eigenvalues than k are positive; isolated nodes are in cluster 0.
        """
        degrees = self.degrees(weights)
        scale = np.divide(1.0, np.sqrt(degrees), where=degrees > 0, out=np.zeros(self.nodes))
        scaled = weights * scale[self.edges[:, 0]] * scale[self.edges[:, 1]]
        vectors = self._whole(scaled, k) if self.sides is None else self._halves(scaled, k)
        return _by_pivots(vectors)

    def _halves(
        self, scaled: Float64[np.ndarray, " edge"], k: int
    ) -> Float64[np.ndarray, "node vector"]:
        """The leading eigenvectors of [[0, B], [B^T, 0]] from the singular vectors of B."""
        assert self.sides is not None
        rows, columns = self.sides
        block = np.zeros((len(rows), len(columns)))
        block[self._cells] = scaled
        squares, right = _leading(block.T @ block, k)
        right = right[:, squares > _NO_EIGENVALUE**2]
        left = block @ right
        left /= np.linalg.norm(left, axis=0)
        vectors = np.empty((self.nodes, right.shape[1]))
        vectors[rows], vectors[columns] = left, right
        return vectors / np.sqrt(2)

    def _whole(
        self, scaled: Float64[np.ndarray, " edge"], k: int
    ) -> Float64[np.ndarray, "node vector"]:
        """The leading eigenvectors of any symmetric matrix."""
        matrix = np.zeros((self.nodes, self.nodes))
        first, second = self.edges.T
        matrix[first, second] = matrix[second, first] = scaled
        values, vectors = _leading(matrix, k)
        return vectors[:, values > _NO_EIGENVALUE]

    def normalised_cut(
        self, weights: Float64[np.ndarray, " edge"], clusters: Int64[np.ndarray, " node"]
    ) -> float:
        """Sum over clusters of cut(cluster, the rest) / volume(cluster); empty ones add nothing."""
        ends = clusters[self.edges]
        cut = np.where(ends[:, 0] != ends[:, 1], weights, 0.0)
        size = int(clusters.max()) + 1
        leaving = sum(np.bincount(end, cut, minlength=size) for end in ends.T)
        volume = np.bincount(clusters, self.degrees(weights), minlength=size)
        return float(np.divide(leaving, volume, where=volume > 0, out=np.zeros(size)).sum())


def _leading(
    matrix: Float64[np.ndarray, "n n"], k: int
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, "n k"]]:
    """The k largest eigenvalues of a symmetric matrix and their eigenvectors, largest last."""
    values, vectors = np.linalg.eigh(matrix)
    return values[-k:], vectors[:, -k:]


def _by_pivots(vectors: Float64[np.ndarray, "node vector"]) -> Int64[np.ndarray, " node"]:
    """Clusters [nodes] from an orthonormal basis [nodes, k]: CPQR, then the nearest rotation."""
    k = vectors.shape[1]
    pivots = _PIVOTED_QR(vectors.T)[1] - 1
    u, _, vt = np.linalg.svd(vectors[pivots[:k]].T)
    # rounded: nodes with equal rows must not part by the last bits
    return np.abs(vectors @ (u @ vt)).round(9).argmax(axis=1)
