"""How settings are said: which differ, and in how few letters."""

import pytest

from bimt_bench.recipes import differing, said, short

LINE = {"strength": 1.0, "rate": 0.01, "geometry": "line", "distance": "l1"}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], ()),
        ([{"strength": 3.0}], ()),
        ([{"rate": 0.1}, {"strength": 3.0}], ("rate",)),
        ([{"rate": None}], ("rate",)),
        ([{"geometry": "ring", "distance": "l2"}], ("geometry",)),
        ([{"geometry": "ring"}, {"distance": "l2"}], ("geometry", "distance")),
        ([{"distance": "l2"}], ("distance",)),
    ],
)
def test_what_differs_besides_the_dial(others, expected):
    assert differing([LINE, *(LINE | other for other in others)], "strength") == expected


def test_what_is_empty_is_not_said():
    assert said({"rate": 0.00123456, "size": None, "top": 5}, ["top", "rate", "size", "other"]) == {
        "top": "5",
        "rate": "0.001235",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (20000, "20000"),
        (True, "True"),
        ("ring", "ring"),
        ('{"kind": "p_norm", "p": 2.5}', "p_norm p=2.5"),
        ('{"kind" is no JSON', '{"kind" is no JSON'),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_values_are_short(value, expected):
    assert short(value) == expected
