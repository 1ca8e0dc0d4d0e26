"""From a sweep's YAML to figures and MLflow runs: real Ray, real MLflow on SQLite."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bimt_bench.results import comparison, read_frame

pytestmark = pytest.mark.slow

SPEC = {
    "name": "tiny",
    "title": "Tiny",
    "tasks": [
        {"task": "symbolic/independence", "steps": 200},
        {"task": "vision/digits", "steps": 40},
    ],
    "space": {"recipe": ["vanilla", "l1", "bimt"], "strength": [0.3, 3.0]},
    "seeds": [0, 1],
    "shuffles": 3,
    "metrics": ["usual", "modularity_z"],
    "pack_size": 4,
}
DRAWINGS = [
    f"network-{recipe}-{which}"
    for recipe in ("vanilla", "l1", "bimt")
    for which in ("best", "median", "knee")
]
FACTS = ["performance", "test_loss", "modularity_q", "modularity_z", "connection_cost"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, str]:
    """A folder in which the command line ran the sweep, and what it printed."""
    folder = tmp_path_factory.mktemp("end_to_end")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(SPEC))
    return folder, command(folder, "sweep", "tiny.yaml").stdout


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    hidden = ("MLFLOW_TRACKING_URI", "BIMT_BENCH_DATA", "BIMT_BENCH_TASKS", "RAY_ADDRESS")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    found = subprocess.run(
        [sys.executable, "-m", "bimt_bench", *arguments],
        cwd=folder,
        env={**environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found


def test_a_sweep_writes_one_frame(finished):
    folder, printed = finished
    (results,) = (folder / "runs").glob("tiny-*")
    frame = read_frame(results)
    assert len(frame) == 2 * 5 * 2
    assert not frame["member"].duplicated().any()
    assert (frame["status"] == "ok").all()
    assert frame[FACTS].notna().all(axis=None)
    assert "frame.parquet" in printed
    assert "mlflow ui --backend-store-uri sqlite:///mlflow.db" in printed


def test_every_task_has_a_figure(finished):
    folder, printed = finished
    for task in ("symbolic-independence", "vision-digits"):
        for figure in ("tradeoff", "curves"):
            files = list(folder.glob(f"runs/tiny-*/figures/{task}/{figure}.p*"))
            assert sorted(file.suffix for file in files) == [".pdf", ".png"]
            assert all(file.stat().st_size > 5000 for file in files)
            assert f"{task}/{figure}.png" in printed


def test_each_recipe_leaves_drawings_of_its_best_median_and_knee(finished):
    folder, printed = finished
    for task in ("symbolic-independence", "vision-digits"):
        for name in DRAWINGS:
            (picture,) = folder.glob(f"runs/tiny-*/figures/{task}/{name}.png")
            assert picture.with_suffix(".svg").is_file()
            assert f"{task}/{name}.png" in printed


def test_mlflow_holds_a_parent_a_task_and_a_child_a_configuration(finished):
    from mlflow import MlflowClient

    folder, _ = finished
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "bimt_bench"]
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    parents = {run.info.run_id: run for run in runs if run not in children}
    assert len(parents) == 2
    assert len(children) == 10
    (results,) = (folder / "runs").glob("tiny-*")
    means = read_frame(results).groupby("configuration")[FACTS].mean()
    for child in children:
        expected = means.loc[child.data.tags["bimt_bench.configuration"]]
        for name in FACTS:
            assert child.data.metrics[name] == pytest.approx(expected[name])
        own = child.data.params["modularity_axis"]
        assert child.data.metrics["modularity"] == child.data.metrics[own]
    drawn = [run.info.run_id for run in children if client.list_artifacts(run.info.run_id)]
    assert len(drawn) >= 2 * 3  # a task and recipe each, of the best at least
    for child in drawn:
        assert {file.path for file in client.list_artifacts(child)} == {"network.png"}
    for parent in parents.values():
        assert parent.info.status == "FINISHED"
        assert parent.data.metrics["hypervolume"] >= 0.0
        files = {file.path for file in client.list_artifacts(parent.info.run_id)}
        assert {"tradeoff.json", "figures"} <= files
        figures = {file.path for file in client.list_artifacts(parent.info.run_id, "figures")}
        kinds = ("png", "svg")
        assert {f"figures/{name}.{kind}" for name in DRAWINGS for kind in kinds} <= figures
        table = client.download_artifacts(parent.info.run_id, "tradeoff.json", str(folder))
        assert len(json.loads(Path(table).read_text())["data"]) == 5


def test_resuming_a_finished_sweep_computes_nothing_and_changes_nothing(finished):
    folder, _ = finished
    (results,) = (folder / "runs").glob("tiny-*")
    before = (results / "frame.parquet").read_bytes()
    printed = command(folder, "sweep", "tiny.yaml", "--resume")
    assert "20 from before" in printed.stderr
    assert (results / "frame.parquet").read_bytes() == before


def test_another_number_of_workers_gives_the_same_numbers(finished):
    folder, _ = finished
    command(folder, "sweep", "tiny.yaml", "--workers", "1", "--results-dir", "one", "--no-track")
    (first,) = (folder / "runs").glob("tiny-*")
    (second,) = (folder / "one").glob("tiny-*")
    a, b = (read_frame(f).drop(columns="seconds") for f in (first, second))
    pd.testing.assert_frame_equal(a, b, check_exact=True)
    a, b = (pd.read_parquet(f / "curves.parquet") for f in (first, second))
    pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_tradeoffs_can_be_made_again_from_the_folder(finished, tmp_path):
    folder, _ = finished
    (results,) = (folder / "runs").glob("tiny-*")
    found = list(comparison.compare([results, results], x="mean_wire_length", out=tmp_path))
    assert [c.report.tradeoff.x for c in found] == ["mean_wire_length"] * 2
    assert [c.report.tradeoff.members for c in found] == [10, 10]
    assert [c.report.tradeoff.repeated for c in found] == [10, 10]
    assert all(len(pd.read_csv(c.tables[0])) == 5 for c in found)
