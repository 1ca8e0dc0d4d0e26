"""Sparsity metrics: closed forms, scale, zero and NaN."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.metrics import METRICS


def values(scored):
    return [METRICS[n].compute(scored) for n in ("effective_connections", "participation_ratio")]


@pytest.mark.parametrize("alive", [1, 3, 8])
def test_equal_weights_count_themselves(by_hand, alive):
    first = torch.zeros(1, 8, dtype=torch.float64)
    first[0, :alive] = torch.tensor([1.0, -1.0]).repeat(4)[:alive]
    effective, participation = values(by_hand.scored([first.reshape(1, 2, 4)]))
    assert effective == pytest.approx([alive / 8])
    assert participation == pytest.approx([alive])


def test_unequal_weights_by_hand(by_hand):
    scored = by_hand.scored([torch.tensor([[[3.0, -1.0]]], dtype=torch.float64)])
    effective, participation = values(scored)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective == pytest.approx([math.exp(entropy) / 2])
    assert participation == pytest.approx([16 / 10])


def test_no_weight_and_nan_are_undefined(by_hand):
    weights = torch.tensor([[[1.0, 2.0]], [[0.0, 0.0]], [[1.0, math.nan]]], dtype=torch.float64)
    for column in values(by_hand.scored([weights])):
        assert np.isnan(column).tolist() == [False, True, True]


@given(seed=st.integers(0, 99), scale=st.sampled_from([1e-200, 1e-3, 7.0, 1e150]))
def test_scale_and_places_do_not_matter(by_hand, seed, scale):
    weights = by_hand.weights((3, 4, 2), seed=seed)
    moved = [scale * w.flip(1).flip(2) for w in weights]
    for one, other in zip(
        values(by_hand.scored(weights)), values(by_hand.scored(moved)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-10)
