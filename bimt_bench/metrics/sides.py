"""The loop that finds the two sides of a bipartite graph."""

import numpy as np
from numba import njit

from bimt_bench.network import loop


@loop("i i2")
def sides_of(nodes, edges):
    """On which side each node is, 0 or 1, as uint8; an empty array if edges join nodes of one.

    The first node of each connected part is on side 0, as igraph's `is_bipartite` has it, which
    needs an index of all edges first.
    """
    above, other = np.arange(nodes), np.zeros(nodes, np.uint8)
    for edge in range(edges.shape[0]):
        one, two = edges[edge, 0], edges[edge, 1]
        first, second = _settle(one, above, other), _settle(two, above, other)
        apart = other[one] ^ other[two] ^ 1
        if first == second:
            if apart:
                return np.zeros(0, np.uint8)
        elif first < second:
            above[second], other[second] = first, apart
        else:
            above[first], other[first] = second, apart
    for node in range(nodes):
        _settle(node, above, other)
    return other


@njit(error_model="numpy")
def _settle(node, above, other):
    """The first node of a node's part, put right above it, and its side set against that one's."""
    first, apart = node, np.uint8(0)
    while above[first] != first:
        apart ^= other[first]
        first = above[first]
    while above[node] != node:
        following, here = above[node], other[node]
        above[node], other[node] = first, apart
        apart ^= here
        node = following
    return first
