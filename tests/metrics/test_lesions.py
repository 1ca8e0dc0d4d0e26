"""Lesion effect of modules: by hand, and where there is nothing to compare."""

import math

import numpy as np
import pytest
import torch

from bimt_bench.metrics import METRICS
from bimt_bench.metrics.lesions import Comparison, _figure, lesions
from bimt_bench.metrics.silence import silenced

LINEAR = torch.nn.Identity()
EYE = torch.eye(2, dtype=torch.float64)[None]


def effect(scored):
    return METRICS["lesion_effect"].compute(scored)


def exact(by_hand, weights):
    """A linear member that meets its targets, on inputs of equal variance."""
    inputs = torch.tensor([[a, b] for a in (1.0, -1.0) for b in (1.0, -1.0)], dtype=torch.float64)
    product = torch.linalg.multi_dot([w[0] for w in reversed(weights)])
    data = by_hand.data(inputs, inputs @ product.T)
    return by_hand.scored(weights, data=data, activation=LINEAR)


def test_modules_of_one_neuron_each_that_matter_alike_have_no_effect(by_hand):
    # every lesion, of a module or at random, costs one output of two
    assert effect(exact(by_hand, [EYE, EYE])) == pytest.approx([0.5])


def test_the_effect_by_hand_and_its_error():
    compared = [
        Comparison(2, 3.0, True, [0.5, 1.5]),
        Comparison(2, 0.0, True, [2.0, 2.0]),
        Comparison(1, 0.0, True, [0.0, 0.0]),  # costs nothing at all
    ]
    # sd / sqrt 2 of the first's others is 0.5; d effect / d mean = 3 / 16
    assert _figure(compared) == pytest.approx(((3 / 4 + 0) / 2, 0.5 * 3 / 16 / 2))
    assert _figure([Comparison(1, 1.0, False, [3.0, 1.0])]) == pytest.approx((1 / 3, 0.0))
    for nothing in ([], [Comparison(1, 0.0, False, [0.0])], [Comparison(1, math.nan, True, [1.0])]):
        assert np.isnan(_figure(nothing)).all()


def trained_by_half(by_hand, hidden=16, members=3):
    """Random members on targets that are the first's outputs, but for noise."""
    weights = by_hand.weights((4, hidden, hidden, 2), members=members, power=3)
    inputs = torch.randn((80, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    outputs = by_hand.scored([w[:1] for w in weights]).population.outputs(inputs)[0]
    noise = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1)).double() / 10
    same = [w[:1].expand(members, -1, -1).clone() for w in weights]
    return by_hand.scored(same, data=by_hand.data(inputs, outputs + noise))


def test_other_seeds_draw_other_sets_and_find_the_same_within_the_error(by_hand):
    scored = trained_by_half(by_hand)
    found, errors = effect(scored), METRICS["lesion_effect_error"].compute(scored)
    assert (errors > 0).all() and (errors <= 0.02).all()
    assert len({*found.tolist()}) > 1  # one network, three seeds
    # means of three lie within a few errors of each other
    assert np.ptp(found) < 4 * errors.max()
    again = effect(trained_by_half(by_hand))
    np.testing.assert_array_equal(again, found)


def test_where_there_are_few_sets_all_are_tried(by_hand):
    scored = trained_by_half(by_hand, hidden=4, members=2)
    assert METRICS["lesion_effect_error"].compute(scored).tolist() == [0.0, 0.0]
    found = effect(scored)
    assert found[0] == found[1]
    assert all(not one.drawn for member in lesions(scored) for one in member)


def test_a_member_that_is_no_better_than_a_constant_has_no_effect_to_measure(by_hand):
    weights = by_hand.weights((3, 8, 2), members=2)
    assert np.isnan(effect(by_hand.scored(weights))).all()  # on targets of noise


def test_a_module_that_does_the_work_outweighs_random_sets(by_hand):
    # two neurons compute both outputs; four others are wired to each other's inputs and outputs
    # with 1 % of the strength
    first = torch.cat([torch.eye(2), torch.full((4, 2), 0.01)]).double()
    draw = torch.Generator().manual_seed(0)
    first[2:] *= 1 + torch.rand((4, 2), generator=draw, dtype=torch.float64)
    scored = exact(by_hand, [first[None], first.mT[None].contiguous()])
    assert 0.5 < effect(scored)[0] < 1.0


def test_undefined_without_two_modules_and_for_broken_members(by_hand):
    weights = [EYE.repeat(4, 1, 1), EYE.repeat(4, 1, 1)]
    weights[0][1] = 0.0
    weights[0][2, 0, 0] = math.nan
    weights[0][3, 1], weights[1][3, :, 1] = 0.0, 0.0
    data = exact(by_hand, [EYE, EYE]).data
    found = effect(by_hand.scored(weights, data=data, activation=LINEAR))
    assert np.isnan(found).tolist() == [False, True, True, True]


def test_silence_reaches_every_fold(by_hand):
    scored = by_hand.scored(by_hand.weights((6, 4, 2)), input_folds=2)
    changed = silenced(scored, {"input": torch.tensor([[False, True, False]])})
    expected = scored.weights["layers.0.weight"].clone()
    expected[:, :, [1, 4]] = 0.0
    torch.testing.assert_close(changed["layers.0.weight"], expected)
