"""Which version of its metric a value is of, and that versions do not mix."""

import dataclasses

import pandas as pd
import pytest

from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS, VERSIONS, one_version, versions_column, versions_in

SECOND = '{"r2": 2}'


@pytest.fixture
def second(monkeypatch):
    """r2 in its second version."""
    changed = dataclasses.replace(METRICS["r2"], version=2)
    monkeypatch.setitem(METRICS._held, "r2", changed)


def test_the_column_says_which_metrics_are_beyond_their_first_version(second):
    assert versions_column(["r2", "accuracy"], 2).tolist() == [SECOND, SECOND]
    assert versions_column(["accuracy"], 1).isna().all()


def test_a_frame_that_says_nothing_has_first_versions():
    frame = pd.DataFrame({"r2": [0.5, 0.6]})
    assert versions_in(frame, "r2").tolist() == [1, 1]
    assert one_version(frame, "r2") == 1
    told = frame.assign(**{VERSIONS: [SECOND, None]})
    assert versions_in(told, "r2").tolist() == [2, 1]
    assert versions_in(told, "accuracy").tolist() == [1, 1]


def test_versions_do_not_mix_and_members_without_a_value_do_not_count():
    frame = pd.DataFrame({"r2": [0.5, None], VERSIONS: [SECOND, None]})
    assert one_version(frame, "r2") == 2
    with pytest.raises(InputError, match="'r2' was measured in versions 1 and 2") as refused:
        one_version(frame.fillna({"r2": 0.1}), "r2")
    assert "--metrics r2" in str(refused.value) and "\n" not in str(refused.value)
