"""Module and sharing recovery: ideal networks written by hand are perfect, mixed ones are not."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bimt_bench import data
from bimt_bench.metrics import METRICS, scorecards
from bimt_bench.spec import catalog

SQUARES = ("x0**2", "x0**2 + x1**2", "x0**2 + x1**2 + x2**2")
INDEPENDENT = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], dtype=bool)
SHARED = np.tril(np.ones((3, 3), dtype=bool))


def value(name, scored):
    return METRICS[name].compute(scored)


def uniform(shape, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=draw, dtype=torch.float64) * 2 - 1


def shipped(name):
    """A task of the catalogue and its own data, in the precision of weights written by hand."""
    task = catalog.task(name)
    loaded = data.load(task.data)
    doubled = dataclasses.replace(
        loaded, test_inputs=loaded.test_inputs.double(), test_targets=loaded.test_targets.double()
    )
    return {"task": task, "data": doubled}


def independence(by_hand, weights, labels=None):
    """Scored on the published independence task's own data; inputs in the order of `labels`."""
    scored = by_hand.scored(weights, **shipped("symbolic/independence"))
    if labels is None:
        return scored
    return by_hand.changed(scored, labels={"input": labels})


def ideal_independence(seed=0):
    """Hidden neurons 0-3 of each layer join output 0 to x1 and x3, 4-7 output 1 to the rest."""
    of_hidden, of_input, of_output = (
        torch.tensor(c) for c in ([0] * 4 + [1] * 4, [0, 1, 0, 1], [0, 1])
    )
    layers = [(of_hidden, of_input), (of_hidden, of_hidden), (of_output, of_hidden)]
    draw = torch.Generator().manual_seed(seed)
    return [
        (t[:, None] == s[None, :]).double()[None]
        * (0.5 + torch.rand((1, len(t), len(s)), generator=draw, dtype=torch.float64))
        for t, s in layers
    ]


def test_the_ideal_network_for_independence_is_perfect(by_hand):
    scored = independence(by_hand, ideal_independence())
    found = scorecards(scored, ["module_recovery", "input_leakage"]).loc[0]
    assert found["module_recovery"] == pytest.approx(1.0)
    assert found["input_leakage"] == pytest.approx(0.0, abs=1e-12)


def test_inputs_that_stand_elsewhere_are_known_by_their_labels(by_hand):
    order = [2, 0, 3, 1]  # position k holds input order[k]
    first, *above = ideal_independence()
    moved = independence(by_hand, [first[:, :, order], *above], labels=torch.tensor([order]))
    assert value("module_recovery", moved) == pytest.approx([1.0])
    unknown = independence(by_hand, [first[:, :, order], *above])
    assert value("module_recovery", unknown)[0] < 0.5


def test_a_random_network_recovers_nothing_on_average(by_hand):
    weights = by_hand.weights((4, 40, 40, 2), members=40, seed=1)
    found = value("module_recovery", independence(by_hand, weights))
    assert abs(found.mean()) < 0.1


def test_a_network_that_serves_one_component_tells_nothing_apart(by_hand):
    weights = ideal_independence()
    weights[2][0, 1] = 0.0
    assert value("module_recovery", independence(by_hand, weights)) == [0.0]
    assert np.isnan(value("module_recovery", independence(by_hand, [w * 0 for w in weights]))[0])


@settings(max_examples=10)
@given(seed=st.integers(0, 99), data=st.data())
def test_neurons_may_be_relabelled_within_their_groups(by_hand, seed, data):
    weights = by_hand.weights((4, 8, 6, 2), seed=seed, power=3)
    orders = [range(4), *(data.draw(st.permutations(range(n))) for n in (8, 6)), range(2)]
    moved = [w[:, list(orders[i + 1])][:, :, list(orders[i])] for i, w in enumerate(weights)]
    np.testing.assert_allclose(
        value("module_recovery", independence(by_hand, moved)),
        value("module_recovery", independence(by_hand, weights)),
        atol=1e-9,
    )


def sharing(by_hand, weights, name=None):
    """Squares in the first hidden layer, sums in the second; on data by hand or a task's own."""
    inputs = uniform((80, 3))
    targets = inputs.square().cumsum(dim=1)
    own = {"data": by_hand.data(inputs, targets, depends=SHARED, expressions=SQUARES)}
    activation = (torch.square, torch.nn.Identity())
    return by_hand.scored(weights, **(shipped(name) if name else own), activation=activation)


@pytest.mark.parametrize("name", [None, "symbolic/feature_sharing"], ids=["by hand", "shipped"])
def test_the_ideal_network_for_feature_sharing_is_perfect(by_hand, name):
    eye, steps = torch.eye(3, dtype=torch.float64), torch.tril(torch.ones(3, 3)).double()
    # squares; then x0^2 and x1^2 and x2^2 are handed on, and x0^2 + x1^2 is computed once
    second = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.float64)
    last = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 1]], dtype=torch.float64)
    scored = sharing(by_hand, [eye[None], second[None], last[None]], name)
    np.testing.assert_allclose(
        scored.test_outputs[0], scored.data.test_inputs.square() @ steps.T, atol=1e-12
    )
    found = scorecards(scored, ["sharing_recovery", "input_leakage", "r2"]).loc[0]
    assert found["sharing_recovery"] == pytest.approx(1.0)
    assert found["input_leakage"] == pytest.approx(0.0, abs=1e-12)
    assert found["r2"] == pytest.approx(1.0)


def test_three_separate_networks_share_nothing(by_hand):
    """Each output computes its own squares: no neuron serves two outputs."""
    first = torch.eye(3, dtype=torch.float64)[[0, 0, 1, 0, 1, 2]]
    second = torch.eye(6, dtype=torch.float64)
    last = torch.zeros(3, 6, dtype=torch.float64)
    for output, neurons in enumerate(([0], [1, 2], [3, 4, 5])):
        last[output, neurons] = 1.0
    scored = sharing(by_hand, [first[None], second[None], last[None]])
    np.testing.assert_allclose(scored.test_outputs[0], scored.data.test_targets, atol=1e-12)
    assert value("sharing_recovery", scored) == [0.0]


def test_the_best_single_neuron_counts(by_hand):
    # x0^2 and x1^2 serve both outputs 1 and 2, but no neuron holds their sum
    eye = torch.eye(3, dtype=torch.float64)[None]
    scored = sharing(by_hand, [eye, eye, torch.tril(torch.ones(3, 3)).double()[None]])
    squares = scored.data.test_inputs.square().numpy()
    both = max(abs(np.corrcoef(squares[:, i], squares[:, :2].sum(axis=1))[0, 1]) for i in (0, 1))
    assert value("sharing_recovery", scored) == pytest.approx([(1 + both) / 2])


def test_what_a_task_lacks_leaves_the_metric_missing(by_hand):
    scored = independence(by_hand, ideal_independence())
    frame = scorecards(scored, ["sharing_recovery", "fourier_gini"])
    assert frame.isna().all(axis=None)
    squares = [torch.eye(3, dtype=torch.float64)[None]] * 3
    assert scorecards(sharing(by_hand, squares), ["module_recovery"]).isna().all(axis=None)
    assert not scored.data.truth.shared
