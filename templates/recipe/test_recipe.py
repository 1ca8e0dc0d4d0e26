"""Template name, trained for a few steps."""

from pathlib import Path

import bimt_bench

PLUGIN = Path(__file__).with_name("template_name.py")


def trained(**settings):
    return bimt_bench.train(
        "symbolic/independence", recipe="template_name", steps=40, shuffles=2,
        seeds=(0, 1), plugins=[PLUGIN], **settings,
    ).frame  # fmt: skip


def test_it_trains_and_its_settings_are_columns():
    frame = trained(width=0.05)
    assert (frame["status"] == "ok").all()
    assert list(frame["width"]) == [0.05, 0.05]


def test_a_stronger_charge_leaves_smaller_weights():
    weak, strong = trained(strength=0.1), trained(strength=100.0)
    assert (strong["connection_cost"] < weak["connection_cost"]).all()
