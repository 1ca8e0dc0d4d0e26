"""Spectral clusters, normalised cut and mass inside clusters: by hand, extremes, invariances."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import SpectralClustering

from bimt_bench.metrics import METRICS
from bimt_bench.metrics.spectral import Topology

NAMES = [n for n in METRICS if n.startswith(("ncut", "cross_cluster"))]


def value(name, scored):
    return METRICS[name].compute(scored)


def blocks(sizes, parts, *, seed=0):
    """Weights of `parts` networks side by side that share no connection."""
    draw = np.random.default_rng(seed)
    found = []
    for a, b in itertools.pairwise(sizes):
        mask = np.kron(np.eye(parts), np.ones((b // parts, a // parts)))
        found.append(torch.from_numpy(mask * draw.uniform(0.5, 1.5, (b, a)))[None])
    return found


def complete(n):
    return np.array(list(itertools.combinations(range(n), 2)))


def test_the_cut_of_a_path_of_four_by_hand():
    path = Topology(4, np.array([[0, 1], [1, 2], [2, 3]]))
    weights = np.array([3.0, 1.0, 2.0])
    # cut 1 on both sides; volumes 3 + 4 and 3 + 2
    found = path.normalised_cut(weights[None], np.array([[0, 0, 1, 1]]))
    assert found == pytest.approx([1 / 7 + 1 / 5])
    assert path.clusters(weights[None], 2)[0].tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])


def test_two_cliques_are_found_in_a_graph_that_has_no_two_sides():
    edges = complete(8)
    inside = (edges[:, 0] < 4) == (edges[:, 1] < 4)
    graph = Topology(8, edges)
    assert graph.sides is None
    found = graph.clusters(np.where(inside, 1.0, 0.05)[None], 2)[0]
    assert len(set(found[:4])) == len(set(found[4:])) == 1
    assert found[0] != found[7]


@pytest.mark.parametrize("seed", range(3))
def test_clusters_of_a_layered_graph_are_those_of_scikit_learn(seed):
    draw = np.random.default_rng(seed)
    block = np.kron(np.eye(3), np.ones((4, 5))) + 0.1 * draw.random((12, 15))
    edges = np.array([(i, 12 + j) for i in range(12) for j in range(15)])
    graph = Topology(27, edges)
    assert graph.sides is not None
    ours = graph.clusters(block.reshape(1, -1), 3)[0]
    adjacency = np.zeros((27, 27))
    adjacency[:12, 12:], adjacency[12:, :12] = block, block.T
    theirs = SpectralClustering(
        3, affinity="precomputed", assign_labels="cluster_qr", random_state=0
    ).fit(adjacency)
    same = ours[:, None] == ours[None, :]
    np.testing.assert_array_equal(same, theirs.labels_[:, None] == theirs.labels_[None, :])


@pytest.mark.parametrize("columns", [4, 6])
def test_the_last_bits_of_weights_part_nobody(columns):
    # few living neurons: rows of equal length, and fewer vectors than clusters
    draw = np.random.default_rng(1)
    edges = np.array([(i, 6 + j) for i in range(6) for j in range(columns)])
    weights = draw.random((400, len(edges))) * (draw.random((400, len(edges))) < 0.4)
    graph = Topology(6 + columns, edges)
    here = graph.clusters(weights, 4)
    there = graph.clusters(weights * (1.0 + 4e-16 * draw.standard_normal(weights.shape)), 4)
    np.testing.assert_array_equal(here, there)


def test_draws_in_a_batch_are_what_they_are_alone():
    draw = np.random.default_rng(0)
    edges = np.array([(i, 6 + j) for i in range(6) for j in range(5)])
    weights = draw.random((7, 30)) * (draw.random((7, 30)) < 0.3)  # ranks differ
    weights[3] = 0.0
    for graph in (Topology(11, edges), Topology(11, np.concatenate([edges, [[0, 1]]]))):
        drawn = np.pad(weights, ((0, 0), (0, len(graph.edges) - 30)), constant_values=0.1)
        together = graph.clusters(drawn, 4)
        alone = np.concatenate([graph.clusters(one[None], 4) for one in drawn])
        np.testing.assert_array_equal(together, alone)
        cuts = np.concatenate(
            [graph.normalised_cut(w[None], c[None]) for w, c in zip(drawn, alone, strict=True)]
        )
        np.testing.assert_array_equal(graph.normalised_cut(drawn, together), cuts)


def test_separate_networks_are_cut_for_nothing(by_hand):
    scored = by_hand.scored(blocks((8, 16, 16, 8), 4))  # 48 neurons: k = 4
    assert value("ncut", scored) == pytest.approx([0.0], abs=1e-12)
    assert value("cross_cluster_mass", scored) == pytest.approx([1.0])
    assert value("ncut_z", scored)[0] < -3
    assert value("cross_cluster_mass_z", scored)[0] > 3
    for name in ("ncut_p", "cross_cluster_mass_p"):
        assert value(name, scored) == pytest.approx([1 / 101]), name


def test_the_mass_inside_clusters_by_hand(by_hand):
    # pairs joined by 3 and by 4, crossed by 1: clusters are the pairs
    weights = torch.tensor([[[3.0, 0.0], [-1.0, 4.0]]], dtype=torch.float64)
    assert value("cross_cluster_mass", by_hand.scored([weights])) == pytest.approx([25 / 26])


@pytest.mark.parametrize("name", [n for n in NAMES if "_z" in n and not n.endswith("_error")])
def test_a_random_dense_network_lies_in_the_middle_of_its_null(by_hand, name):
    z = value(name, by_hand.scored(by_hand.weights((4, 8, 8, 4), members=60, seed=5)))
    assert np.isfinite(z).all()
    assert abs(z.mean()) < 0.45  # 3 standard errors and a little
    assert 0.7 < z.std() < 1.7


@settings(max_examples=10)
@given(seed=st.integers(0, 999), data=st.data())
def test_relocation_sign_and_scale_change_nothing(by_hand, seed, data):
    sizes = (4, 6, 5, 3)
    weights = by_hand.weights(sizes, seed=seed, power=2)
    orders = [data.draw(st.permutations(range(n))) for n in sizes]
    moved = [-8 * w[:, orders[i + 1]][:, :, orders[i]] for i, w in enumerate(weights)]
    here, there = (by_hand.scored(w, shuffles=4) for w in (weights, moved))
    for name in NAMES:
        np.testing.assert_allclose(value(name, here), value(name, there), rtol=1e-9, atol=1e-12)


def test_members_keep_their_values_in_any_order(by_hand):
    weights = by_hand.weights((4, 7, 3), members=3, power=3)
    order = [2, 0, 1]
    here = by_hand.scored(weights, seeds=(5, 6, 7), shuffles=4)
    there = by_hand.scored([w[order] for w in weights], seeds=(7, 5, 6), shuffles=4)
    for name in NAMES:
        np.testing.assert_array_equal(value(name, there), value(name, here)[order])


def test_degenerate_members_are_undefined_and_disturb_nobody(by_hand):
    weights = [w.clone() for w in by_hand.weights((3, 5, 2), members=4, seed=2)]
    for w in weights:
        w[1] = 0.0
        w[2, 0, 0] = torch.nan
        w[3, :, 1:] = 0.0
        w[3, 1:] = 0.0  # a single chain of three neurons
    scored = by_hand.scored(weights, shuffles=5)
    for name in NAMES:
        found = value(name, scored)
        assert np.isfinite(found[0]), name
        assert np.isnan(found[1:3]).all(), name
        # nothing is cut, everything is inside, every shuffle is equal
        chain = float(name != "ncut" and not name.endswith("_error"))
        assert np.isnan(found[3]) if "_z" in name else found[3] == pytest.approx(chain)
