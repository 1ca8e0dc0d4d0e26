"""The registry: complete, open at one door, and helpful about what is wrong."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from bimt_bench.ground import InputError, Source, entering
from bimt_bench.metrics import METRICS, Metric, metric

COLUMNS = [
    "test_loss", "train_loss", "performance", "r2", "accuracy", "cross_entropy",
    "connection_cost", "connection_cost_configured", "mean_wire_length", "effective_connections",
    "participation_ratio", "circuit_size", "pruning_area", "live_neurons",
    "circuit_size_per_class", "modularity_q", "modularity_z", "modularity_p",
    "modularity_z_nonzero", "ncut", "ncut_z", "ncut_p", "ncut_z_nonzero", "cross_cluster_mass",
    "cross_cluster_mass_z", "cross_cluster_mass_p", "cross_cluster_mass_z_nonzero",
    "input_leakage", "module_recovery", "sharing_recovery", "fourier_concentration",
    "fourier_key_frequencies", "fourier_gini", "restricted_loss", "excluded_loss",
    "ablation_selectivity", "anatomy_function_agreement", "isolated_ratio", "lesion_effect",
    # later ones
    "lesion_effect_error", "module_excess", "module_excess_cautious", "module_excess_error",
    "modularity_z_error", "modularity_p_error", "ncut_z_error", "ncut_p_error",
    "cross_cluster_mass_z_error", "cross_cluster_mass_p_error", "modularity_z_nonzero_error",
    "ncut_z_nonzero_error", "cross_cluster_mass_z_nonzero_error", "module_excess_cautious_error",
    "isolated_ratio_error",
]  # fmt: skip
OUTSIDE = Source("own", "", "0123456789ab")
FACTS = {
    "title": "Mine",
    "family": "own",
    "direction": "higher",
    "source": "mine",
    "untrained": "0",
}


@pytest.fixture
def outside():
    """The door, as a plug-in enters it."""
    with entering(OUTSIDE):
        yield
    METRICS.drop(OUTSIDE)


def test_columns_stand_in_the_order_of_the_first_release():
    assert [name for name in METRICS if METRICS.source_of(name).built_in] == COLUMNS


@pytest.mark.parametrize("name", COLUMNS)
def test_every_metric_says_what_a_reader_must_know(name):
    one = METRICS[name]
    assert one.name == name
    for field in ("title", "source", "family", "untrained"):
        assert getattr(one, field).strip(), f"{name}: fill in its {field}"
    assert one.compute.__doc__, f"{name}: the function needs a docstring with its formula"


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(InputError, match="'modularty_q'; did you mean 'modularity_q'"):
        METRICS.get_kind("modularty_q")


def test_a_function_becomes_a_metric_of_its_name_and_stays_a_function(outside):
    @metric(**FACTS, low=0.0, unit="pieces")
    def pieces(scored):
        """How many."""
        return np.zeros(scored.size)

    one = METRICS["pieces"]
    assert (one.name, one.low, one.high, one.unit, one.cost) == (
        "pieces", 0.0, np.inf, "pieces", "cheap",
    )  # fmt: skip
    assert one.compute is pieces and METRICS.source_of("pieces") == OUTSIDE
    assert list(METRICS)[-1] == "pieces"
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.low = 1.0  # pyright: ignore


def test_two_functions_of_one_name_are_refused_and_one_may_come_again(outside):
    def made(inner):
        metric(**FACTS)(inner)

    def first():
        def mine(scored):
            return np.zeros(scored.size)

        return mine

    def second():
        def mine(scored):
            return np.ones(scored.size)

        return mine

    made(first())
    made(first())  # a file that is loaded twice
    with pytest.raises(InputError, match="metric: own has two of the name 'mine'; rename one"):
        made(second())


def test_the_name_of_ours_is_taken(outside):
    with pytest.raises(InputError, match="'r2' of own has the name of one of bimt_bench"):
        METRICS.register(Metric(name="r2", compute=len, **FACTS))


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"direction": "up"}, "direction: 'up' given; allowed: higher, lower"),
        ({"cost": "dear"}, "cost: 'dear' given; allowed: cheap, graph, draws, pruning, ablation"),
        ({"low": 2.0, "high": 1.0}, "low: 2 is not below high, 1"),
        ({"version": 0}, "version: 0 given; must be a whole number from 1 on"),
        ({"version": True}, "version: True given"),
        ({"title": " "}, "title: is empty"),
        ({"untrained": ""}, "untrained: is empty"),
        ({"name": "My metric"}, "name: 'My metric' given; small letters, digits and _ are allowed"),
        ({"name": "seed"}, "name: is another column of the frame; rename it"),
        ({"name": "strength"}, "name: is another column of the frame; rename it"),
        ({"compute": lambda: 0}, "mine(): is called with one scored population"),
    ],
)
def test_facts_that_cannot_be_are_refused_in_one_line(facts, told):
    one = Metric(name="mine", compute=lambda scored: scored, **FACTS)
    for fact, value in facts.items():  # as they come where nobody checks types
        object.__setattr__(one, fact, value)
    with pytest.raises(InputError, match=re.escape(told)) as refused:
        one.__post_init__()
    assert "\n" not in str(refused.value)


def test_the_documentation_lists_every_metric_as_the_registry_has_it():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    listed = page.split("\n## ")[0]  # later tables are about something else
    rows = [line.split(" | ") for line in listed.splitlines() if line.startswith("| `")]
    documented = {row[0].strip("| `"): (row[1], row[2]) for row in rows}
    ours = [one for name, one in METRICS.items() if METRICS.source_of(name).built_in]
    assert documented == {m.name: (m.family, m.direction) for m in ours}
