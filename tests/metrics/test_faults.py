"""A metric that fails costs itself, for the member that it fails on: never the pack."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from bimt_bench import packs, recipes
from bimt_bench.ground import Source, entering
from bimt_bench.metrics import FAULTS, METRICS, fault_lines, measured, metric, per_member
from bimt_bench.metrics.performance import performance
from bimt_bench.spec import Configuration

OUTSIDE = Source("own", "", "0123456789ab")
FACTS = {
    "title": "Mine",
    "family": "own",
    "direction": "higher",
    "source": "mine",
    "untrained": "0",
}


@pytest.fixture
def door():
    """Registers a function as a stranger's metric `mine`."""

    def enter(compute, **facts):
        compute.__name__ = "mine"
        with entering(OUTSIDE):
            metric(**FACTS, **facts)(compute)

    yield enter
    METRICS.drop(OUTSIDE)


def largest(scored):
    return per_member(torch.stack([w.flatten(1).amax(1) for w in scored.weights.values()]).amax(0))


def raising(error, *, where=lambda scored, value: True):
    """A metric that raises an error if it meets a member `where` ..."""

    def mine(scored):
        values = largest(scored)
        if any(where(scored, value) for value in values):
            raise error
        return values

    return mine


def measured_three(by_hand, *, shuffles=2):
    weights = by_hand.weights((3, 5, 2), members=3)
    weights[0][1, 0, 0] = 100.0
    scored = by_hand.scored(weights, shuffles=shuffles)
    values, reasons = measured(scored, ["test_loss", "mine", "r2"])
    return values, reasons[FAULTS]


def test_an_error_for_one_member_costs_that_member(by_hand, door):
    door(raising(ZeroDivisionError("by\nhand"), where=lambda _, value: value == 100.0))
    values, faults = measured_three(by_hand)
    assert values["mine"].isna().tolist() == [False, True, False]
    assert values[["test_loss", "r2"]].notna().all(axis=None)
    assert faults.isna().tolist() == [True, False, True] and faults.dtype == "string"
    told = json.loads(faults[1])["mine"]
    assert told.startswith("test_faults.py, line ") and told.endswith(
        ": ZeroDivisionError: by hand"
    )


@pytest.mark.parametrize(
    "error", [RuntimeError(""), SystemExit(3), KeyError("x"), MemoryError("no room")]
)
def test_an_error_for_all_leaves_the_other_metrics(by_hand, door, error):
    door(raising(error))
    values, faults = measured_three(by_hand)
    assert values["mine"].isna().all() and values["r2"].notna().all()
    assert faults.str.contains(type(error).__name__).all()


def test_ctrl_c_ends_the_scoring(by_hand, door):
    door(raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        measured_three(by_hand)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (lambda n: np.zeros((n, 2)), r"gave numbers of shape \(1, 2\), not \(1,\): one a member"),
        (lambda n: np.zeros(n + 1), r"gave numbers of shape \(2,\), not \(1,\): one a member"),
        (lambda n: 0.5, r"gave numbers of shape \(\), not \(1,\): one a member"),
        (lambda n: ["many"] * n, "gave list, not numbers"),
        (lambda n: None, "gave NoneType, not numbers"),
        (lambda n: [[1], [2, 3]], "gave list, not numbers"),
    ],
)
def test_what_is_no_number_a_member_is_refused(by_hand, door, given, told):
    door(lambda scored: given(scored.size))
    values, faults = measured_three(by_hand)
    assert values["mine"].isna().all()
    assert faults.str.contains(told).all(), faults[0]


@pytest.mark.parametrize(
    "given",
    [
        lambda n: torch.arange(n, dtype=torch.float32, requires_grad=True),
        lambda n: list(range(n)),
        lambda n: np.arange(n) > 0,
    ],
)
def test_numbers_may_come_in_any_form(by_hand, door, given):
    door(lambda scored: given(scored.size))
    values, faults = measured_three(by_hand)
    assert values["mine"].tolist()[:2] == [0.0, 1.0] and values["mine"].dtype == np.float64
    assert faults.isna().all()


def test_a_value_outside_the_declared_range_is_a_fault_and_infinity_is_undefined(by_hand, door):
    door(lambda scored: np.array([1.0 + 1e-12, 1.5, np.inf])[: scored.size], low=0.0, high=1.0)
    values, faults = measured_three(by_hand)
    assert values["mine"].isna().tolist() == [False, True, True]
    assert json.loads(faults[1]) == {"mine": "1.5 lies outside its range, 0 to 1"}
    assert faults.isna().tolist() == [True, False, True]


def test_a_metric_that_changes_parameters_changes_nothing(by_hand, door):
    def mine(scored):
        scored.population.parameters["layers.0.weight"].zero_()
        return np.zeros(scored.size)

    door(mine)
    weights = by_hand.weights((3, 5, 2), members=2)
    weights[0][0, 0, 0] = torch.nan
    scored = by_hand.scored(weights)
    before = scored.population.flat.clone()
    values, reasons = measured(scored, ["mine"])
    assert torch.equal(scored.population.flat.nan_to_num(7.0), before.nan_to_num(7.0))
    assert values["mine"].isna().all()
    assert json.loads(reasons[FAULTS][0]) == {"mine": "changes the members' parameters"}


def test_what_is_found_of_changed_parameters_reaches_no_other_metric(by_hand, door):
    def mine(scored):
        scored.population.flat.zero_()
        scored.strengths, scored.test_outputs  # noqa: B018 (kept for all metrics)
        return performance(scored)

    scored = by_hand.scored(by_hand.weights((3, 5, 2), members=2))
    names = ["performance", "test_loss", "mean_wire_length"]
    wanted, _ = measured(scored, names)
    door(mine)
    found, _ = measured(replace(scored), ["mine", *names])
    assert wanted.notna().all(axis=None) and found[names].equals(wanted)


def test_it_is_said_once(by_hand, door, caplog):
    door(raising(ValueError("once is enough")))
    with caplog.at_level(logging.WARNING, logger="bimt_bench.metrics.scorecard"):
        for _ in range(3):
            measured_three(by_hand)
    told = [one.getMessage() for one in caplog.records]
    assert len(told) == 1 and told[0].endswith("ValueError: once is enough")
    assert told[0].startswith("metric 'mine' fails on task 'symbolic/by_hand': ")


def test_the_frame_of_a_pack_has_the_reasons_and_a_diverged_member_none(shortened, door):
    door(raising(ValueError("odd seed"), where=lambda scored, _: 1 in scored.seeds))
    task = shortened("symbolic/independence", steps=6, log_every=3)
    asked = [Configuration(recipe="vanilla"), Configuration(recipe="vanilla", learning_rate=1e9)]
    members = [recipes.resolve(task, one, seed) for one in asked for seed in (0, 1)]
    frame = packs.run_pack(task, members, shuffles=2).frame
    lost = frame["status"] != "ok"
    assert frame[FAULTS].notna().tolist() == [False, True, *[False] * 2]
    assert lost.tolist() == [False, False, True, True] and frame.loc[lost, "mine"].isna().all()
    assert frame["performance"].notna().tolist() == [True, True, False, False]
    (line,) = fault_lines(frame)
    assert line[0] == "mine" and line[1].startswith("metric 'mine' failed for 1 of 4 members: ")
    assert not [*fault_lines(frame.drop(columns=FAULTS))]
