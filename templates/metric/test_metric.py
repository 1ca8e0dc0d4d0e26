"""Template name, of networks that were trained for a few steps."""

from pathlib import Path

import bimt_bench

PLUGIN = Path(__file__).with_name("template_name.py")


def test_it_is_a_column_within_its_range():
    frame = bimt_bench.train(
        "symbolic/independence", recipe="l1", steps=40, seeds=(0, 1), shuffles=2, plugins=[PLUGIN]
    ).frame
    assert frame["template_name"].between(0.0, 1.0).all()
