"""Ablation selectivity and agreement of anatomy and function: by hand, extremes, invariances."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench.engine import Population
from bimt_bench.metrics import METRICS
from bimt_bench.metrics.functional import _near, _neighbours
from bimt_bench.spec import DISTANCES, GeometrySpec, choose

LINEAR = torch.nn.Identity()


def value(name, scored):
    return METRICS[name].compute(scored)


def normal(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def fitted(by_hand, weights, *, activation=LINEAR):
    """Scored on targets that the first member meets exactly."""
    inputs = normal((60, weights[0].shape[2]))
    first = by_hand.scored([w[:1] for w in weights], activation=activation)
    data = by_hand.data(inputs, first.population.outputs(inputs)[0])
    return by_hand.scored(weights, data=data, activation=activation)


def test_neurons_for_one_output_each_and_for_both_alike(by_hand):
    eye = torch.eye(2, dtype=torch.float64)[None]
    assert value("ablation_selectivity", fitted(by_hand, [eye, eye])) == pytest.approx([1.0])
    both = torch.ones((1, 2, 2), dtype=torch.float64)
    assert value("ablation_selectivity", fitted(by_hand, [eye, both])) == pytest.approx([0.0])


def test_selectivity_is_weighted_by_the_damage(by_hand):
    # inputs of variance 1; neuron 0 carries 2 x to output 0, neuron 1 x to output 0 and 1
    inputs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).double()
    eye = torch.eye(2, dtype=torch.float64)[None]
    last = torch.tensor([[[2.0, 1.0], [0.0, 1.0]]], dtype=torch.float64)
    data = by_hand.data(inputs, inputs @ last[0].T)
    scored = by_hand.scored([eye, last], data=data, activation=LINEAR)
    # damages [4, 0] and [1, 1]: selectivity 1 and 0
    assert value("ablation_selectivity", scored) == pytest.approx([4 / 6])


def test_classes_are_told_apart_by_their_rows(by_hand):
    # each neuron holds up its own class; rows of the other class get surer without it
    eye = torch.eye(2, dtype=torch.float64)[None]
    data = by_hand.data(eye[0].repeat(4, 1) * 5, torch.tensor([0, 1] * 4))
    task = by_hand.task(loss="cross_entropy", performance="accuracy")
    scored = by_hand.scored([eye, eye], data=data, task=task, activation=LINEAR)
    assert value("ablation_selectivity", scored) == pytest.approx([1.0])


def test_without_damage_selectivity_is_undefined(by_hand):
    dead = [torch.zeros((1, 3, 2)).double(), torch.zeros((1, 2, 3)).double()]
    assert np.isnan(value("ablation_selectivity", by_hand.scored(dead))[0])


def two_halves(members=1):
    """Two disjoint networks, each of which reads one input with all its neurons."""
    first = torch.zeros((members, 8, 2), dtype=torch.float64)
    first[:, :4, 0], first[:, 4:, 1] = 1.0, 1.0
    last = first.mT.clone()
    return [first, last]


def test_wired_modules_that_work_together_agree(by_hand):
    scored = by_hand.scored(two_halves(), activation=LINEAR)
    assert value("anatomy_function_agreement", scored) == pytest.approx([1.0])


def test_modules_that_work_across_do_not_agree(by_hand):
    first, last = two_halves()
    # modules by wires, but the activations pair neurons 0, 1, 4, 5 with each other
    noise = normal((40, 2))
    across = torch.stack([noise[:, (i // 2) % 2] for i in range(8)], dim=1)
    inputs = by_hand.data(normal((40, 2)), normal((40, 2)))
    scored = by_hand.scored(
        # asked in whole lines: 64 rows
        [first, last],
        data=inputs,
        activation=lambda z: across[torch.arange(z.shape[1]) % 40].expand_as(z),
    )
    assert value("anatomy_function_agreement", scored)[0] < 0.1


def test_one_module_and_broken_members_are_undefined(by_hand):
    weights = [w.clone() for w in two_halves(4)]
    weights[0][1], weights[1][1] = 0.0, 0.0
    weights[0][2, 0, 0] = math.nan
    weights[0][3, 1:], weights[1][3, :, 1:] = 0.0, 0.0  # only one neuron is left
    found = value("anatomy_function_agreement", by_hand.scored(weights, activation=LINEAR))
    assert np.isnan(found).tolist() == [False, True, True, True]


def on_a_line(by_hand, order, shuffles=20):
    """Two networks of two hidden neurons each, standing in the given order."""
    first, last = (w.clone() for w in two_halves())
    first, last = first[:, [0, 1, 4, 5]][:, order], last[:, :, [0, 1, 4, 5]][:, :, order]
    return by_hand.scored([first, last], activation=LINEAR, shuffles=shuffles)


def test_neighbours_that_work_together_are_not_isolated(by_hand):
    assert value("isolated_ratio", on_a_line(by_hand, [0, 1, 2, 3])) == [0.0]


def test_neighbours_that_work_apart_are_isolated_twice_as_often_as_by_chance(by_hand):
    # of aabb, abab, abba and their mirror images 0, 4 and 2 of 4 neurons are isolated: 2 by chance
    found = value("isolated_ratio", on_a_line(by_hand, [0, 2, 1, 3], shuffles=4000))
    assert found == pytest.approx([2.0], rel=0.05)
    half = value("isolated_ratio", on_a_line(by_hand, [0, 2, 3, 1], shuffles=4000))
    assert half == pytest.approx([1.0], rel=0.05)


def test_permutations_go_on_until_the_ratio_is_known(by_hand):
    scored = on_a_line(by_hand, [0, 2, 3, 1], shuffles=3)
    found, error = value("isolated_ratio", scored), value("isolated_ratio_error", scored)
    assert 0 < error[0] <= 0.05
    assert abs(found[0] - 1.0) < 4 * error[0]


def near(places, distance):
    return _neighbours(np.asarray(places, dtype=float), choose(DISTANCES, distance))


@pytest.mark.parametrize("distance", ["l1", "l2", "squared"])
def test_on_a_grid_diagonals_are_neighbours(distance):
    grid = np.stack(np.meshgrid([0.25, 0.5, 0.75], [0.25, 0.5, 0.75]), axis=-1).reshape(-1, 2)
    assert near(grid, distance).sum(axis=1).tolist() == [3, 5, 3, 5, 8, 5, 3, 5, 3]
    assert not near(grid[:1], distance).any()


@pytest.mark.parametrize("distance", ["l1", "l2", "squared"])
def test_on_a_line_there_is_one_on_either_side(distance):
    line = [[k / 5, 0.5] for k in range(5)]
    assert near(line, distance).sum(axis=1).tolist() == [1, 2, 2, 2, 1]


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_round_a_torus_everybody_has_eight_neighbours(norm):
    places = np.stack(np.meshgrid(*[(np.arange(5) + 0.5) / 5] * 2), axis=-1).reshape(-1, 2)
    wrapped = near(places, {"kind": "wrapped", "norm": norm})
    assert (wrapped.sum(axis=1) == 8).all() and (wrapped == wrapped.T).all()
    assert wrapped[0, 4] and wrapped[0, 20] and wrapped[0, 24]  # over the edges and the corner


def test_in_a_cube_the_diagonals_of_its_sides_are_neighbours():
    axis = [0.25, 0.5, 0.75]
    cube = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    assert near(cube, "l1").sum(axis=1)[13] == 6 + 12  # the middle: sides and edges, no corners


@settings(max_examples=8)
@given(seed=st.integers(0, 99), data=st.data())
def test_relabelled_neurons_and_members_change_nothing(by_hand, seed, data):
    weights = by_hand.weights((3, 9, 2), members=2, seed=seed, power=2)
    order = list(data.draw(st.permutations(range(9))))
    moved = [weights[0].flip(0)[:, order], weights[1].flip(0)[:, :, order]]
    here, there = by_hand.scored(weights, seeds=(0, 1)), by_hand.scored(moved, seeds=(1, 0))
    for name in ("ablation_selectivity", "anatomy_function_agreement"):
        np.testing.assert_allclose(value(name, there)[::-1], value(name, here), rtol=1e-7)


def test_a_member_s_own_distance_says_who_its_neighbours_are(by_hand):
    scored = by_hand.scored([normal((1, 16, 2)), normal((1, 2, 16))])
    found = []
    for distance in ("l2", {"kind": "wrapped", "norm": "l2"}):
        placed = {"name": "own", "hidden": {"kind": "grid"}, "distance": distance}
        spec = GeometrySpec.model_validate(placed)
        population = Population(scored.population.architecture, [spec], dtype=torch.float64)
        near = _near(dataclasses.replace(scored, population=population), 0, "hidden1")
        found.append(near.sum(axis=1).tolist())
    assert found[0] == [3, 5, 5, 3, 5, 8, 8, 5, 5, 8, 8, 5, 3, 5, 5, 3]
    assert found[1] == [8] * 16
