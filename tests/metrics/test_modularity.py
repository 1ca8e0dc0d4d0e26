"""Modularity Q and its z-scores: igraph's own value, null behaviour, invariances, degeneracy."""

import dataclasses
import itertools
import random

import igraph
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.metrics import METRICS, modularity, nulls
from bimt_bench.metrics.graph import graphs
from bimt_bench.metrics.nulls import p_value, standard_score

GRAPH = (
    "modularity_q",
    "modularity_z",
    "modularity_p",
    "modularity_z_nonzero",
    "modularity_z_error",
)


def value(name, scored):
    return METRICS[name].compute(scored)


def blocks(sizes, *, seed=0):
    """Weights of two networks side by side that share no connection."""
    draw = np.random.default_rng(seed)
    out = []
    for a, b in itertools.pairwise(sizes):
        mask = np.kron(np.eye(2), np.ones((b // 2, a // 2)))
        out.append(torch.from_numpy(mask * draw.uniform(0.5, 1.5, (b, a)))[None])
    return out


def test_two_disjoint_networks_have_the_q_that_igraph_gives_their_halves(by_hand):
    sizes = (4, 6, 2)
    weights = blocks(sizes)
    scored = by_hand.scored(weights)
    edges, strength, offset = [], [], 0
    for a, w in zip(sizes, weights, strict=False):
        for j, i in zip(*np.nonzero(w[0].numpy()), strict=True):
            edges.append((offset + i, offset + a + j))
            strength.append(abs(w[0, j, i].item()))
        offset += a
    halves = [int(k >= n // 2) for n in sizes for k in range(n)]
    by_halves = igraph.Graph(n=12, edges=edges).modularity(halves, weights=strength)
    assert by_halves > 0.3
    assert value("modularity_q", scored)[0] >= by_halves - 1e-12
    # ... and Leiden finds nothing better than the halves in blocks of equal weights
    flat = by_hand.scored([(w > 0).double() for w in blocks((2, 8, 2))])
    assert value("modularity_q", flat)[0] == pytest.approx(0.5)
    assert value("modularity_z", flat)[0] > 3
    assert value("modularity_p", flat) == pytest.approx([1 / 101])  # 20 draws leave 0.048 open


def test_q_of_one_edge_and_of_two_by_hand(by_hand):
    first = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, -3.0]]]).double()
    # two separate edges of weight 1 and 3: Q = 1 - (2/8)^2 - (6/8)^2
    np.testing.assert_allclose(
        value("modularity_q", by_hand.scored([first])), [0.0, 1 - 1 / 16 - 9 / 16], atol=1e-12
    )


@pytest.mark.parametrize("name", ["modularity_z", "modularity_z_nonzero"])
def test_a_random_dense_network_lies_in_the_middle_of_its_null(by_hand, name):
    scored = by_hand.scored(by_hand.weights((4, 8, 8, 2), members=60, seed=5))
    z = value(name, scored)
    assert np.isfinite(z).all()
    assert abs(z.mean()) < 0.45  # 3 standard errors and a little
    assert 0.7 < z.std() < 1.5


def test_sparsity_alone_earns_nothing_against_the_kept_topology(by_hand):
    scored = by_hand.scored([(w > 0).double() * 2 for w in blocks((4, 8, 2))])
    assert np.isnan(value("modularity_z_nonzero", scored)[0])  # equal weights: nothing to shuffle


def test_same_seed_same_bits_whatever_the_mates_and_igraphs_state(by_hand):
    weights = by_hand.weights((4, 7, 3), members=3, power=3)
    together = by_hand.scored(weights, seeds=(5, 6, 7), shuffles=6)
    order = [2, 0, 1]
    mixed = by_hand.scored([w[order] for w in weights], seeds=(7, 5, 6), shuffles=6)
    alone = by_hand.scored([w[1:2] for w in weights], seeds=(6,), shuffles=6)
    for name in GRAPH:
        expected = value(name, together)
        random.seed(1)
        np.testing.assert_array_equal(value(name, together), expected)
        np.testing.assert_array_equal(value(name, mixed), expected[order])
        np.testing.assert_array_equal(value(name, alone), expected[1:2])


def test_the_seed_moves_the_null_draws(by_hand):
    weights = [w.repeat(2, 1, 1) for w in by_hand.weights((4, 7, 3))]
    z = value("modularity_z", by_hand.scored(weights, seeds=(0, 1)))
    assert z[0] != z[1]


def test_igraph_gets_pythons_generator_back(by_hand):
    value("modularity_z", by_hand.scored(by_hand.weights((3, 5, 2)), shuffles=2))
    drawn = []
    for _ in range(2):
        random.seed(3)
        drawn.append(igraph.Graph.Erdos_Renyi(n=30, m=40).get_edgelist())
    assert drawn[0] == drawn[1]


@settings(max_examples=15)
@given(seed=st.integers(0, 999), data=st.data())
def test_relocation_changes_no_bit(by_hand, seed, data):
    sizes = (4, 6, 5, 2)
    weights = by_hand.weights(sizes, seed=seed, power=4)
    orders = [data.draw(st.permutations(range(n))) for n in sizes]
    moved = [w[:, orders[i + 1]][:, :, orders[i]] for i, w in enumerate(weights)]
    here, there = (by_hand.scored(w, shuffles=4) for w in (weights, moved))
    for name in GRAPH:
        np.testing.assert_array_equal(value(name, here), value(name, there))


@settings(max_examples=10)
@given(seed=st.integers(0, 999), exponent=st.integers(-60, 60))
def test_scale_and_sign_change_nothing(by_hand, seed, exponent):
    weights = by_hand.weights((3, 6, 2), seed=seed, power=2)
    scaled = [-w * 2.0**exponent for w in weights]
    here, there = (by_hand.scored(w, shuffles=4) for w in (weights, scaled))
    for name in GRAPH:
        np.testing.assert_array_equal(value(name, here), value(name, there))


def test_degenerate_members_are_undefined_and_disturb_nobody(by_hand):
    good = by_hand.weights((3, 5, 2), members=4, seed=2)
    weights = [w.clone() for w in good]
    for w in weights:
        w[1] = 0.0  # no weight at all
        w[2, 0, 0] = torch.nan
        w[3, :, 1:] = 0.0
        w[3, 1:] = 0.0  # a single chain of neurons alive
    expected = {name: value(name, by_hand.scored(good, shuffles=5))[0] for name in GRAPH}
    scored = by_hand.scored(weights, shuffles=5)
    for name in GRAPH:
        found = value(name, scored)
        assert found[0] == expected[name]
        assert np.isnan(found[1:3]).all()
    assert value("modularity_q", scored)[3] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(value("modularity_z", scored)[3])  # every shuffle is the chain itself
    assert value("modularity_p", scored)[3] == 1.0


def test_one_shuffle_has_no_spread():
    assert np.isnan(standard_score(0.5, np.array([0.1])))


def test_folds_travel_together(by_hand):
    folded = by_hand.weights((6, 4, 2), seed=3)
    scored = by_hand.scored(folded, input_folds=2, shuffles=4)
    summed = [folded[0][:, :, :3].abs() + folded[0][:, :, 3:].abs(), folded[1]]
    expected = value("modularity_q", by_hand.scored(summed, shuffles=4))
    assert value("modularity_q", scored) == pytest.approx(expected, abs=1e-3)
    order = [2, 0, 1]
    moved = folded[0].reshape(1, 4, 2, 3)[..., order].reshape(1, 4, 6)
    other = by_hand.scored([moved, folded[1]], input_folds=2, shuffles=4)
    for name in GRAPH:
        np.testing.assert_array_equal(value(name, other), value(name, scored))


def test_z_is_measured_in_sample_standard_deviations():
    null = np.array([0.1, 0.2, 0.6])
    spread = np.sqrt((0.2**2 + 0.1**2 + 0.3**2) / 2)
    assert standard_score(0.5, null) == pytest.approx((0.5 - 0.3) / spread)
    assert np.isnan(standard_score(0.5, np.full(3, 0.1)))


@pytest.mark.parametrize(
    ("value", "better", "expected"),
    [
        (0.5, "higher", 2 / 5),  # 0.6 alone is at least as good
        (0.5, "lower", 4 / 5),  # 0.1, 0.2, 0.4
        (0.4, "higher", 3 / 5),  # what is equal counts, whichever way is better
        (0.4, "lower", 4 / 5),
        (0.4 + 1e-12, "higher", 3 / 5),  # equal but for rounding
        (0.7, "higher", 1 / 5),  # never 0
        (0.0, "higher", 1.0),
        (np.nan, "higher", np.nan),
    ],
)
def test_a_p_value_counts_the_draws_that_are_at_least_as_good(value, better, expected):
    null = np.array([0.1, 0.4, 0.2, 0.6])
    assert p_value(value, null, better=better) == pytest.approx(expected, nan_ok=True)


def test_p_ranks_the_member_among_the_draws_of_its_z(by_hand):
    scored = by_hand.scored(by_hand.weights((4, 7, 3), members=12, power=2), shuffles=2)
    p = value("modularity_p", scored)
    found = modularity.against_shuffled(scored)
    np.testing.assert_array_equal(value("modularity_z", scored), [c.z for c in found])
    expected = [p_value(c.value, c.null, better="higher") for c in found]
    np.testing.assert_array_equal(p, expected)
    assert len(set(p)) > 1


@pytest.mark.parametrize("name", ["modularity_z", "modularity_p", "modularity_z_nonzero"])
def test_draws_go_on_until_another_stream_of_them_says_the_same(by_hand, name):
    weights = [w.repeat(20, 1, 1) for w in by_hand.weights((4, 8, 8, 2), power=2)]
    scored = by_hand.scored(weights, seeds=tuple(range(20)))
    found, errors = value(name, scored), value(f"{name}_error", scored)
    enough = np.maximum(0.01, found / 3) if name.endswith("_p") else np.maximum(0.15, found / 10)
    assert (errors > 0).all() and (errors <= enough).all()
    apart = (found - found.mean()) / errors
    assert 0.5 < np.sqrt(np.square(apart).mean()) < 2  # as far from each other as the errors say


def test_draws_end_with_a_budget(by_hand, monkeypatch):
    scored = by_hand.scored(by_hand.weights((4, 8, 8, 2), power=2), shuffles=7)
    (first,) = modularity.against_shuffled(scored)
    assert len(first.null) > 27 and first.is_known
    monkeypatch.setattr(nulls, "_MOST", 27)
    (cut,) = modularity.against_shuffled(dataclasses.replace(scored))
    assert len(cut.null) == 27 and not cut.is_known
    np.testing.assert_array_equal(cut.null, first.null[:27])  # the same stream
    monkeypatch.setattr(nulls, "_PLACES", 26 * len(graphs(scored)[0].weights))
    (large,) = modularity.against_shuffled(dataclasses.replace(scored))
    np.testing.assert_array_equal(large.null, first.null[:7])
