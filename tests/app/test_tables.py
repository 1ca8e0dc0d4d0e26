"""Tables: the scorecard's order, arrows and colours; a trade-off in a narrow terminal."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bimt_bench.app import tables
from bimt_bench.metrics import METRICS
from bimt_bench.results.tradeoff import tradeoff
from bimt_bench.spec import ReferencePoint
from tests.rows import member


def frame(recipe="bimt", seeds=3, **metrics):
    """Rows of a configuration; a metric is a value for all seeds or one a seed."""
    rows = {name: np.broadcast_to(value, seeds) for name, value in metrics.items()}
    return pd.DataFrame(
        {
            "task": "symbolic/independence", "recipe": recipe, "dial": "strength",
            "dial_value": 0.3, "seed": range(seeds),
            "status": "ok", "reason": None, "steps": 2000, "shortened": True, "shuffles": 20,
            **rows,
        }
    )  # fmt: skip


def cells(table):
    """The cells of a table by column header."""
    return {column.header: list(column.cells) for column in table.columns}


def printed(table, width=120):
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text()


def test_metrics_stand_in_the_registrys_order_with_arrows_and_families():
    found = cells(tables.of_scorecard(frame(**dict.fromkeys(reversed(list(METRICS)), 0.5))))
    assert found["metric"] == [one.title for one in METRICS.values()]
    wanted = ["↑" if one.direction == "higher" else "↓" for one in METRICS.values()]
    assert found["better"] == wanted
    assert found["family"] == [one.family for one in METRICS.values()]


def test_mean_and_deviation_over_seeds_and_what_the_run_was():
    table = tables.of_scorecard(
        frame(modularity_q=[0.25, 0.5, 0.75], test_loss=[1e-5, np.nan, 3e-5])
    )
    found = cells(table)
    assert [str(cell) for cell in found["mean"]] == ["2e-05", "0.5"]
    assert found["std"] == ["1.41e-05", "0.25"]
    note = "3 of 3 seeds, shortened to 2,000 steps, z against 20 shuffles"
    assert table.title == f"symbolic/independence · BIMT, strength 0.3 ({note})"


def test_a_metric_that_no_seed_has_is_left_out():
    found = cells(tables.of_scorecard(frame(accuracy=np.nan, r2=1.0)))
    assert found["metric"] == ["R²"]


def test_better_than_the_baseline_is_green_and_worse_red_whichever_way_is_better():
    own = frame(test_loss=0.1, r2=0.9, modularity_q=0.5, ncut=2.0, live_neurons=0.5)
    vanilla = frame(
        "vanilla", 2, test_loss=0.2, r2=1.0, modularity_q=0.5, ncut=[1.0, 1.5], live_neurons=np.nan
    )
    table = tables.of_scorecard(own, vanilla)
    found = cells(table)
    assert found["Vanilla (2 seeds)"] == ["0.2", "1", "-", "0.5", "1.25"]
    assert [span.style for cell in found["mean"] for span in cell.spans] == ["green", "red", "red"]
    colours = {
        title: [span.style for span in cell.spans]
        for title, cell in zip(found["metric"], found["mean"], strict=True)
    }
    assert colours == {
        "Test loss": ["green"], "R²": ["red"], "Live neurons": [], "Modularity Q": [],
        "Normalised cut": ["red"],
    }  # fmt: skip


def test_without_a_baseline_nothing_is_coloured_and_no_column_is_empty():
    found = cells(tables.of_scorecard(frame(r2=0.9)))
    assert list(found) == ["metric", "mean", "std", "better", "family"]
    assert not found["mean"][0].spans


def test_a_seed_that_diverged_is_named_and_not_averaged():
    rows = frame(r2=[0.5, 0.7, np.nan])
    rows.loc[2, ["status", "reason"]] = ["diverged", "the loss left every scale at step 100"]
    text = printed(tables.of_scorecard(rows, frame("vanilla", r2=0.9)))
    assert "2 of 3 seeds" in text
    assert "seed 2: the loss left every scale at step 100" in text
    assert "0.6" in text


def test_a_row_of_a_trade_off_is_a_line_of_eighty_columns():
    rows = [
        member(recipe, strength, seed, x=strength / 40 + seed / 997, y=strength / 30 + seed / 991)
        for recipe in ("l1", "l1_local")
        for strength in (3.0, 30.0)
        for seed in range(3)
    ]
    frame = pd.DataFrame(rows).rename(columns={"modularity_q": "cross_cluster_mass"})
    found = tradeoff(
        frame,
        x="cross_cluster_mass",
        x_direction="higher",
        reference=ReferencePoint(modularity=0.0, performance=0.0),
    )
    text = printed(tables.of_tradeoff(found, performance="accuracy"), width=80)
    lines = [line for line in text.splitlines() if line.lstrip().startswith("L1")]
    assert len(lines) == 4
    assert all(line.count("(") == line.count(")") == 2 for line in lines)
    assert "cross_cluster_mass ↑" in text and "accuracy ↑" in text and "…" not in text
    best = next(line for line in lines if " 30 " in line and "locality" in line)
    assert "0.7510 (0.749..0.753)" in best and "1.001 (0.999..1.00)" in best and "●" in best


def test_a_trade_off_says_on_which_data_it_was_searched():
    rows = pd.DataFrame([member("bimt", 1.0, seed) for seed in range(2)])
    axes = {"x": "modularity_q", "x_direction": "higher"}
    corner = ReferencePoint(modularity=0.0, performance=0.0)
    plain, searched = (
        tables.of_tradeoff(
            tradeoff(rows, **axes, reference=corner, searched_on=told), performance="r2"
        ).caption
        for told in ("", "validation points drawn anew")
    )
    assert "searched on validation points drawn anew" in searched
    assert "searched" not in plain


@pytest.mark.parametrize("seeds", [3, 4])
def test_interquartile_means_stand_beside_means_where_there_are_runs_enough(seeds):
    rows = [
        member(recipe, 1.0, seed, x=0.3, y=y)
        for recipe in ("vanilla", "bimt")
        for seed, y in zip(range(seeds), (0.9, 0.8, -7.0, 0.9), strict=False)
    ]
    found = tradeoff(
        pd.DataFrame(rows),
        x="modularity_q",
        x_direction="higher",
        reference=ReferencePoint(modularity=0.0, performance=-8.0),
    )
    text = printed(tables.of_tradeoff(found, performance="r2"), width=80)
    assert ("0.8500" in text and "interquartile mean" in text) == (seeds == 4)
    text = printed(tables.of_recipes_compared(found), width=120)
    assert "runs better" in text and "50 %, 50 %" in text


def test_rows_of_a_trade_off_that_share_a_dial_say_what_else_differs():
    places = {"line": "l1", "coil": '{"kind": "p_norm", "p": 2.5}'}
    rows = [
        member("bimt", 1.0, seed, x=0.3, y=rate, learning_rate=rate, geometry=place)
        | {
            "distance": distance,
            "configuration": f"{rate}{place}",
            "member": f"{rate}{place}{seed}",
        }
        for rate in (0.003, 0.01)
        for place, distance in places.items()
        for seed in range(2)
    ]
    rows += [member("l1", 1.0, seed, x=0.2, y=0.5) for seed in range(2)]
    found = tradeoff(
        pd.DataFrame(rows),
        x="modularity_q",
        x_direction="higher",
        reference=ReferencePoint(modularity=0.0, performance=0.0),
    )
    table = tables.of_tradeoff(found, performance="r2")
    assert cells(table)["settings"] == [
        "strength 1",
        "strength 1, learning rate 0.003, geometry coil",
        "strength 1, learning rate 0.003, geometry line",
        "strength 1, learning rate 0.01, geometry coil",
        "strength 1, learning rate 0.01, geometry line",
    ]
    narrow = printed(table, width=80)
    assert "…" not in narrow and narrow.count("0.3000 (0.300..0.300)") == 4
    assert max(map(len, narrow.splitlines())) <= 80
