"""Input leakage: linear maps in closed form, separable networks, undefined cases."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.metrics import METRICS

DIAGONAL = np.eye(2, dtype=bool)


def leakage(scored):
    return METRICS["input_leakage"].compute(scored)


def unit_data(by_hand, targets=None, depends=DIAGONAL):
    """Two inputs of standard deviation 1 and 2; targets of standard deviation 1 and 4."""
    signs = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]], dtype=torch.float64)
    inputs = signs * torch.tensor([1.0, 2.0])
    default = signs * torch.tensor([1.0, 4.0])
    return by_hand.data(inputs, default if targets is None else targets, depends=depends)


def test_a_linear_map_leaks_by_its_scaled_coefficients(by_hand):
    weights = torch.tensor([[[3.0, -1.0], [8.0, 2.0]]], dtype=torch.float64)
    scored = by_hand.scored([weights], data=unit_data(by_hand))
    # S = |W| std(x) / std(t) = [[3, 2], [2, 1]]
    assert leakage(scored) == pytest.approx([4 / 8])


def test_slopes_do_not_cancel_over_the_data(by_hand):
    weights = [torch.eye(2, dtype=torch.float64)[None], torch.tensor([[[1.0, 0.5], [0.0, 1.0]]])]
    scored = by_hand.scored(
        [weights[0], weights[1].double()], data=unit_data(by_hand), activation=torch.square
    )
    # dy/dx = 2 x W: mean |2 x| = (2, 4), so S = [[2, 0.5 * 4 * 2], [0, 4 * 2 / 4]]
    assert leakage(scored) == pytest.approx([4 / 8])


@given(seed=st.integers(0, 50))
def test_a_separable_network_leaks_nothing_and_a_crossed_one_everything(by_hand, seed):
    blocks = [
        w * torch.eye(2).repeat_interleave(w.shape[1] // 2, 0).repeat_interleave(w.shape[2] // 2, 1)
        for w in by_hand.weights((2, 6, 2), seed=seed)
    ]
    crossed = [blocks[0], blocks[1].flip(1)]
    both = [torch.cat(pair) for pair in zip(blocks, crossed, strict=True)]
    scored = by_hand.scored(both, data=unit_data(by_hand))
    np.testing.assert_allclose(leakage(scored), [0.0, 1.0], atol=1e-15)


def test_forward_slopes_are_those_of_backward(by_hand):
    weights = by_hand.weights((2, 7, 2), members=3)
    scored = by_hand.scored(weights, data=unit_data(by_hand))
    inputs = scored.data.test_inputs.clone().requires_grad_()
    expected = []
    for member in range(3):
        totals = [scored.population.outputs(inputs)[member, :, o].sum() for o in range(2)]
        slopes = torch.stack([torch.autograd.grad(total, inputs)[0] for total in totals])
        mass = slopes.abs().mean(dim=1) * torch.tensor([[1.0, 2.0], [0.25, 0.5]])
        expected.append(((mass[0, 1] + mass[1, 0]) / mass.sum()).item())
    assert leakage(scored) == pytest.approx(expected)


def test_units_of_inputs_and_targets_do_not_count(by_hand):
    weights = by_hand.weights((2, 5, 2))
    data = unit_data(by_hand)
    rescaled = by_hand.data(data.test_inputs * 8, data.test_targets, depends=DIAGONAL)
    one = by_hand.scored(weights, data=data)
    other = by_hand.scored([weights[0] / 8, weights[1]], data=rescaled)
    assert leakage(other) == pytest.approx(leakage(one))


def test_a_member_that_ignores_its_inputs_is_undefined(by_hand):
    weights = torch.stack([torch.eye(2), torch.zeros(2, 2), torch.full((2, 2), torch.nan)]).double()
    scored = by_hand.scored([weights], data=unit_data(by_hand))
    np.testing.assert_array_equal(leakage(scored), [0.0, np.nan, np.nan])


def test_a_constant_target_is_not_rescaled(by_hand):
    constant = torch.tensor([[1.0, 3.0], [-1.0, 3.0], [1.0, 3.0], [-1.0, 3.0]], dtype=torch.float64)
    data = unit_data(by_hand, targets=constant, depends=np.array([[True, False], [False, False]]))
    scored = by_hand.scored([torch.eye(2, dtype=torch.float64)[None]], data=data)
    assert leakage(scored) == pytest.approx([2 / 3])


def test_without_ground_truth_the_metric_refuses(by_hand):
    scored = by_hand.scored([torch.eye(2, dtype=torch.float64)[None]])
    with pytest.raises(ValueError, match="no ground truth"):
        leakage(scored)
