"""Template name, and a network whose neurons sit there."""

from pathlib import Path

import numpy as np

import bimt_bench
from bimt_bench import plugins
from bimt_bench.spec import PLACEMENTS, choose

PLUGIN = Path(__file__).with_name("template_name.py")
GEOMETRY = {
    "name": "own",
    "hidden": {"kind": "template_name"},
    "distance": {"kind": "template_name_distance", "most": 0.4},
}


def test_places_differ_and_lie_in_the_unit_square():
    plugins.load(PLUGIN)
    settings = choose(PLACEMENTS, "template_name")
    places = PLACEMENTS["template_name"]().coordinates(settings, 20, group="hidden")
    assert places.shape == (20, 2) and len(np.unique(places, axis=0)) == 20
    assert places.min() >= 0.0 and places.max() <= 1.0


def test_neurons_are_placed_there():
    frame = bimt_bench.train(
        "symbolic/independence", geometry=GEOMETRY, steps=40, shuffles=2, plugins=[PLUGIN]
    ).frame
    assert (frame["status"] == "ok").all()
    assert list(frame["geometry"]) == ["own"]
