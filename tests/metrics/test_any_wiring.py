"""Metrics of models that are no perceptrons: windows, loops, folds, times, several ways in and out.

What must hold of every wiring is asked of all models that ship and of a stranger's odd one.
"""

import dataclasses

import numpy as np
import pytest
import torch

from bimt_bench import engine
from bimt_bench.engine import Population
from bimt_bench.engine.relocation import permute
from bimt_bench.metrics import FAULTS, METRICS, Scored, measured, scorecards
from bimt_bench.metrics.graph import graphs
from bimt_bench.metrics.paths import on_a_path
from bimt_bench.network import Connection, Group, Wiring, build
from bimt_bench.spec import MODELS, choose
from tests import odd_model
from tests.odd_model import ALL

PLACED = {"connection_cost", "connection_cost_configured", "mean_wire_length", "isolated_ratio",
          "isolated_ratio_error"}  # fmt: skip
NEEDY = {"input_leakage", "module_recovery", "sharing_recovery", "fourier_concentration",
         "fourier_key_frequencies", "fourier_gini", "restricted_loss", "excluded_loss"}  # fmt: skip

# where a network is no better than its biases, nothing is lost, or a null does not vary
UNDEFINED = {"pruning_area", "lesion_effect", "lesion_effect_error", "ablation_selectivity",
             "ncut_z", "ncut_z_nonzero", "ncut_z_error", "ncut_z_nonzero_error"}  # fmt: skip
# where it is no better than a constant: on classes that it has not learnt
CIRCUITS = {"circuit_size", "circuit_size_per_class", "live_neurons"}


@pytest.fixture(autouse=True)
def a_stranger():
    with odd_model.registered():
        yield


def scored_case(name: str, *, members: int = 2) -> Scored:
    """Members of a model at their start, their weights made uneven, on targets near the first's."""
    case = ALL[name]
    data, population = case.data(12), case.population(members)
    population.flat.mul_(1.5 + population.flat.abs())
    scored = Scored(case.task(), data, population, tuple(range(members)), 2)
    return scored if data.tokens is not None else met(scored)


def met(scored: Scored) -> Scored:
    """The same on targets that its first member meets but for noise; missing ones stay so."""
    noise = torch.randn(scored.data.test_targets.shape, generator=torch.Generator().manual_seed(1))
    targets = scored.test_outputs[0] + noise / 100
    targets = torch.where(scored.data.test_targets.isnan(), torch.nan, targets)
    return dataclasses.replace(scored, data=dataclasses.replace(scored.data, test_targets=targets))


@pytest.mark.parametrize("name", ALL)
def test_every_model_has_every_metric_that_its_task_allows(name):
    scored = scored_case(name)
    values, reasons = measured(scored)
    assert reasons[FAULTS].isna().all(), reasons[FAULTS].dropna().tolist()
    classes = scored.data.tokens is not None
    other = {"r2"} if classes else {"accuracy", "cross_entropy"}
    missing = set(values.columns[values.loc[0].isna()])
    undefined = UNDEFINED | CIRCUITS if classes else UNDEFINED
    assert missing - undefined == other | NEEDY
    for metric, column in values.items():
        one = METRICS[metric]
        assert column.dropna().between(one.low, one.high).all(), metric


@pytest.mark.parametrize("name", ALL)
def test_costs_are_those_that_training_charges(name):
    scored = scored_case(name)
    population, penalty = scored.population, scored.task.penalty
    ones = torch.ones(scored.size, dtype=torch.float64)
    prices = engine.prices(
        population, locality=penalty.locality * ones, spacing=penalty.spacing * ones,
        reduce=penalty.reduce,
    )  # fmt: skip
    wanted = engine.connection_cost(population.flat, prices)
    found = scorecards(scored, ["connection_cost_configured"]).iloc[:, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_hidden_neurons_may_stand_anywhere_and_members_alone(name):
    scored = scored_case(name)
    here = scorecards(scored)
    alone = scorecards(scored.alone(1))
    np.testing.assert_allclose(alone.loc[0], here.loc[1], rtol=1e-5, atol=1e-8)
    moved = scored.population.keep(range(scored.size))
    generator, rows = torch.Generator().manual_seed(0), torch.arange(scored.size)
    for group in scored.wiring.groups:
        if group.role == "hidden":
            orders = [torch.randperm(group.size, generator=generator) for _ in rows]
            permute(moved, group, rows, torch.stack(orders), table=moved.flat)
    there = scorecards(dataclasses.replace(scored, population=moved))
    kept = [metric for metric in METRICS if metric not in PLACED]
    for metric in kept:
        np.testing.assert_allclose(
            there[metric], here[metric], rtol=1e-5, atol=1e-8, err_msg=metric
        )


def test_a_window_counts_as_one_connection_of_the_sum_of_its_magnitudes():
    scored = scored_case("odd", members=1)
    window = scored.population.parameters["window"]
    np.testing.assert_allclose(scored.strengths["window"], window.abs().sum(dim=3))
    total = sum(w[0].numel() for w in scored.strengths.values())
    assert total == 4 * 6 + 3 * 6 + 5 * 4 + 5 * 3 + 5 * 5 + 3 * 5 + 3 * 4
    (graph,) = graphs(scored)
    assert graph is not None and graph.nodes == 6 + 4 + 3 + 5 + 3
    loops = sum(s.stop - s.start for s in graph.layers[4:5])
    assert loops <= 5 * 4  # nobody's wire onto itself
    window[:] = 0.0
    fewer = met(dataclasses.replace(scored))
    assert scorecards(fewer, ["live_neurons"]).iloc[0, 0] <= 1.0


def test_silence_and_pruning_reach_the_whole_window():
    scored = scored_case("odd", members=1)
    from bimt_bench.metrics.circuits import pruned
    from bimt_bench.metrics.silence import silenced

    silent = silenced(scored, {"left": torch.tensor([[True, False, False, True]])})
    assert set(silent) == {"window", "past.weight"}
    assert (silent["window"][0][:, [0, 3]] == 0).all() and (silent["window"][0][:, 1] != 0).all()
    ranks = {name: torch.ones_like(one).long() for name, one in scored.strengths.items()}
    ranks["window"][0, 2, 3] = 0
    kept = pruned(scored, ranks, torch.tensor([1]))
    assert kept["window"].count_nonzero() == 2 and kept["window"][0, 2, 3].all()


def test_a_path_may_be_longer_than_the_wiring_has_groups():
    groups = (Group("input", 1, "input", 0), Group("state", 5, "hidden", 1),
              Group("output", 1, "output", 2))  # fmt: skip
    wiring = Wiring(groups, (Connection("w", "input", "state"), Connection("u", "state", "state"),
                             Connection("v", "state", "output")), ())  # fmt: skip
    alive = {"w": torch.zeros(1, 5, 1), "u": torch.zeros(1, 5, 5), "v": torch.zeros(1, 1, 5)}
    alive["w"][0, 0, 0] = alive["v"][0, 0, 3] = 1.0
    for k in range(3):  # 0 -> 1 -> 2 -> 3, and 4 leads nowhere
        alive["u"][0, k + 1, k] = 1.0
    alive["u"][0, 4, 0] = 1.0
    found = on_a_path(wiring, {name: one > 0 for name, one in alive.items()})
    assert found["state"].tolist() == [[True, True, True, True, False]]


# ------------------------------------------------------------------------------------ sequences


def answered_at_each_step(missing: bool) -> Scored:
    """A recurrent network that answers at every step; perhaps at the last three steps only."""
    case = ALL["rnn"]
    data = case.data(12)
    targets = data.train_targets[:, None, :].repeat(1, 5, 1)
    targets = targets * torch.arange(1, 6)[None, :, None]
    if missing:
        targets[:, :2] = torch.nan
    data = dataclasses.replace(data, train_targets=targets, test_targets=targets)
    task = case.task().model_copy(update={"model": choose(MODELS, {"kind": "rnn", "hidden": 6})})
    population = Population(build(task, data), [task.geometry] * 2, dtype=torch.float64)
    population.start(task.name, (0, 1))
    return met(Scored(task, data, population, (0, 1), 2))


@pytest.mark.parametrize("missing", [False, True])
def test_answers_at_time_steps_are_measured_where_they_are(missing):
    scored = answered_at_each_step(missing)
    values, reasons = measured(scored)
    assert reasons[FAULTS].isna().all(), reasons[FAULTS].dropna().tolist()
    outputs, targets = scored.test_outputs, scored.data.test_targets.double()
    assert outputs.shape == (2, 12, 5, 3)
    begin = 2 if missing else 0
    errors = (outputs[:, :, begin:] - targets[:, begin:]).square().flatten(1).mean(dim=1)
    np.testing.assert_allclose(values["test_loss"], errors, rtol=1e-9)
    assert values.loc[0, ["circuit_size", "circuit_size_per_class", "isolated_ratio"]].notna().all()


# ------------------------------------------------------------------------------- what it needs


def test_what_a_wiring_lacks_is_said_like_what_a_task_lacks():
    scored = scored_case("transformer of tokens", members=1)
    lacking = METRICS["fourier_gini"].lacking(scored.task, scored.data, scored.wiring)
    assert lacking is not None and lacking.what == "embedded residues"
    bare = Wiring(scored.wiring.groups[:-1], (), ())
    lacking = METRICS["circuit_size_per_class"].lacking(scored.task, scored.data, bare)
    assert lacking is not None and lacking.what == "a neuron for each output"
