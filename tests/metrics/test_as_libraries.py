"""What we compute in the place of a library, for time, is what the library gives, to the bit."""

import igraph
import numpy as np
import pytest
from numba import njit
from sklearn.metrics import adjusted_mutual_info_score

from bimt_bench.metrics.agreement import adjusted_mutual_information
from bimt_bench.metrics.base import numbered
from bimt_bench.metrics.rewiring import ascending
from bimt_bench.metrics.sides import sides_of


@njit
def argsort(keys):
    return np.argsort(keys)


KEYS = {
    "apart": lambda rng, n: rng.random(n),
    "in order": lambda rng, n: np.sort(rng.random(n)),
    "backwards": lambda rng, n: -np.sort(-rng.random(n)),
    "of all sizes": lambda rng, n: np.exp(rng.normal(0, 60, n)),
    "of one cell": lambda rng, n: 1 + rng.random(n) * 1e-9,
    "mostly equal": lambda rng, n: rng.integers(0, 5, n).astype(float),
    "one pair equal": lambda rng, n: np.append(rng.random(n), [0.5, 0.5]),
    "some zero": lambda rng, n: np.maximum(rng.normal(size=n), 0),
    "products": lambda rng, n: np.multiply(*rng.integers(0, 2**31, (2, n)).astype(float)),
}


@pytest.mark.parametrize("kind", KEYS)
def test_numbers_are_ordered_as_by_numbas_argsort_ties_included(kind):
    rng = np.random.default_rng(len(kind))
    for size in (0, 1, 2, 63, 64, 65, 200, 2000, 9000):
        keys = np.ascontiguousarray(KEYS[kind](rng, size))
        assert np.array_equal(ascending(keys), argsort(keys))


def test_the_two_sides_of_a_graph_are_those_that_igraph_finds():
    rng, found = np.random.default_rng(1), []
    for draw in range(300):
        nodes = int(rng.integers(2, 40))
        edges = rng.integers(0, nodes, (int(rng.integers(1, 60)), 2))
        half = rng.random(nodes) < 0.5
        apart = half[edges[:, 0]] != half[edges[:, 1]] if draw % 2 else edges[:, 0] != edges[:, 1]
        edges = np.ascontiguousarray(edges[apart])
        two, side = igraph.GraphBase(nodes, edges.tolist()).is_bipartite(True)
        assert sides_of(nodes, edges).tolist() == ([int(one) for one in side] if two else [])
        found.append(two)
    assert True in found and False in found


def test_adjusted_mutual_information_is_scikit_learns_to_the_bit():
    rng = np.random.default_rng(2)
    for draw in range(200):
        size, most = int(rng.integers(1, 150)), rng.integers(1, 14, 2)
        one, other = (rng.integers(0, k, size) for k in most)
        other = [other, np.where(rng.random(size) < 0.2, other, one), one + 3][draw % 3]
        assert adjusted_mutual_information(one, other) == adjusted_mutual_info_score(one, other)


def test_whole_numbers_are_numbered_as_by_unique():
    values = np.random.default_rng(3).integers(0, 50, 40)
    expected = np.unique(values, return_inverse=True)
    for found, wanted in zip(numbered(values), expected, strict=True):
        assert np.array_equal(found, wanted)
