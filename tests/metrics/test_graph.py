"""The neuron graph: folds, loops, dead neurons, and what its shuffles keep."""

import numpy as np
import pytest

from bimt_bench.metrics.graph import NEGLIGIBLE, NeuronGraph, neuron_graph
from bimt_bench.network.wiring import Connection, Group, Wiring


def dense(graph):
    """The adjacency of a graph, its nodes in the order of their strength."""
    adjacency = np.zeros((graph.nodes, graph.nodes))
    adjacency[tuple(graph.edges.T)] = graph.edge_weights
    return adjacency + adjacency.T


def strengths(graph):
    return sorted(dense(graph).sum(axis=0))


def test_folds_between_the_same_neurons_are_one_edge():
    wiring = Wiring.layered((2, 1), input_folds=2)
    graph = neuron_graph(wiring, {"layers.0.weight": np.array([[1.0, -2.0, 3.0, 4.0]])})
    assert graph is not None
    assert (graph.nodes, len(graph.edges)) == (3, 2)
    np.testing.assert_allclose(strengths(graph), [4 / 4, 6 / 4, 10 / 4])


def test_both_directions_of_a_group_onto_itself_are_one_edge_and_loops_are_left_out():
    wiring = Wiring((Group("state", 3, "hidden", 0),), (Connection("w", "state", "state"),), ())
    weights = np.array([[9.0, 1.0, 0.0], [2.0, 9.0, 0.0], [0.0, 0.0, 9.0]])
    graph = neuron_graph(wiring, {"w": weights})
    assert graph is not None
    np.testing.assert_allclose(dense(graph), np.array([[0, 3], [3, 0]]) / 9)
    assert neuron_graph(wiring, {"w": np.eye(3)}) is None


def test_negligible_weights_are_zero_and_isolated_neurons_leave():
    wiring = Wiring.layered((3, 2))
    weights = np.array([[2.0, 3 * NEGLIGIBLE, 0.0], [0.0, 0.0, 1.9 * NEGLIGIBLE]])
    graph = neuron_graph(wiring, {"layers.0.weight": weights})
    assert graph is not None
    assert (graph.nodes, len(graph.edges)) == (3, 2)
    np.testing.assert_allclose(sorted(graph.weights), [1.5 * NEGLIGIBLE, 1.0])


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_without_a_finite_weight_there_is_no_graph(bad):
    wiring = Wiring.layered((2, 2))
    weights = np.zeros((2, 2))
    weights[0, 1] = bad
    assert neuron_graph(wiring, {"layers.0.weight": weights}) is None


def graph_with_zeros():
    draw = np.random.default_rng(3)
    wiring = Wiring.layered((4, 6, 3))
    weights = {
        c.parameter: draw.normal(size=(wiring.group(c.target).size, wiring.group(c.source).size))
        * (draw.random((wiring.group(c.target).size, wiring.group(c.source).size)) < 0.5)
        for c in wiring.connections
    }
    graph = neuron_graph(wiring, weights)
    assert graph is not None
    return graph


@pytest.mark.parametrize("shuffle", [NeuronGraph.shuffled, NeuronGraph.shuffled_nonzero])
def test_a_shuffle_keeps_the_weights_of_every_connection(shuffle):
    graph = graph_with_zeros()
    shuffled, other = shuffle(graph, np.random.default_rng(0), 2)
    assert not np.array_equal(shuffled, other)
    assert not np.array_equal(shuffled, graph.weights)
    assert len(graph.layers) == 2
    for layer in graph.layers:
        np.testing.assert_array_equal(np.sort(shuffled[layer]), np.sort(graph.weights[layer]))


def test_only_the_full_shuffle_moves_the_zeros():
    graph = graph_with_zeros()
    kept = graph.shuffled_nonzero(np.random.default_rng(0), 3) > 0
    moved = graph.shuffled(np.random.default_rng(0), 3) > 0
    np.testing.assert_array_equal(kept, np.tile(graph.weights > 0, (3, 1)))
    assert (moved != (graph.weights > 0)).any(axis=1).all()
