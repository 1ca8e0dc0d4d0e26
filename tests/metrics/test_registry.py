"""The registry: complete, closed, and helpful about unknown names."""

import dataclasses
from pathlib import Path

import pytest

from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS, metric

FIRST = [
    "test_loss",
    "train_loss",
    "performance",
    "r2",
    "accuracy",
    "cross_entropy",
    "connection_cost",
    "connection_cost_configured",
    "mean_wire_length",
    "effective_connections",
    "participation_ratio",
    "modularity_q",
    "modularity_z",
    "modularity_p",
    "modularity_z_nonzero",
    "input_leakage",
    "circuit_size",
    "pruning_area",
    "live_neurons",
    "ncut",
    "ncut_z",
    "ncut_p",
    "ncut_z_nonzero",
    "cross_cluster_mass",
    "cross_cluster_mass_z",
    "cross_cluster_mass_p",
    "cross_cluster_mass_z_nonzero",
    "module_recovery",
    "sharing_recovery",
    "fourier_concentration",
    "fourier_key_frequencies",
    "fourier_gini",
    "ablation_selectivity",
    "anatomy_function_agreement",
    "circuit_size_per_class",
    "restricted_loss",
    "excluded_loss",
    "isolated_ratio",
    "lesion_effect",
]


def test_every_metric_of_the_frame_is_registered():
    assert set(FIRST) <= set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_a_reader_must_know(name):
    one = METRICS[name]
    assert one.name == name
    for field in ("title", "source", "family"):
        assert getattr(one, field), f"{name}: fill in its {field}"
    assert one.direction in ("higher", "lower")
    assert one.low < one.high
    assert one.compute.__doc__, f"{name}: the function needs a docstring with its formula"


def test_a_name_gives_its_metric_and_an_unknown_one_the_closest():
    assert metric("modularity_q") is METRICS["modularity_q"]
    with pytest.raises(InputError, match="did you mean 'modularity_q'"):
        metric("modularty_q")


def test_the_registry_cannot_be_changed():
    with pytest.raises(TypeError):
        METRICS["mine"] = METRICS["r2"]  # pyright: ignore
    with pytest.raises(dataclasses.FrozenInstanceError):
        METRICS["r2"].low = 0.0  # pyright: ignore


def test_the_documentation_lists_every_metric_as_the_registry_has_it():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    listed = page.split("\n## ")[0]  # later tables are about something else
    rows = [line.split(" | ") for line in listed.splitlines() if line.startswith("| `")]
    documented = {row[0].strip("| `"): (row[1], row[2]) for row in rows}
    assert documented == {m.name: (m.family, m.direction) for m in METRICS.values()}
