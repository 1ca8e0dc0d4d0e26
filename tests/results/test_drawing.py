"""What a drawing holds: labels in place, wires with signs and widths, folds, thinning."""

import numpy as np
import pytest

from bimt_bench.network import Connection, Group, Wiring
from bimt_bench.results.drawing import NetworkDrawing
from tests import hand_made


def line(n):
    return np.stack([(np.arange(n) + 0.5) / n, np.full(n, 0.5)], axis=1)


def drawn(wiring, weights, coordinates, labels, inputs, outputs, **other):
    """The drawing of a member: weights, coordinates and labels without a member axis."""
    one = {name: value[None] for name, value in weights.items()}
    standing = {name: order[None] for name, order in labels.items()}
    population = hand_made.population(wiring, one, labels=standing, coordinates=coordinates)
    return NetworkDrawing.of(population, inputs, outputs, **other)


def drawing(weights=None, *, sizes=(2, 3, 1), coordinates=None, labels=None, **other):
    wiring = Wiring.layered(sizes)
    names = [g.name for g in wiring.groups]
    if weights is None:
        rng = np.random.default_rng(0)
        pairs = enumerate(zip(sizes[1:], sizes[:-1], strict=True))
        weights = {f"layers.{i}.weight": rng.normal(size=shape) for i, shape in pairs}
    if coordinates is None:
        coordinates = {n: line(s) for n, s in zip(names, sizes, strict=True)}
    inputs = tuple(f"x{i + 1}" for i in range(sizes[0]))
    return drawn(wiring, weights, coordinates, labels or {}, inputs, ("y",), **other)


def test_a_wire_keeps_its_ends_sign_and_share_of_the_largest():
    weights = {
        "layers.0.weight": np.array([[0.0, 2.0], [-1.0, 0.0], [0.0, 0.0]]),
        "layers.1.weight": np.array([[0.0, 0.0, -8.0]]),
    }
    first, second = drawing(weights).wires
    assert list(zip(first.sources, first.targets, strict=True)) == [(0, 1), (1, 0)]
    np.testing.assert_array_equal(first.weights, [-1.0, 2.0])
    np.testing.assert_array_equal(first.widths, [0.5, 1.0])
    assert (second.sources.tolist(), second.targets.tolist()) == ([2], [0])
    np.testing.assert_array_equal(second.widths, [1.0])


def test_labels_are_those_that_stand_at_each_position():
    result = drawing(labels={"input": np.array([1, 0])})
    assert [p.labels for p in result.planes] == [("x2", "x1"), (), ("y",)]


@pytest.mark.parametrize(("size", "labelled"), [(40, True), (41, False)])
def test_crowded_groups_carry_no_labels(size, labelled):
    assert bool(drawing(sizes=(size, 2, 1)).planes[0].labels) is labelled


def test_folds_become_planes_and_part_the_axis():
    wiring = Wiring.layered((3, 2), input_folds=2, embedding=True)
    matrix = np.zeros((2, 6))
    matrix[0, 1], matrix[1, 5] = 1.0, -1.0
    result = drawn(
        wiring,
        {"layers.0.weight": matrix},
        {"input": line(3), "output": line(2)},
        {},
        ("a", "b"),
        ("even", "odd"),
    )
    assert [(p.group, p.fold, p.name) for p in result.planes] == [
        ("input", 0, "a"),
        ("input", 1, "b"),
        ("output", 0, ""),
    ]
    assert [(w.source_plane, w.sources.tolist(), w.targets.tolist()) for w in result.wires] == [
        (0, [1], [0]),
        (1, [2], [1]),
    ]


def test_folds_that_are_targets():
    wiring = Wiring(
        groups=(Group("input", 2, "input", 0), Group("heads", 1, "output", 1)),
        connections=(Connection("qkv", "input", "heads", target_folds=3),),
        attachments=(),
    )
    places = {"input": line(2), "heads": line(1)}
    matrix = {"qkv": np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])}
    result = drawn(wiring, matrix, places, {}, ("x1", "x2"), ("y",))
    assert [(w.target_plane, w.sources.tolist()) for w in result.wires] == [
        (1, [0]),
        (2, [1]),
        (3, [0]),
    ]


def test_only_the_strongest_wires_are_drawn_and_counted():
    weights = {
        "layers.0.weight": np.array([[1.0, 0.9], [0.8, 0.02], [0.0, -0.7]]),
        "layers.1.weight": np.array([[0.1, 0.1, 0.1]]),
    }
    result = drawing(weights, most=3, faintest=0.05)
    np.testing.assert_array_equal(result.wires[0].weights, [0.8, 0.9, 1.0])
    assert (result.drawn, result.eligible, result.total) == (6, 7, 9)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_member_without_weights_has_no_wires(value):
    weights = {"layers.0.weight": np.full((3, 2), value), "layers.1.weight": np.full((1, 3), value)}
    result = drawing(weights)
    assert (result.drawn, result.total) == (0, 9)


def test_flat_unless_a_group_fills_a_plane():
    assert drawing().is_flat
    square = np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75]])
    groups = {"input": line(2), "hidden1": square, "output": line(1)}
    assert not drawing(coordinates=groups).is_flat
