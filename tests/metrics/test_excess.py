"""Module excess: on networks whose modules are known, and the nulls that it is measured against."""

import itertools
import math

import igraph
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.metrics.attribution import attribution_graph
from bimt_bench.metrics.excess import RESOLUTIONS, Excess, excess
from bimt_bench.metrics.modularity import seeded_igraph
from bimt_bench.metrics.rewiring import rewired
from bimt_bench.network import Connection, Group, Wiring

SIZES = (4, 20, 20, 2)
DRAWS = 6


def drawn(seed, density=1.0, noise=0.0, *, blocks=1, power=1.0):
    """Normal weights inside `blocks` blocks, some of them, to a power; noise on all places."""
    rng = np.random.default_rng(seed)
    found = []
    for sources, targets in itertools.pairwise(SIZES):
        ends = (np.arange(n) * blocks // n for n in (targets, sources))
        inside = np.equal.outer(*ends) & (rng.random((targets, sources)) < density)
        weights = rng.normal(size=inside.shape)
        weights = np.sign(weights) * np.abs(weights) ** power * inside
        found.append(np.abs(weights + noise * rng.normal(size=inside.shape)))
    return found


def graph_of(weights):
    """The graph of given edges, as that of attributions is made of them."""
    wiring = Wiring.layered((*(w.shape[1] for w in weights), len(weights[-1])))
    return attribution_graph(
        wiring, {c.parameter: w for c, w in zip(wiring.connections, weights, strict=True)}
    )


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        ({"blocks": 2}, 1.0, 1.0),
        ({"blocks": 2, "density": 0.3}, 1.0, 1.0),
        ({"blocks": 2, "density": 0.3, "noise": 1e-3}, 0.94, 0.99),
        ({"blocks": 2, "noise": 0.1}, 0.66, 0.78),
        ({"blocks": 2, "noise": 0.3}, 0.30, 0.43),
        ({}, -0.06, 0.06),
        ({"density": 0.5}, -0.07, 0.07),
        ({"density": 0.2}, -0.06, 0.15),
        ({"power": 3.0}, -0.08, 0.10),
    ],
)
def test_networks_of_known_kind_have_the_excess_that_was_found_for_them(given, low, high):
    found = [excess(graph_of(drawn(seed, **given)), seed) for seed in range(DRAWS)]
    assert low - 1e-9 <= np.mean([one.score for one in found]) <= high + 1e-9
    for one in found:
        assert one.cautious <= one.score and one.error <= 0.03
        assert len(one.nulls) == 30 or max(one.error, one.cautious_error) <= 0.02


def assortativity(modules, edges, weights):
    """r by its formula; 0 of a partition in which a module swallows the rest."""
    ends = modules[edges]
    shares = np.bincount(ends.ravel(), np.repeat(weights, 2)) / (2 * weights.sum())
    inside = weights[ends[:, 0] == ends[:, 1]].sum() / weights.sum()
    room = 1 - np.square(shares).sum()
    return (inside - 1 + room) / room if room >= 0.3 else 0.0


@pytest.mark.parametrize("given", [{"blocks": 2, "noise": 0.3}, {}, {"density": 0.2}])
def test_the_search_finds_what_all_resolutions_would(given):
    graph = graph_of(drawn(1, **given))
    edges = np.concatenate([np.stack([w.sources, w.targets], axis=1) for w in graph.wires])
    weights = np.concatenate([w.weights for w in graph.wires])
    whole = igraph.Graph(n=graph.nodes, edges=edges, edge_attrs={"weight": weights.tolist()})
    with seeded_igraph(0):
        found = [
            whole.community_leiden("modularity", weights="weight", resolution=one)
            for one in RESOLUTIONS
        ]
    best = max(assortativity(np.array(one.membership), edges, weights) for one in found)
    assert excess(graph, 0).value == pytest.approx(best, abs=0.04)


def test_the_score_and_its_error_by_hand():
    above = Excess(0.8, np.array([0.4, 0.6]))
    assert above.score == pytest.approx(0.6)
    assert above.error == pytest.approx(0.1 * 0.2 / 0.25)  # sd / sqrt 2 is 0.1
    assert above.cautious == pytest.approx((0.8 - 0.5 - 0.2326) / (0.5 - 0.2326), abs=1e-3)
    below = Excess(0.3, np.array([0.4, 0.6]))
    assert below.score == pytest.approx(-0.4)
    assert below.error == pytest.approx(0.1 * 0.3 / 0.25)
    assert Excess(0.0, np.zeros(2)).score == 0.0
    assert math.isnan(Excess(1.0, np.ones(2)).score)


def test_two_chains_are_nothing_that_their_degrees_do_not_give():
    chains = [np.eye(2), np.eye(2)]
    assert math.isnan(excess(graph_of(chains), 0).score)


def test_the_seed_and_nothing_else_says_what_is_drawn():
    graph = graph_of(drawn(3, 0.4))
    one, same, other = (excess(graph, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.nulls, same.nulls)
    assert one.value == same.value and not np.array_equal(one.nulls[:5], other.nulls[:5])


@settings(max_examples=20)
@given(seed=st.integers(0, 2**62), density=st.floats(0.1, 1.0), within=st.booleans())
def test_nulls_keep_degrees_and_weights(seed, density, within):
    rng = np.random.default_rng(seed)
    size, others = (12, 12) if within else (12, 9)
    there = rng.random((size, others)) < density
    if within:
        np.fill_diagonal(there, val=False)
    there[0, 1] = True
    sources, targets = np.nonzero(there)
    weights = np.ceil(2.0**32 * rng.random(len(sources)) ** 3).astype(np.int64)
    draws = rewired(sources, targets, weights, size, others, int(within), np.array([seed, 7]))
    for one in draws:
        assert np.unique(one[:2], axis=1).shape[1] == len(sources)  # no edge twice
        assert not (within and (one[0] == one[1]).any())
        np.testing.assert_array_equal(np.sort(one[2]), np.sort(weights))
        for end, own, many in ((0, sources, size), (1, targets, others)):
            np.testing.assert_array_equal(
                np.bincount(one[end], minlength=many), np.bincount(own, minlength=many)
            )


@pytest.mark.parametrize("density", [0.3, 1.0])
def test_nulls_nearly_keep_strengths(density):
    weights = drawn(0, density)[1]
    sources, targets = np.nonzero(weights)
    given = np.ceil(weights[sources, targets] * 2.0**30).astype(np.int64)
    drawn_again = rewired(sources, targets, given, 20, 20, 0, np.arange(10))
    assert (drawn_again[0, 1] == targets).all() == (density == 1.0)
    for end, own in ((0, sources), (1, targets)):
        true = np.bincount(own, given, 20)
        found = [np.corrcoef(true, np.bincount(one[end], one[2], 20))[0, 1] for one in drawn_again]
        assert np.mean(found) > 0.88


def test_places_of_a_full_connection_stay_and_its_weights_move():
    sources, targets = np.nonzero(np.ones((5, 6)))
    weights = np.arange(1, 31)
    (one,) = rewired(sources, targets, weights, 5, 6, 0, np.array([1]))
    np.testing.assert_array_equal(one[:2], [sources, targets])
    assert not np.array_equal(one[2], weights)


def test_a_group_joined_to_itself_has_an_excess():
    groups = (Group("x", 3, "input", 0), Group("h", 10, "hidden", 1), Group("y", 2, "output", 2))
    wiring = Wiring(
        groups,
        (Connection("w", "x", "h"), Connection("u", "h", "h"), Connection("v", "h", "y")),
        (),
    )
    rng = np.random.default_rng(0)
    shapes = {"w": (10, 3), "u": (10, 10), "v": (2, 10)}
    graph = attribution_graph(wiring, {name: rng.random(shape) for name, shape in shapes.items()})
    assert graph.wires[1].within and not (graph.wires[1].sources == graph.wires[1].targets).any()
    assert abs(excess(graph, 0).score) < 0.3
