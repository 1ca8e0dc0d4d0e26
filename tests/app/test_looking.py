"""Commands that look at results: what Python finds is written, and mistakes are one line."""

import json

import numpy as np
import pandas as pd
import pytest

from bimt_bench import results
from bimt_bench.app import given
from bimt_bench.results import SCORES
from bimt_bench.spec import METRICS, catalog, configured
from bimt_bench.tuning import train_pack
from tests.app.said import refused

TASK = "symbolic/independence"


@pytest.fixture(scope="module")
def trained() -> results.Results:
    asked = [configured({"recipe": "bimt", "steps": 20, "strength": s}) for s in (0.3, 3.0)]
    return results.of_pack(
        train_pack(catalog.task(TASK), asked, seeds=(0, 1), device="cpu", shuffles=2)
    )


@pytest.fixture
def run(trained, tmp_path, invoke):
    trained.save(tmp_path / "kept")
    return "kept"


def done(result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_draw_one_or_those_of_each_recipe(invoke, run, tmp_path, trained):
    said = done(invoke("draw", run, "knee", "--recipe", "bimt", "--format", "png", "--out", "d"))
    assert said.split() == ["d/network-bimt-knee.png"]
    said = done(invoke("draw", run, trained.members[1][:6], "--format", "svg, pdf", "--out", "d"))
    assert said.split() == [f"d/network-{trained.members[1]}.{one}" for one in ("svg", "pdf")]
    said = done(invoke("draw", run))
    folder = tmp_path / run / "figures" / "symbolic-independence"
    assert len(said.split()) == 6
    assert {file.name for file in folder.iterdir()} == {
        f"network-bimt-{which}.{kind}" for which in results.CHOICES for kind in ("png", "svg")
    }


def test_export_writes_the_network(invoke, run, tmp_path, trained):
    said = done(invoke("export", run, "best", "--task", TASK))
    folder = f"network-{trained.best().member}"
    assert said.split() == [f"{folder}/network.safetensors", f"{folder}/network.json"]
    told = json.loads((tmp_path / folder / "network.json").read_text())
    assert told["member"]["member"] == trained.best().member
    done(invoke("export", run, trained.members[0], "--out", "mine"))
    assert (tmp_path / "mine" / "network.json").is_file()


@pytest.mark.parametrize(
    "order",
    [
        ["metrics", "kept", "--metrics", "sparsity,modularity_q", "--members", "best"],
        ["metrics", "--members", "best", "--metrics", "sparsity,modularity_q", "kept"],
        ["metrics", "score", "kept", "--metrics", "sparsity", "--metrics", "modularity_q",
         "--members", "best"],
    ],
)  # fmt: skip
def test_metrics_of_a_run_are_measured(invoke, run, tmp_path, trained, order):
    said = done(invoke(*order))
    assert "Modularity Q" in said and "BIMT (1 member)" in said and "kept/metrics.parquet" in said
    (found,) = pd.read_parquet(tmp_path / run / SCORES).itertuples()
    assert found.member == trained.best().member
    wanted = trained.frame.set_index("member").loc[found.member, "modularity_q"]
    assert found.modularity_q == pytest.approx(wanted)


@pytest.fixture
def stranger(invoke):
    """The file of a metric of somebody's own, which is known no more afterwards."""
    done(invoke("new", "metric", "mine"))
    yield "mine.py"
    for source in METRICS.sources():
        METRICS.drop(source)


def test_a_metric_of_ones_own_is_measured_of_what_was_trained_before(invoke, run, stranger):
    plugin = ("--plugin", stranger)
    done(invoke("metrics", *plugin, run, "--metrics", "mine"))
    assert "mine" in done(invoke("tradeoff", run, *plugin, "--x", "mine", "--out", "t"))
    assert "│ mine " in done(invoke("metrics", *plugin))
    assert "modularity_q" in done(invoke("metrics", *plugin, "show", "modularity_q"))


def test_tradeoff_of_any_two_metrics_and_of_a_lone_file(invoke, run, tmp_path, trained):
    asked = ("--x", "mean_wire_length", "--y", "modularity_q", "--task", TASK)
    said = done(invoke("tradeoff", run, *asked, "--out", "t"))
    assert "mean_wire_length ↓" in said and "modularity_q ↑" in said
    table = pd.read_csv(tmp_path / "t" / "symbolic-independence-20" / "tradeoff.csv")
    wanted = trained.tradeoff(x="mean_wire_length", y="modularity_q").table()
    np.testing.assert_allclose(table["y_mean"], wanted["y_mean"])
    assert list(table["on_front"]) == list(wanted["on_front"])
    trained.frame.to_parquet("alone.parquet")
    said = done(invoke("tradeoff", "alone.parquet", "--out", "u"))
    names = {file.name for file in (tmp_path / "u" / "symbolic-independence-20").iterdir()}
    assert names == {
        "tradeoff.png",
        "tradeoff.pdf",
        "tradeoff.csv",
        "recipes.csv",
    }  # curves were not kept


def test_results_without_weights_have_trade_offs_alone(invoke, tmp_path, trained):
    trained.frame.to_parquet(tmp_path / "alone.parquet")
    for line in (["draw", "alone.parquet"], ["metrics", "alone.parquet"]):
        refused(invoke(*line), "weights of member", "were not kept")
    refused(invoke("export", "alone.parquet", "best"), "were not kept")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["draw", "kept", "bst"], ["'bst'", "did you mean 'best'?"]),
        (["draw", "kept", "--format", "pgn"], ["'pgn'", "did you mean 'png'?"]),
        (["draw", "kept", "best", "--recipe", "bmt"], ["'bmt'", "did you mean 'bimt'?"]),
        (["draw", "kept", "--task", "symbolic/independance"], [f"did you mean '{TASK}'?"]),
        (["draw", "ketp"], ["'ketp'", "did you mean 'kept'?"]),
        (["export", "kept", "mediann"], ["did you mean 'median'?"]),
        (["metrics", "kept", "--metrics", "modularityq"], ["did you mean 'modularity_q'?"]),
        (["metrics", "kept", "--members", "frnt"], ["did you mean 'front'?"]),
        (["metrics", "modularity_q"], ["bimt-bench metrics show modularity_q"]),
        (["tradeoff", "kept", "--y", "modularityq"], ["did you mean 'modularity_q'?"]),
        (["tradeoff", "kept", "--task", "symbolic/independance"], [f"did you mean '{TASK}'?"]),
        (["sweep", "quick", "--draw", "al"], ["draw: 'al'", "did you mean 'all'?"]),
    ],
)
def test_what_is_not_there_is_one_line_with_the_nearest(invoke, run, tmp_path, arguments, words):
    refused(invoke(*arguments), *words)
    assert not (tmp_path / run / "figures").exists()
    assert not (tmp_path / "mlflow.db").exists()


def test_lists_of_names_may_be_repeated():
    assert given.names(["a,b", " c "]) == ["a", "b", "c"]
    assert given.names(None) == []
