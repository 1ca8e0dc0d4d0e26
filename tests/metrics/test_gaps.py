"""A value that is missing has a reason, member by member, in frames and what is read of them."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from bimt_bench.metrics import (
    GAPS,
    METRICS,
    NOT_MEASURED,
    gap_lines,
    is_unmeasured,
    joined_reasons,
    measured,
    reason_in,
)

CIRCUITS = (
    "circuit_size", "pruning_area", "live_neurons", "circuit_size_per_class",
    "ablation_selectivity", "lesion_effect",
)  # fmt: skip
KINDS = ("whole", "empty", "collapsed", "untrained", "not finite")


@pytest.fixture
def odd(by_hand):
    """One member of each kind."""
    weights = by_hand.weights((3, 6, 2), members=5, seed=2)
    for w in weights:
        w[1] = 0.0
    weights[1][2] = 0.0
    weights[0][4, 0, 0] = torch.nan
    return by_hand.scored(weights)


def test_every_value_that_is_missing_has_a_reason(odd):
    values, reasons = measured(odd)
    for name, one in METRICS.items():
        lacking = one.lacking(odd.task, odd.data, odd.wiring) is not None
        for member in np.flatnonzero(values[name].isna()):
            told = reason_in(reasons.iloc[member].to_dict(), name)
            assert lacking or told, f"{name} of the {KINDS[member]} one"
        there = values[name].notna().to_numpy()
        assert all(name not in json.loads(cell) for cell in reasons.loc[there, GAPS])


@pytest.mark.parametrize("name", CIRCUITS)
def test_members_without_a_function_say_so(odd, name):
    values, reasons = measured(odd, [name])
    told = [json.loads(cell).get(name) for cell in reasons[GAPS]]
    assert told[1] == "it is empty: all its weights are 0"
    assert told[2] == "it has collapsed: its outputs never vary"
    assert told[4] == "a weight is not finite"
    assert values[name].isna().tolist()[1:3] == [True, True]


def frame(gaps, values):
    cells = [None if gap is None else json.dumps(gap) for gap in gaps]
    return pd.DataFrame(
        {
            "member": list("abcdef")[: len(gaps)],
            "status": "ok",
            "mine": values,
            GAPS: pd.array(cells, dtype="string"),
        }
    )


def test_a_gap_without_a_reason_was_not_measured():
    gaps = [{}, {}, {"mine": "it is empty"}, {"mine": NOT_MEASURED}, None]
    rows = frame(gaps, [1.0, *[np.nan] * 4])
    assert is_unmeasured(rows, "mine").tolist() == [False, True, False, True, False]
    assert not is_unmeasured(rows.assign(status="diverged"), "mine").any()
    assert not is_unmeasured(rows.drop(columns=GAPS), "mine").any()


def test_lines_tell_of_how_many_members_a_reason_holds():
    rows = frame([{"a": "it is empty", "b": "it is empty"}, {"a": "it is empty"}, {}], 0.0)
    assert [*gap_lines(rows)] == [
        "no a, b for 1 of 3 members: it is empty",
        "no a for 1 of 3 members: it is empty",
    ]


def test_reasons_of_two_measurements_are_joined():
    rows = frame([{"a": "one"}, None], 0.0), frame([{"b": "two"}, None], 0.0)
    joined = joined_reasons(*rows)
    assert json.loads(joined[GAPS][0]) == {"a": "one", "b": "two"} and pd.isna(joined[GAPS][1])
