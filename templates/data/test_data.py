"""Template name, and a network that is trained on it."""

from pathlib import Path

import torch

import bimt_bench
from bimt_bench import plugins
from bimt_bench.spec import DATA, LOSSES, MEASURES, catalog, choose

PLUGIN = Path(__file__).with_name("template_name.py")


def test_the_same_settings_give_the_same_data():
    plugins.load(PLUGIN)
    settings = choose(DATA, {"kind": "template_name", "points": 100})
    first, again = (DATA["template_name"]().load(settings) for _ in range(2))
    assert torch.equal(first.train_inputs, again.train_inputs)
    assert len(first.train_inputs) + len(first.test_inputs) == 100


def test_a_network_is_trained_on_it():
    plugins.load(PLUGIN)
    parts = {
        "data": choose(DATA, "template_name"),
        "loss": choose(LOSSES, "cross_entropy"),
        "performance": choose(MEASURES, "accuracy"),
    }
    task = catalog.task("symbolic/independence").model_copy(update=parts)
    frame = bimt_bench.train(task, steps=40, shuffles=2).frame
    assert (frame["status"] == "ok").all()
