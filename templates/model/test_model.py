"""Template name, trained for a few steps on a task that ships."""

from pathlib import Path

import bimt_bench
from bimt_bench import plugins
from bimt_bench.spec import MODELS, catalog, choose

PLUGIN = Path(__file__).with_name("template_name.py")


def test_it_trains_and_relocates():
    plugins.load(PLUGIN)
    model = choose(MODELS, {"kind": "template_name", "hidden": 12})
    task = catalog.task("symbolic/independence").model_copy(update={"model": model})
    frame = bimt_bench.train(task, steps=40, swap_every=20, seeds=(0, 1), shuffles=2).frame
    assert (frame["status"] == "ok").all()
    assert frame["source"].str.startswith("template_name:").all()
