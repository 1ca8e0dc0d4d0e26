"""The task template/name, and a network that is trained on it for a few steps."""

from pathlib import Path

import bimt_bench
from bimt_bench.spec import catalog

FILE = Path(__file__).parent / "template/name.yaml"


def test_it_is_a_task_that_can_be_trained():
    assert catalog.task(str(FILE)).name == "template/name"
    frame = bimt_bench.train(str(FILE), steps=40, shuffles=2).frame
    assert (frame["status"] == "ok").all()
