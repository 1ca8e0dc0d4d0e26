"""Pruning: circuits known by construction, the curve by hand, invariances, degenerate members."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.metrics import METRICS
from bimt_bench.metrics.circuits import prune
from bimt_bench.metrics.paths import on_a_path, path_strengths
from bimt_bench.network.wiring import Connection, Group, Wiring

NAMES = ("circuit_size", "pruning_area", "live_neurons")


def values(scored):
    return {name: METRICS[name].compute(scored) for name in NAMES}


def linear(by_hand, coefficients, *, noise=0.0):
    """A linear member that fits targets x @ C exactly, but for a constant `noise` in them."""
    weight = torch.tensor(coefficients, dtype=torch.float64)[None]
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn((400, weight.shape[2]), generator=draw, dtype=torch.float64)
    data = by_hand.data(inputs, inputs @ weight[0].T + noise)
    return by_hand.scored([weight], data=data)


def test_a_circuit_is_what_the_loss_needs(by_hand):
    # loss 1 at best; dropping w adds w^2, so all but those below 0.05^(1/2) = 0.22 must stay
    scored = linear(by_hand, [[3.0, 1.0, 0.5, 0.3, 0.1, 0.05, 0.01, 0.0]], noise=1.0)
    found = values(scored)
    assert found["circuit_size"] == pytest.approx([4 / 8])
    assert found["live_neurons"] == pytest.approx([5 / 9])


def test_the_area_of_a_curve_with_one_step_by_hand(by_hand):
    # four equal weights, all or nothing of them needed; q rises linearly with m = 0 .. 4
    signs = torch.tensor([[a, b] for a in (1.0, -1.0) for b in (1.0, -1.0)], dtype=torch.float64)
    scored = by_hand.scored(
        [torch.tensor([[[1.0, 1.0]]], dtype=torch.float64)],
        data=by_hand.data(signs, signs.sum(dim=1, keepdim=True)),
    )
    # loss 2, 1, 0 at m = 0, 1, 2: retained 1/2 at m = 1 and 1 at m = 2, a trapezoid over log m
    assert METRICS["pruning_area"].compute(scored) == pytest.approx([0.75])
    assert METRICS["circuit_size"].compute(scored) == pytest.approx([1.0])


def test_one_connection_that_does_everything_fills_the_area(by_hand):
    found = values(linear(by_hand, [[2.0] + [0.0] * 29]))
    assert found["pruning_area"] == pytest.approx([1.0])
    assert found["circuit_size"] == pytest.approx([1 / 30])
    assert found["live_neurons"] == pytest.approx([2 / 31])


def test_accuracy_may_fall_by_one_point(by_hand):
    # 200 rows of class 0 and 1 by the sign of x0; x1 decides three rows, x2 another one
    draw = torch.Generator().manual_seed(0)
    inputs = torch.zeros((200, 3), dtype=torch.float64)
    inputs[:, 0] = torch.randn(200, generator=draw, dtype=torch.float64).sign()
    inputs[:3, 1] = -10 * inputs[:3, 0]
    inputs[3, 2] = -100 * inputs[3, 0]
    first = torch.tensor([3.0, 1.0, 0.5], dtype=torch.float64)
    weights = torch.stack([torch.zeros(3, dtype=torch.float64), first])[None]
    classes = ((inputs @ first) > 0).long()
    task = by_hand.task(performance="accuracy")
    scored = by_hand.scored([weights], data=by_hand.data(inputs, classes), task=task)
    # without x1 three rows of 200 are lost (1.5 points), without x2 one (0.5)
    assert METRICS["circuit_size"].compute(scored) == pytest.approx([2 / 6])


def test_dead_ends_of_the_circuit_are_not_alive(by_hand):
    first = torch.tensor([[[2.0, 0.0], [0.0, 5.0]]], dtype=torch.float64)
    second = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)  # the second neuron leads nowhere
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn((50, 2), generator=draw, dtype=torch.float64)
    data = by_hand.data(inputs, 2 * inputs[:, :1])
    scored = by_hand.scored([first, second], data=data, activation=torch.nn.Identity())
    assert METRICS["circuit_size"].compute(scored) == pytest.approx([3 / 6])
    assert METRICS["live_neurons"].compute(scored) == pytest.approx([3 / 5])


@settings(max_examples=10)
@given(seed=st.integers(0, 99), data=st.data())
def test_relabelled_neurons_and_members_change_nothing(by_hand, seed, data):
    weights = by_hand.weights((3, 6, 2), members=3, seed=seed)
    order = list(data.draw(st.permutations(range(6))))
    mates = list(data.draw(st.permutations(range(3))))
    moved = [weights[0][mates][:, order], weights[1][mates][:, :, order]]
    here, there = values(by_hand.scored(weights)), values(by_hand.scored(moved))
    for name in NAMES:
        np.testing.assert_allclose(there[name], here[name][mates], rtol=1e-9)


def test_a_dead_and_a_broken_member_disturb_nobody(by_hand):
    weights = by_hand.weights((3, 5, 2), members=3)
    inputs = torch.randn((30, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fitted = by_hand.scored([w[:1] for w in weights]).population.outputs(inputs)[0]
    data = by_hand.data(inputs, fitted + 0.1)
    alone = values(by_hand.scored([w[:1] for w in weights], data=data))
    weights = [w.clone() for w in weights]
    for w in weights:
        w[1], w[2, 0, 0] = 0.0, math.nan
    together = values(by_hand.scored(weights, data=data))
    for name in NAMES:
        assert together[name][0] == pytest.approx(alone[name][0])
        assert np.isnan(together[name][2])
    assert all(np.isnan(together[name][1]) for name in NAMES)


def test_the_curve_is_computed_once_for_a_population(by_hand):
    scored = by_hand.scored(by_hand.weights((3, 5, 2)))
    assert prune(scored) is prune(scored)
    assert prune(dataclasses.replace(scored)) is not prune(scored)


def test_path_strengths_multiply_along_and_add_over_paths():
    wiring = Wiring.layered((2, 2, 1))
    weights = {
        "layers.0.weight": torch.tensor([[[1.0, -2.0], [0.0, 4.0]]]),
        "layers.1.weight": torch.tensor([[[3.0, -6.0]]]),
    }
    reach = path_strengths(wiring, weights, "output")
    # scaled by the largest of each connection: 4 and 6
    np.testing.assert_allclose(reach["hidden1"][0, :, 0], [0.5, 1.0])
    np.testing.assert_allclose(reach["input"][0, :, 0], [0.25 * 0.5, 0.5 * 0.5 + 1.0])


def test_a_group_joined_to_itself_is_walked_through():
    groups = (Group("in", 1, "input", 0), Group("h", 3, "hidden", 1), Group("out", 1, "output", 2))
    wiring = Wiring(
        groups,
        (Connection("a", "in", "h"), Connection("b", "h", "h"), Connection("c", "h", "out")),
        (),
    )
    alive = {
        "a": torch.tensor([[[True], [False], [False]]]),
        "b": torch.tensor([[[0, 0, 0], [1, 0, 0], [0, 0, 0]]]).bool(),
        "c": torch.tensor([[[False, False, True]]]),
    }
    assert not any(v.any() for v in on_a_path(wiring, alive).values())
