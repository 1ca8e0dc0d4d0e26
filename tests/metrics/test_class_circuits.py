"""Circuits of single outputs: known by construction."""

import numpy as np
import pytest
import torch

from bimt_bench.metrics import METRICS, scorecards


def size(scored):
    return METRICS["circuit_size_per_class"].compute(scored)


def linear(by_hand, coefficients, *, noise=0.0):
    """A linear member that fits its targets exactly, but for a constant `noise` in them."""
    weight = torch.tensor(coefficients, dtype=torch.float64)[None]
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn((400, weight.shape[2]), generator=draw, dtype=torch.float64)
    inputs = (inputs - inputs.mean(dim=0)) @ torch.linalg.inv(
        torch.linalg.cholesky(inputs.T.cov()).T
    )
    data = by_hand.data(inputs, inputs @ weight[0].T + noise)
    return by_hand.scored([weight], data=data)


def test_outputs_of_their_own_need_a_part_each_and_mixed_ones_everything(by_hand):
    assert size(linear(by_hand, [[3.0, 0.0], [0.0, 2.0]])) == pytest.approx([1 / 4])
    assert size(linear(by_hand, [[1.0, 1.0], [1.0, -2.0]])) == pytest.approx([2 / 4])


def test_an_output_may_lose_its_share_of_what_a_circuit_may(by_hand):
    # loss 1; losing w costs w^2 / 2, and 0.05 / 2 is allowed
    found = size(linear(by_hand, [[3.0, 0.2], [0.3, 2.0]], noise=1.0))
    assert found == pytest.approx([(1 / 4 + 2 / 4) / 2])


def test_two_networks_side_by_side_need_half_of_the_circuit_each(by_hand):
    eye = torch.eye(2, dtype=torch.float64)[None]
    inputs = torch.randn((50, 2), generator=torch.Generator().manual_seed(0)).double()
    data = by_hand.data(inputs, inputs)
    scored = by_hand.scored([2 * eye, eye / 2], data=data, activation=torch.nn.Identity())
    found = scorecards(scored, ["circuit_size", "circuit_size_per_class"]).loc[0]
    assert found.tolist() == pytest.approx([4 / 8, 2 / 8])


def test_outputs_are_known_by_their_labels(by_hand):
    scored = linear(by_hand, [[3.0, 1.0, 0.5], [0.0, 2.0, 0.0]], noise=0.1)
    moved = by_hand.changed(
        scored,
        labels={"output": torch.tensor([[1, 0]])},
        parameters={"layers.0.weight": scored.weights["layers.0.weight"].flip(1)},
        run=lambda own, x: ((x @ own["layers.0.weight"].mT).flip(2), {}),
    )
    for one in (scored, moved):
        assert size(one) == pytest.approx([(3 + 1) / 2 / 6])


def test_dead_and_broken_members(by_hand):
    weights = by_hand.weights((3, 4, 2), members=3)
    weights[0][1], weights[1][1], weights[0][2, 0, 0] = 0.0, 0.0, torch.nan
    inputs = torch.randn((30, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fitted = by_hand.scored([w[:1] for w in weights]).population.outputs(inputs)[0]
    found = size(by_hand.scored(weights, data=by_hand.data(inputs, fitted + 0.1)))
    assert 0 < found[0] <= 1
    assert np.isnan(found[1:]).all()
