"""Drawings, figures and exports of models that are no perceptrons."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch

from bimt_bench.engine import Population
from bimt_bench.network import build
from bimt_bench.results import export, plots
from bimt_bench.results.drawing import NetworkDrawing
from tests import odd_model
from tests.odd_model import ALL


@pytest.fixture(autouse=True)
def a_stranger():
    with odd_model.registered():
        yield


def drawn(name, **other):
    case = ALL[name]
    data, population = case.data(4), case.population(1)
    return NetworkDrawing.of(population, data.input_names, data.output_names, **other), population


@pytest.mark.parametrize("name", ALL)
def test_every_model_can_be_drawn(name):
    drawing, population = drawn(name, faintest=0.0)
    assert drawing.total == sum(
        s[0].numel() for s in map(population.strengths, population.wiring.connections)
    )
    assert drawing.drawn == drawing.eligible == drawing.total
    figure = plots.network_figure(drawing, title=name)
    (axes,) = figure.axes
    points = np.concatenate([c.get_offsets() for c in axes.collections if len(c.get_offsets()) > 1])
    assert np.isfinite(points).all()
    figure.canvas.draw()


def test_a_wire_of_a_window_has_the_sum_of_magnitudes_and_the_sign_of_the_sum():
    drawing, population = drawn("odd", faintest=0.0)
    window = population.parameters["window"][0]
    index = [c.parameter for c in population.wiring.connections].index("window")
    wires = drawing.wires[index]
    for source, target, weight in zip(wires.sources, wires.targets, wires.weights, strict=True):
        own = window[target, source]
        assert abs(weight) == pytest.approx(float(own.abs().sum()))
        assert (weight > 0) == bool(own.sum() >= 0)


def test_groups_of_one_layer_stand_side_by_side_and_loops_are_bent():
    drawing, _ = drawn("odd")
    left, right = (plane for plane in drawing.planes if plane.layer == 1)
    assert (left.place, left.places, right.place, right.places) == (0, 2, 1, 2)
    figure = plots.network_figure(drawing, title="odd")
    (axes,) = figure.axes
    lines = [len(one.get_segments()[0]) for one in axes.collections if hasattr(one, "get_segments")]
    # left, right, window, across: straight; loop: bent; top: straight; past a layer: bent
    assert [length > 2 for length in lines] == [False] * 4 + [True, False, True]
    rows = [one.get_offsets() for one in axes.collections if not hasattr(one, "get_segments")]
    ends = [(row[:, 0].min(), row[:, 0].max()) for row in rows]
    assert ends[1][1] < ends[2][0]


@pytest.mark.parametrize("dimension", [1, 3])
def test_neurons_in_one_or_three_dimensions_are_seen_in_the_unit_square(dimension):
    _, population = drawn("rnn")
    for name, places in population.coordinates.items():
        shape = (*places.shape[:2], dimension)
        population.coordinates[name] = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    drawing = NetworkDrawing.of(population, ("x0", "x1"), ("y0", "y1", "y2"))
    for plane in drawing.planes:
        assert plane.coordinates.shape[1] == 2
        assert ((plane.coordinates >= 0) & (plane.coordinates <= 1)).all()


@pytest.mark.parametrize("name", ALL)
def test_what_is_exported_makes_the_network_again(name, tmp_path):
    case = ALL[name]
    task, data, population = case.task(), case.data(4), case.population(1)
    export.export(task, data, population, tmp_path)
    facts = json.loads((tmp_path / "network.json").read_text())
    tensors = safetensors.torch.load_file(tmp_path / "network.safetensors")
    assert facts["model"]["kind"] == case.model["kind"]
    source = {"name": "bimt_bench"} if name != "odd" else {"name": "a stranger", "version": "1.0"}
    assert source.items() <= facts["model"]["source"].items()
    assert facts["input"]["shape"] == list(case.sample)
    sizes = {group["name"]: group["size"] for group in facts["groups"]}
    for c in facts["connections"]:
        shape = (sizes[c["target"]] * c["target_folds"], sizes[c["source"]] * c["source_folds"])
        assert tuple(tensors[c["parameter"]].shape) == (*shape, *c["window"])
    for a in facts["attachments"]:
        assert tensors[a["parameter"]].shape[a["axis"]] == sizes[a["group"]] * a["folds"]
    arrays = {k: v.numpy() for k, v in tensors.items()}
    arrays |= {f"labels.{g['name']}": np.array(g["labels"]) for g in facts["groups"] if g["labels"]}
    arrays |= {f"coordinates.{g['name']}": np.array(g["coordinates"]) for g in facts["groups"]}
    again = Population.of(build(task, data), [arrays])
    inputs = data.test_inputs if data.tokens is not None else data.test_inputs.double()
    torch.testing.assert_close(again.outputs(inputs), population.outputs(inputs))
