"""Scorecards: columns, missing values, reasons, and independence of members."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch

from bimt_bench import data
from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS, omissions, omissions_line, scorecards
from bimt_bench.spec import catalog

FOURIER = tuple(name for name, one in METRICS.items() if one.family == "algorithmic")


def test_all_metrics_one_row_a_member(by_hand):
    scored = by_hand.scored(by_hand.weights((3, 5, 2), members=4), shuffles=3)
    frame = scorecards(scored)
    assert list(frame.columns) == list(METRICS)
    assert len(frame) == 4
    assert (frame.dtypes == np.float64).all()
    pd.testing.assert_series_equal(frame["performance"], frame["r2"], check_names=False)
    for name, column in frame.items():
        present = column.dropna()
        one = METRICS[str(name)]
        assert ((present >= one.low) & (present <= one.high)).all(), name


def test_named_metrics_in_the_order_asked(by_hand):
    scored = by_hand.scored(by_hand.weights((3, 5, 2)))
    assert list(scorecards(scored, ["r2", "connection_cost"])) == ["r2", "connection_cost"]
    with pytest.raises(InputError, match="did you mean 'connection_cost'"):
        scorecards(scored, ["conection_cost"])


def test_missing_ground_truth_is_said_once(by_hand, caplog):
    scored = by_hand.scored(
        by_hand.weights((3, 5, 2)), task=by_hand.task(name="symbolic/no_truth_here")
    )
    with caplog.at_level(logging.INFO, logger="bimt_bench.metrics.scorecard"):
        for _ in range(3):
            assert scorecards(scored, ["input_leakage"])["input_leakage"].isna().all()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "input_leakage: left missing on task 'symbolic/no_truth_here', which has no ground truth"
    ]


LACKING = {
    "vision/digits": {
        "ground truth": ("input_leakage", "module_recovery", "sharing_recovery"),
        "embedded residues": FOURIER,
    },
    "symbolic/independence": {
        "classes": ("accuracy",),
        "cross entropy as its loss": ("cross_entropy",),
        "sub-expression that several formulas share": ("sharing_recovery",),
        "embedded residues": FOURIER,
    },
}


@pytest.mark.parametrize("name", LACKING)
def test_what_a_task_leaves_out_is_grouped_by_the_broadest_thing_that_it_lacks(name):
    task = catalog.task(name)
    loaded = data.load(task.data)
    found = omissions(task, loaded)
    assert {what: found.get(what) for what in LACKING[name]} == LACKING[name]
    line = omissions_line(task, loaded)
    assert line is not None and line.startswith("not measured here: ")
    for what, names in LACKING[name].items():
        assert f"{', '.join(names)} (no {what})" in line


def test_members_do_not_meet(by_hand):
    weights = by_hand.weights((2, 5, 2), members=3, power=2)
    weights[0][1] = torch.nan
    truth = by_hand.data(
        torch.randn(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
        torch.randn(9, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64),
        depends=np.eye(2, dtype=bool),
    )
    pack = scorecards(by_hand.scored(weights, data=truth, seeds=(4, 5, 6), shuffles=3))
    assert pack.loc[1].isna().all()
    for member in (0, 2):
        alone = by_hand.scored(
            [w[member : member + 1] for w in weights], data=truth, seeds=(4 + member,), shuffles=3
        )
        np.testing.assert_allclose(scorecards(alone).loc[0], pack.loc[member], rtol=1e-12)


def test_infinite_values_become_missing(by_hand):
    weights = torch.tensor([[[1e308, 1e308], [1e308, 1e308]]], dtype=torch.float64)
    data = by_hand.data(torch.full((3, 2), 10.0, dtype=torch.float64), torch.zeros(3, 2))
    frame = scorecards(by_hand.scored([weights], data=data), ["test_loss", "connection_cost"])
    assert frame["test_loss"].isna().all()
