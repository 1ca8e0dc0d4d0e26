"""Connection cost and wire length against hand-computed values."""

import numpy as np
import pytest
import torch

from bimt_bench.metrics import METRICS

# Two inputs at 1/4 and 3/4, one output at 1/2: both wires are 1/4 long.
FIRST = torch.tensor([[[1.0, -3.0], [0.0, 2.0]]], dtype=torch.float64)  # 2 -> 2, distances 0, 1/2
SECOND = torch.tensor([[[-4.0, 5.0]]], dtype=torch.float64)  # 2 -> 1, distances 1/4


def value(name, scored):
    return METRICS[name].compute(scored)


def test_cost_at_unit_locality_by_hand(by_hand):
    scored = by_hand.scored([FIRST, SECOND])
    expected = 3 * 0.5 + (4 + 5) * 0.25
    assert value("connection_cost", scored) == pytest.approx([expected])
    mean = by_hand.scored([FIRST, SECOND], task=by_hand.task(reduce="mean"))
    assert value("connection_cost", mean) == pytest.approx([1.5 / 4 + 2.25 / 2])


def test_cost_as_configured_counts_the_tasks_spacing_and_the_biases_of_each_member(by_hand):
    weights = [w.expand(2, -1, -1) for w in (FIRST, SECOND)]
    bias = torch.tensor([[1.0, -2.0], [0.0, 0.0]], dtype=torch.float64)
    scored = by_hand.scored(weights, task=by_hand.task(locality=2.0, spacing=0.5))
    scored = by_hand.changed(scored, parameters={"layers.0.bias": bias})
    expected = [2 * 3.75 + 0.5 * (6 + 9) + 0.5 * 3, 2 * 3.75 + 0.5 * (6 + 9)]
    assert value("connection_cost_configured", scored) == pytest.approx(expected)
    assert value("connection_cost", scored) == pytest.approx([3.75, 3.75])


def test_cost_counts_an_embedding_by_the_mean(by_hand):
    task = by_hand.task(reduce="mean")
    scored = by_hand.scored([FIRST, SECOND], task=task)
    embedding = torch.full((1, 5, 2), -2.0, dtype=torch.float64)
    bias = by_hand.changed(scored, parameters={"layers.0.bias": embedding})
    extra = value("connection_cost_configured", bias) - value("connection_cost_configured", scored)
    assert extra == pytest.approx([2.0 * 0.1])


def test_no_locality_into_drops_distance_there_and_keeps_spacing(by_hand):
    scored = by_hand.scored([FIRST, SECOND], task=by_hand.task(no_locality_into=("output",)))
    assert value("connection_cost", scored) == pytest.approx([1.5])
    assert value("connection_cost_configured", scored) == pytest.approx([1.5 + 0.1 * 15])


def test_folds_repeat_the_distances_of_one_fold(by_hand):
    folded = torch.cat([FIRST, 10 * FIRST], dim=2)
    scored = by_hand.scored([folded, SECOND], input_folds=2)
    assert scored.population.distances(scored.wiring.connections[0]).shape == (1, 2, 2)
    assert value("connection_cost", scored) == pytest.approx([11 * 1.5 + 2.25])


def test_mean_wire_length_by_hand_and_undefined_without_weight(by_hand):
    weights = [torch.cat([w, torch.zeros_like(w)]) for w in (FIRST, SECOND)]
    scored = by_hand.scored(weights)
    np.testing.assert_allclose(value("mean_wire_length", scored), [3.75 / 15, np.nan])
    assert np.isnan(value("connection_cost", scored)[1])


def test_mean_wire_length_does_not_depend_on_scale(by_hand):
    weights = by_hand.weights((3, 5, 2))
    scaled = by_hand.scored([1e-30 * w for w in weights])
    expected = value("mean_wire_length", by_hand.scored(weights))
    assert value("mean_wire_length", scaled) == pytest.approx(expected)
