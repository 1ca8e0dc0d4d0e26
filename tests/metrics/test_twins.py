"""Neurons that send the same count as what is left of them together."""

import numpy as np
import pytest
import torch

from bimt_bench.metrics.attribution import attributions, merged_attributions
from bimt_bench.metrics.twins import Twins, merged, net, twins_among
from bimt_bench.network import Connection, Group, Wiring
from tests.metrics.test_attribution import LINEAR, SIGNS, edges


def graph_of(by_hand, into, out):
    data = by_hand.data(SIGNS, SIGNS[:, :1].clone())
    weights = [torch.tensor([one], dtype=torch.float64) for one in (into, out)]
    return edges(attributions(by_hand.scored(weights, data=data, activation=LINEAR))[0])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_twins_add_is_what_flows(by_hand, sign):
    # h1 and h2 send x1, the second perhaps turned round, h3 sends 2 x2; 3 and -2 leave 1 of 5
    into = [[1.0, 0.0], [sign, 0.0], [0.0, 2.0]]
    found = graph_of(by_hand, into, [[3.0, -2.0 * sign, 1.0]])
    flows = {0: 3 / 5, 1: 2 / 5, 2: 2.0}
    for neuron, flow in flows.items():
        assert found[(1, neuron), (2, 0)] == pytest.approx(flow / 3.0)


def test_twins_that_cancel_out_are_not_there(by_hand):
    found = graph_of(by_hand, [[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [[3.0, -3.0, 1.0]])
    assert found == {((0, 1), (1, 2)): 1.0, ((1, 2), (2, 0)): 1.0}


def test_twins_that_pull_together_and_neurons_that_are_nearly_alike_stay_as_they_are(by_hand):
    together = graph_of(by_hand, [[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [[3.0, 2.0, 1.0]])
    assert together[(1, 0), (2, 0)] == pytest.approx(3 / 7)
    nearly = graph_of(by_hand, [[1.0, 0.01], [1.0, 0.0], [0.0, 2.0]], [[3.0, -2.0, 1.0]])
    assert nearly[(1, 0), (2, 0)] == pytest.approx(3 / 7, rel=1e-3)


def test_constants_and_what_is_not_finite_have_no_twins():
    active = torch.tensor([[[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], [[0.0, 0.0, 1.0], [1.0, 1.0, 2.0]]])
    active = active.double()
    spread = active.std(dim=1, correction=0)
    (one,) = [found for found in twins_among(active, spread) if found.member == 1]
    assert one.positions.tolist() == [0, 1, 2] and one.signs.tolist() == [1.0, 1.0, 1.0]
    assert [found.member for found in twins_among(active, spread)] == [1]
    active[1, 0, 0] = torch.inf
    (left,) = twins_among(active, torch.ones_like(spread))
    assert left.positions.tolist() == [1, 2]


def test_folds_and_windows_of_twins_cancel_entry_by_entry():
    connection = Connection("w", "h", "y", source_folds=2)
    active = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]], dtype=torch.float64)
    spread = active.std(dim=1, correction=0)
    twins = {"h": twins_among(active, spread)}
    # two twins in two folds, windows of two entries: in the first fold one entry cancels out
    weight = torch.tensor([[[[1.0, 2.0], [-1.0, 2.0], [1.0, 0.0], [-1.0, 0.0]]]]).double()
    both = spread.repeat(1, 2)
    flows = weight.abs().flatten(3).sum(dim=3) * both[:, None]
    found = net(connection, flows, weight, both, twins)
    torch.testing.assert_close(found / flows, torch.tensor([[[4 / 6, 4 / 6, 0.0, 0.0]]]).double())


def test_a_neuron_split_in_two_is_one_neuron_of_the_merged_graph(by_hand):
    data = by_hand.data(SIGNS, SIGNS[:, :1].clone())

    def merged_graph(into, out):
        weights = [torch.tensor([one], dtype=torch.float64) for one in (into, out)]
        return edges(merged_attributions(by_hand.scored(weights, data=data, activation=LINEAR))[0])

    clean = merged_graph([[1.0, 0.5], [0.0, 0.0], [0.0, 2.0]], [[3.0, 0.0, 1.0]])
    split = merged_graph([[1.0, 0.5], [-2.0, -1.0], [0.0, 2.0]], [[1.0, -1.0, 1.0]])
    assert split == pytest.approx(clean)
    opposed = merged_graph([[1.0, 0.5], [1.0, 0.5], [0.0, 2.0]], [[8.0, -5.0, 1.0]])
    assert opposed == pytest.approx(clean)


def test_twins_of_a_group_that_is_joined_to_itself_are_gathered_on_both_sides():
    groups = (Group("x", 1, "input", 0), Group("h", 3, "hidden", 1))
    wiring = Wiring(groups, (Connection("w", "x", "h"), Connection("u", "h", "h")), ())
    twins = {"h": [Twins(0, torch.tensor([0, 2]), torch.ones(2).double())]}
    given = {"w": np.array([[[1.0], [2.0], [4.0]]]), "u": np.arange(9.0).reshape(1, 3, 3)}
    found = merged(wiring, given, twins)
    np.testing.assert_array_equal(found["w"][0], [[5.0], [2.0], [0.0]])
    np.testing.assert_array_equal(found["u"][0], [[16, 8, 0], [8, 4, 0], [0, 0, 0]])
    assert given["w"].tolist() == [[[1.0], [2.0], [4.0]]]
