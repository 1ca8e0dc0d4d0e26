"""Metrics of the published independence run, read from its own start and end."""

import dataclasses

import numpy as np
import pytest
import torch

from bimt_bench import data
from bimt_bench.engine import Population
from bimt_bench.metrics import Scored, scorecards
from bimt_bench.network import Mlp
from bimt_bench.spec import catalog


def scored_state(golden: dict[str, np.ndarray], state: str) -> Scored:
    """The published network at its `init` or `final` state, on the data it was tested on."""
    task = catalog.task("symbolic/independence")
    population = Population(Mlp((4, 20, 20, 2)), [task.geometry])
    for k in range(3):
        for kind in ("weight", "bias"):
            array = torch.from_numpy(golden[f"{state}/linears.{k}.linear.{kind}"])
            population.parameters[f"layers.{k}.{kind}"].copy_(array[None])
    for group, name in (("input", "in_perm"), ("output", "out_perm")):
        population.relabel(group, torch.from_numpy(golden[f"{state}/{name}"].astype(int))[None])
    ours = data.load(task.data)
    tested = dataclasses.replace(
        ours,
        test_inputs=torch.from_numpy(golden["data/inputs_test"].reshape(100, 4)),
        test_targets=torch.from_numpy(golden["data/labels_test"].reshape(100, 2)),
    )
    return Scored(task=task, data=tested, population=population, seeds=(0,))


def test_configured_cost_is_the_published_cost(golden):
    """The published cost leaves biases out until three quarters of the run."""
    published = golden("independence")
    start = scored_state(published, "init")
    for attachment in start.wiring.attachments:
        start.population.parameters[attachment.parameter].zero_()
    cost = scorecards(start, ["connection_cost_configured"]).iloc[0, 0]
    assert cost == pytest.approx(published["trajectory/cc"][0], rel=1e-5)


def test_training_found_the_two_modules(golden):
    published = golden("independence")
    start, end = (scorecards(scored_state(published, state)).loc[0] for state in ("init", "final"))
    assert end["test_loss"] == pytest.approx(7.37e-3, rel=0.05)  # one step after the last log
    assert end["r2"] > 0.99
    assert end["input_leakage"] < 0.01 < 0.4 < start["input_leakage"]
    assert end["modularity_q"] > 0.5 > 0.2 > start["modularity_q"]
    assert end["mean_wire_length"] < start["mean_wire_length"] / 5
    assert end["effective_connections"] < 0.05 < 0.5 < start["effective_connections"]
    assert end["participation_ratio"] < start["participation_ratio"]
    assert end["connection_cost"] < start["connection_cost"]
