"""Lesion effect of modules: by hand, and where there is nothing to compare."""

import math

import numpy as np
import pytest
import torch

from bimt_bench.metrics import METRICS
from bimt_bench.metrics.lesions import _effect
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


def test_the_effect_by_hand_and_gains_count_as_no_damage():
    lost = np.array([3.0, *[1.0] * 5, -1.0, *[2.0] * 5, 0.0, *[0.0] * 5])
    assert _effect(lost) == pytest.approx((3 / 4 + 0 / 2) / 2)  # the third costs nothing at all
    assert math.isnan(_effect(np.zeros(12)))
    assert math.isnan(_effect(np.zeros(0)))


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
