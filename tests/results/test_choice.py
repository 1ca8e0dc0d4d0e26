"""Best, median and knee: which member stands for many."""

import pandas as pd
import pytest

from bimt_bench.results.choice import best, choose, knee, median
from bimt_bench.results.tradeoff import tradeoff
from bimt_bench.spec import ReferencePoint
from tests.rows import member

# x and y of configurations on a front; the third bulges most once both axes run from 0 to 1
FRONT = [(0.0, 10.0), (0.1, 9.9), (0.8, 9.0), (0.9, 4.0), (1.0, 0.0)]


def rows_of(places, *, seeds=3, recipe="l1") -> pd.DataFrame:
    """A configuration a place, whose seeds lie around it; the last seed is its median."""
    return pd.DataFrame(
        [
            member(recipe, float(i + 1), seed, x=x, y=y + (0.01, -0.01, 0.0)[seed])
            for i, (x, y) in enumerate(places)
            for seed in range(seeds)
        ]
    )


def tradeoff_of(rows, **directions):
    return tradeoff(
        rows,
        x="modularity_q",
        x_direction=directions.get("x", "higher"),
        y_direction=directions.get("y", "higher"),
        reference=ReferencePoint(modularity=-20.0, performance=-20.0),
    )


def of(rows, digest):
    (row,) = rows[rows["member"] == digest].to_dict("records")
    return row["dial_value"], row["seed"]


def test_the_best_member_is_of_best_performance_and_lowest_seed():
    rows = rows_of(FRONT)
    assert of(rows, best(rows)) == (1.0, 0)
    rows["performance"] = 1.0
    assert rows.set_index("member").loc[best(rows.iloc[::-1]), "seed"] == 0
    rows["performance_metric"] = "mean_absolute_error"
    rows["performance"] = range(len(rows))
    assert best(rows) == rows["member"].iloc[0], "lower is better"


def test_members_that_did_not_finish_stand_for_nobody():
    rows = rows_of(FRONT)
    lost = rows.assign(status="diverged", performance=float("nan"))
    assert best(lost) is None and median(lost) is None
    rows.loc[0, "status"] = "diverged"
    assert of(rows, best(rows)) == (1.0, 2)


@pytest.mark.parametrize("x", ["higher", "lower"])
@pytest.mark.parametrize("y", ["higher", "lower"])
def test_the_knee_lies_farthest_beyond_the_chord(x, y):
    signs = [1 if way == "higher" else -1 for way in (x, y)]
    rows = rows_of([(a * signs[0], b * signs[1]) for a, b in FRONT])
    found = tradeoff_of(rows, x=x, y=y)
    assert len(found.front) == 5
    assert of(rows, knee(rows, found)) == (3.0, 2)


def test_the_knee_lies_between_the_ends_even_of_a_front_that_bends_inwards():
    rows = rows_of([(0.0, 1.0), (0.2, 0.5), (0.5, 0.1), (1.0, 0.0)])
    assert of(rows, knee(rows, tradeoff_of(rows)))[0] == 2.0


@pytest.mark.parametrize("places", [FRONT[:2], [(0.5, 0.5)], [(0.5, 0.5)] * 3])
def test_a_front_without_a_knee_has_a_best_member(places):
    rows = rows_of(places)
    assert knee(rows, tradeoff_of(rows)) == best(rows)


def test_each_recipe_has_its_own_knee():
    ours, theirs = rows_of(FRONT), rows_of([(x - 5, y - 5) for x, y in FRONT], recipe="bimt")
    rows = pd.concat([ours, theirs], ignore_index=True)
    found = tradeoff_of(rows)
    digest = knee(rows, found, recipe="bimt")
    assert digest in set(theirs["member"]) and of(rows, digest)[0] == 3.0
    assert knee(rows, found) in set(ours["member"])


def test_only_a_knee_asks_for_a_trade_off():
    rows = rows_of(FRONT)

    def refuse():
        raise AssertionError("asked")

    assert choose("best", rows, refuse) == best(rows)
    assert choose("median", rows, refuse) == median(rows)
    assert choose("knee", rows, lambda: tradeoff_of(rows)) == knee(rows, tradeoff_of(rows))
