"""What must not matter to any metric: where neurons stand, who shares the pack, scale, wiring."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.metrics import METRICS, scorecards
from bimt_bench.network import Connection, Group, Wiring

# These depend on where neurons sit.
DISTANCES = {
    "connection_cost", "connection_cost_configured", "mean_wire_length", "isolated_ratio",
    "isolated_ratio_error",
}  # fmt: skip
SCALE_FREE = [
    name
    for name, one in METRICS.items()
    if one.family == "graph"
    or name
    in ("mean_wire_length", "effective_connections", "participation_ratio", "module_recovery")
]
NOT_HERE = {"accuracy", "cross_entropy"} | {
    name for name, one in METRICS.items() if one.family == "algorithmic"
}
SIZES = (3, 7, 6, 3)
SQUARES = ("x0**2", "x0**2 + x1**2", "x2")
DEPENDS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)


@pytest.fixture(scope="module")
def known(by_hand):
    """Data with a ground truth of two components and one shared sub-expression."""
    inputs = torch.rand((40, 3), generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    squares = inputs.square()
    targets = torch.stack([squares[:, 0], squares[:, :2].sum(dim=1), inputs[:, 2]], dim=1)
    return by_hand.data(inputs, targets, depends=DEPENDS, expressions=SQUARES)


def met(scored):
    """The same on targets that its first member meets but for noise, so that damage is damage."""
    outputs = scored.test_outputs[0]
    noise = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1)).double() / 100
    data = dataclasses.replace(scored.data, test_targets=outputs + noise)
    return dataclasses.replace(scored, data=data)


def moved_hidden(weights, orders):
    """The same networks with the neurons of each hidden layer in another order."""
    orders = [range(SIZES[0]), *orders, range(SIZES[-1])]
    return [w[:, list(orders[i + 1])][:, :, list(orders[i])] for i, w in enumerate(weights)]


def assert_same(one, other, *, without=frozenset()):
    names = [name for name in METRICS if name not in without]
    for name in names:
        np.testing.assert_allclose(
            other[name].to_numpy(), one[name].to_numpy(), rtol=1e-6, atol=1e-9, err_msg=name
        )


@settings(max_examples=4)
@given(seed=st.integers(0, 999), data=st.data())
def test_hidden_neurons_may_stand_anywhere(by_hand, known, seed, data):
    weights = by_hand.weights(SIZES, members=2, seed=seed, power=2)
    orders = [data.draw(st.permutations(range(n))) for n in SIZES[1:-1]]
    here, there = (
        scorecards(by_hand.scored(w, data=known, shuffles=4))
        for w in (weights, moved_hidden(weights, orders))
    )
    assert_same(here, there, without=DISTANCES)


@settings(max_examples=3)
@given(seed=st.integers(0, 999), order=st.permutations(range(3)))
def test_members_may_travel_in_any_order_and_alone(by_hand, known, seed, order):
    weights = by_hand.weights(SIZES, members=3, seed=seed, power=2)
    together = scorecards(by_hand.scored(weights, data=known, seeds=(5, 6, 7), shuffles=4))
    seeds = tuple(5 + i for i in order)
    mixed = by_hand.scored([w[list(order)] for w in weights], data=known, seeds=seeds, shuffles=4)
    assert_same(together.loc[list(order)], scorecards(mixed))
    alone = by_hand.scored([w[1:2] for w in weights], data=known, seeds=(6,), shuffles=4)
    assert_same(together.loc[[1]], scorecards(alone))


@settings(max_examples=4)
@given(seed=st.integers(0, 999), exponent=st.integers(-40, 40))
def test_scale_does_not_matter_to_shares_graphs_and_modules(by_hand, known, seed, exponent):
    weights = by_hand.weights(SIZES, seed=seed, power=2)
    scaled = [w * 2.0**exponent for w in weights]
    here, there = (
        scorecards(by_hand.scored(w, data=known, shuffles=4), SCALE_FREE) for w in (weights, scaled)
    )
    assert here["module_recovery"].notna().all()
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-12)


def test_every_metric_that_applies_has_a_value(by_hand, known):
    found = scorecards(met(by_hand.scored(by_hand.weights(SIZES, power=2), data=known)))
    assert set(found.columns[found.isna().any()]) == NOT_HERE


STATE = 6


def recurrent(by_hand, known, order):
    """h <- tanh(W x + U h), three times, then V h; neurons of the state in the given order."""
    groups = (
        Group("input", 3, "input", 0, relabelled=True),
        Group("state", STATE, "hidden", 1),
        Group("output", 3, "output", 2, relabelled=True),
    )
    connections = (
        Connection("w", "input", "state"),
        Connection("u", "state", "state"),
        Connection("v", "state", "output"),
    )
    draw = torch.Generator().manual_seed(3)
    shapes = {"w": (1, STATE, 3), "u": (1, STATE, STATE), "v": (1, 3, STATE)}
    weights = {n: torch.randn(s, generator=draw, dtype=torch.float64) for n, s in shapes.items()}
    weights["w"], weights["v"] = weights["w"][:, order], weights["v"][:, :, order]
    weights["u"] = weights["u"][:, order][:, :, order]

    def run(own, x):
        state = torch.zeros(1, len(x), STATE, dtype=torch.float64)
        for _ in range(3):
            state = torch.tanh(x @ own["w"].mT + state @ own["u"].mT)
        return state @ own["v"].mT, {"state": state}

    base = by_hand.scored(by_hand.weights((3, STATE, 3)), data=known, shuffles=4)
    population = by_hand.population(Wiring(groups, connections, ()), weights, run)
    # all wires equally long, so that what they cost does not depend on the order
    population.distances = lambda connection: torch.ones_like(weights[connection.parameter])
    return dataclasses.replace(base, population=population)


def test_a_group_that_is_joined_to_itself_has_the_whole_scorecard(by_hand, known):
    here = scorecards(met(recurrent(by_hand, known, list(range(STATE)))))
    there = scorecards(met(recurrent(by_hand, known, [3, 5, 0, 1, 4, 2])))
    assert set(here.columns[here.isna().any()]) == NOT_HERE
    assert_same(here, there, without={"isolated_ratio", "isolated_ratio_error"})
