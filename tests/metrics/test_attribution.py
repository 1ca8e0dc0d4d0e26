"""The attribution graph: by hand, and what cannot change it."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.metrics.attribution import attributions, carried_back
from bimt_bench.metrics.sending import sent_in
from bimt_bench.network import Attachment, Connection, Group, Wiring
from tests.metrics.test_any_wiring import scored_case

LINEAR = torch.nn.Identity()
SIZES = (4, 7, 6, 2)
SIGNS = torch.tensor([[a, b] for a in (1.0, -1.0) for b in (1.0, -1.0)], dtype=torch.float64)


def edges(graph):
    """(group, place) of both ends -> weight."""
    where = list(zip(graph.groups.tolist(), graph.positions.tolist(), strict=True))
    return {
        (where[s], where[t]): weight
        for one in graph.wires
        for s, t, weight in zip(one.sources, one.targets, one.weights, strict=True)
    }


def assert_same(one, other, moved=lambda end: end):
    here, there = edges(one), {tuple(map(moved, k)): v for k, v in edges(other).items()}
    assert here.keys() == there.keys()
    np.testing.assert_allclose([there[k] for k in here], list(here.values()), rtol=1e-5)


def sparse(weights, seed):
    """Some of the wires cut, and the last neuron of each hidden layer dead on both sides."""
    draw = torch.Generator().manual_seed(seed)
    cut = [w * (torch.rand(w.shape, generator=draw) < 0.7) for w in weights]
    for into, out in itertools.pairwise(cut):
        into[:, -1], out[:, :, -1] = 0.0, 0.0
    return cut


def on_a_dead_input(by_hand, weights, activation=torch.nn.functional.silu):
    """The network on data of which the last input is always 0."""
    draw = torch.Generator().manual_seed(1)
    inputs = torch.randn((60, SIZES[0]), generator=draw, dtype=torch.float64)
    inputs[:, -1] = 0.0
    return by_hand.scored(
        weights, data=by_hand.data(inputs, inputs[:, :2].clone()), activation=activation
    )


def test_shares_are_carried_back_by_hand(by_hand):
    # both inputs vary by 1; hidden neurons by sqrt(3^2 + 1) and by 2; flows 3, 1; 2; and
    # sqrt(10), 2 x 2 into the only output
    weights = [[[3.0, 1.0], [0.0, -2.0]], [[1.0, 2.0]]]
    given = [torch.tensor(w, dtype=torch.float64)[None] for w in weights]
    data = by_hand.data(SIGNS, SIGNS.sum(dim=1, keepdim=True))
    (graph,) = attributions(by_hand.scored(given, data=data, activation=LINEAR))
    top = np.array([np.sqrt(10), 4.0]) / (np.sqrt(10) + 4.0)
    found = edges(graph)
    assert found == pytest.approx({
        ((1, 0), (2, 0)): top[0], ((1, 1), (2, 0)): top[1],
        ((0, 0), (1, 0)): 0.75 * top[0], ((0, 1), (1, 0)): 0.25 * top[0],
        ((0, 1), (1, 1)): top[1],
    })  # fmt: skip


@settings(max_examples=15)
@given(seed=st.integers(0, 999), size=st.floats(1e-3, 1e3))
def test_useless_wires_weigh_nothing(by_hand, seed, size):
    weights = sparse(by_hand.weights(SIZES, seed=seed), seed)
    (clean,) = attributions(on_a_dead_input(by_hand, weights))
    more = [w.clone() for w in weights]
    more[0][:, :, -1] = size * torch.randn(SIZES[1], dtype=torch.float64)  # an input always 0
    more[0][:, -1] = size  # into a neuron that leads nowhere
    more[1][:, :, -1], more[1][:, -1] = 0.0, size * 2  # and from others into one of the next layer
    (doctored,) = attributions(on_a_dead_input(by_hand, more))
    assert_same(clean, doctored)
    fed = [w.clone() for w in weights]  # out of a neuron that hears nothing
    fed[1][:, :, -1] = size
    (doctored,) = attributions(on_a_dead_input(by_hand, fed))
    assert_same(clean, doctored)


@settings(max_examples=10)
@given(seed=st.integers(0, 999), exponent=st.integers(-30, 30))
def test_the_scale_of_a_layer_does_not_count(by_hand, seed, exponent):
    weights = sparse(by_hand.weights(SIZES, seed=seed), seed)
    scaled = [weights[0] * 2.0**exponent, weights[1] / 2.0**exponent, weights[2]]
    here, there = (on_a_dead_input(by_hand, w, torch.nn.functional.relu) for w in (weights, scaled))
    assert_same(attributions(here)[0], attributions(there)[0])


@settings(max_examples=10)
@given(seed=st.integers(0, 999), data=st.data())
def test_hidden_neurons_may_stand_anywhere(by_hand, seed, data):
    weights = sparse(by_hand.weights(SIZES, seed=seed), seed)
    orders = [list(data.draw(st.permutations(range(n)))) for n in SIZES[1:-1]]
    first, second = orders
    moved = [weights[0][:, first], weights[1][:, second][:, :, first], weights[2][:, :, second]]
    here, there = (attributions(on_a_dead_input(by_hand, w))[0] for w in (weights, moved))
    stood = {1: first, 2: second}
    assert_same(
        here, there, lambda end: (end[0], stood[end[0]][end[1]] if end[0] in stood else end[1])
    )


def test_members_without_a_flow_have_no_graph(by_hand):
    weights = by_hand.weights(SIZES, members=5)
    weights[0][1] = 0.0
    weights[2][2] = 0.0  # a constant
    weights[2][3] *= 1e-9  # as good as one
    weights[1][4, 0, 0] = torch.nan
    found = attributions(on_a_dead_input(by_hand, weights))
    assert [one is None for one in found] == [False, True, True, True, True]


def test_an_output_that_is_a_constant_begins_nothing(by_hand):
    weights = by_hand.weights(SIZES)
    weights[2][0, 1] *= 1e-9
    (graph,) = attributions(on_a_dead_input(by_hand, weights))
    assert {end for pair in edges(graph) for end in pair if end[0] == 3} == {(3, 0)}
    assert sum(w for (_, end), w in edges(graph).items() if end[0] == 3) == pytest.approx(0.5)


def test_each_fold_carries_what_its_own_tokens_vary(by_hand):
    wiring = Wiring(
        (Group("input", 2, "input", 0), Group("output", 1, "output", 1)),
        (Connection("w", "input", "output", source_folds=2),),
        (Attachment("embedding", "input", axis=2, kind="embedding"),),
    )
    table = torch.tensor([[[1.0, 5.0], [3.0, 5.0], [5.0, 7.0]]], dtype=torch.float64)
    weight = torch.tensor([[[1.0, 3.0, 2.0, 1.0]]], dtype=torch.float64)
    tokens = torch.tensor([[0, 0], [0, 2], [1, 2], [1, 0]])

    def run(own, given):
        return own["embedding"][:, given].flatten(2) @ own["w"].mT, {}

    population = by_hand.population(wiring, {"w": weight, "embedding": table}, run)
    data = by_hand.data(tokens, torch.arange(4.0)[:, None].double(), tokens=3)
    base = by_hand.scored(by_hand.weights((2, 2, 1)), data=data)
    scored = dataclasses.replace(base, population=population)
    # tokens 0, 1 in the first place, 0, 2 in the second: dimensions vary by 1 and 0, by 2 and 1
    assert sent_in(scored).spreads["w"].tolist() == [[1.0, 0.0, 2.0, 1.0]]
    (graph,) = attributions(scored)
    assert edges(graph) == pytest.approx({((0, 0), (1, 0)): 5 / 6, ((0, 1), (1, 0)): 1 / 6})
    rescaled = {"w": weight / 8, "embedding": table * 8}
    scored = dataclasses.replace(base, population=by_hand.population(wiring, rescaled, run))
    assert_same(graph, attributions(scored)[0])


def test_pixels_of_a_channel_and_times_of_a_feature_are_samples():
    cnn = scored_case("cnn in colours", members=1)
    pixels = cnn.data.test_inputs.double().reshape(12, 2, 20)
    found = sent_in(cnn).spreads["layers.0.weight"][0]
    np.testing.assert_allclose(found, pixels.std(dim=(0, 2), correction=0), rtol=1e-6)
    rnn = scored_case("rnn", members=1)
    times = rnn.data.test_inputs.double()
    found = sent_in(rnn).spreads["read.weight"][0]
    np.testing.assert_allclose(found, times.std(dim=(0, 1), correction=0), rtol=1e-6)


def loop(flows, steps):
    groups = (Group("x", 1, "input", 0), Group("h", 2, "hidden", 1), Group("y", 1, "output", 2))
    wiring = Wiring(
        groups,
        (Connection("w", "x", "h"), Connection("u", "h", "h"), Connection("v", "h", "y")),
        (),
    )
    given = {name: torch.tensor(one, dtype=torch.float64)[None] for name, one in flows.items()}
    endings = {g.name: torch.zeros(1, g.size, 1, dtype=torch.float64) for g in groups}
    endings["y"][:] = 1.0
    return {k: v[0].tolist() for k, v in carried_back(wiring, given, endings, steps=steps).items()}


def test_a_loop_is_walked_round_as_often_as_there_are_steps():
    flows = {"w": [[1.0], [1.0]], "u": [[0.0, 1.0], [0.0, 0.0]], "v": [[1.0, 0.0]]}
    # half of the first neuron's comes from the second, which has everything from the input
    found = loop(flows, steps=3)
    assert found == {"v": [[1.0, 0.0]], "u": [[0.0, 0.5], [0.0, 0.0]], "w": [[0.5], [0.5]]}
    onto_itself = {"w": [[1.0], [0.0]], "u": [[1.0, 0.0], [0.0, 0.0]], "v": [[1.0, 0.0]]}
    for steps, visits in ((1, 1.0), (2, 1.5), (3, 1.75)):
        assert loop(onto_itself, steps)["w"][0] == [visits / 2]


def test_shares_are_of_all_connections_into_a_group():
    groups = (Group("x", 1, "input", 0), Group("h", 1, "hidden", 1), Group("y", 1, "output", 2))
    connections = (Connection("a", "x", "h"), Connection("b", "h", "y"), Connection("c", "x", "y"))
    flows = {
        name: torch.full((1, 1, 1), size).double()
        for name, size in zip("abc", (5, 3, 1), strict=True)
    }
    endings = {g.name: torch.full((1, 1, 1), float(g.role == "output")).double() for g in groups}
    found = carried_back(Wiring(groups, connections, ()), flows, endings, steps=2)
    assert {k: v.item() for k, v in found.items()} == {"a": 0.75, "b": 0.75, "c": 0.25}
