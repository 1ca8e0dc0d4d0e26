"""A population as the record of its members: to arrays and back."""

import numpy as np
import pytest
import torch

from bimt_bench.engine import Population
from bimt_bench.ground import InputError
from bimt_bench.network import EmbeddingMlp, Mlp
from bimt_bench.network.geometry import named

ARCHITECTURES = {
    "wide": Mlp((300, 7, 3), pinned=("input",)),
    "labels on both sides": Mlp((4, 9, 9, 2)),
    "embedded": EmbeddingMlp((3, 7, 5), tokens=6, folds=2, pinned=("output",)),
}


@pytest.fixture(params=ARCHITECTURES)
def population(request):
    """Three members in two geometries; what may be relabelled is."""
    architecture = ARCHITECTURES[request.param]
    geometries = [named(name) for name in ("line", "ring_l2", "cube")]
    found = Population(architecture, geometries, dtype=torch.float64)
    found.start("test/task", [0, 1, 2])
    generator = torch.Generator().manual_seed(0)
    for name, labels in found.labels.items():
        size = labels.shape[1]
        found.relabel(name, torch.stack([torch.randperm(size, generator=generator)] * 3))
    return found


def inputs_of(population):
    if "embedding.weight" in population.parameters:
        return torch.tensor([[0, 5], [3, 2], [1, 1]])
    width = population.wiring.group("input").size
    generator = torch.Generator().manual_seed(1)
    return torch.randn(5, width, generator=generator, dtype=torch.float64)


def test_members_come_back_to_the_bit_in_any_order(population):
    order = [2, 0, 1]
    back = Population.of(
        population.architecture,
        [population.arrays(index) for index in order],
        [population.geometries[index] for index in order],
    )
    assert torch.equal(back.flat, population.flat[order])
    inputs = inputs_of(population)
    torch.testing.assert_close(back.outputs(inputs), population.outputs(inputs)[order])
    for mine, theirs in (
        (back.labels, population.labels),
        (back.positions, population.positions),
        (back.coordinates, population.coordinates),
        (back.weights, population.weights),
    ):
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert torch.equal(mine[name], theirs[name][order]), name
    for connection in population.wiring.connections:
        assert torch.equal(back.distances(connection), population.distances(connection)[order])


def test_arrays_are_copies_in_one_piece(population):
    arrays = population.arrays(1)
    assert all(array.flags["C_CONTIGUOUS"] and array.flags["OWNDATA"] for array in arrays.values())
    first = next(iter(population.parameters))
    before = arrays[first].copy()
    population.flat.zero_()
    np.testing.assert_array_equal(arrays[first], before)
    assert before.any()


def test_a_member_is_kept_in_its_own_dimensions(population):
    assert population.dimensions == (2, 2, 3)
    for index, dimension in enumerate(population.dimensions):
        alone = Population(population.architecture, [population.geometries[index]])
        assert alone.dimensions == (dimension,)
        for name, places in alone.coordinates.items():
            kept = population.arrays(index)[f"coordinates.{name}"]
            assert kept.shape == places.shape[1:]
            np.testing.assert_allclose(kept, places[0], rtol=1e-6)
    for name, places in population.keep([0, 2]).coordinates.items():
        assert torch.equal(places, population.coordinates[name][[0, 2]])


def test_without_a_geometry_a_member_sits_where_it_sat_and_has_no_distances(population):
    back = Population.of(population.architecture, [population.arrays(1)])
    kept = back.keep([0])
    for name, places in population.coordinates.items():
        assert torch.equal(back.coordinates[name], places[1:2, :, :2])
        assert torch.equal(kept.coordinates[name], places[1:2, :, :2])
    inputs = inputs_of(population)
    torch.testing.assert_close(back.outputs(inputs), population.outputs(inputs)[1:2])
    with pytest.raises(InputError, match="without their geometry"):
        back.distances(back.wiring.connections[0])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("layers.0.bias", None, r"has no layers\.0\.bias \(it has: layers\.0\.weight"),
        ("coordinates.hidden1", None, r"has no coordinates\.hidden1"),
        ("labels.output", None, r"has no labels\.output"),
        (
            "layers.0.weight",
            np.zeros((4, 9)),
            r"'layers\.0\.weight' has shape \(4, 9\), but must be \(9, 4\)",
        ),
        ("coordinates.input", np.zeros((3, 2)), r"'coordinates\.input' has shape \(3, 2\)"),
        ("labels.input", np.array([0, 0, 1, 2]), r"'labels\.input' must be a permutation of 0"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name, change, message):
    population = Population(ARCHITECTURES["labels on both sides"], [named("line")])
    arrays = population.arrays(0)
    if change is None:
        del arrays[name]
    else:
        arrays[name] = change
    with pytest.raises(InputError, match=message):
        Population.of(population.architecture, [population.arrays(0), arrays])
