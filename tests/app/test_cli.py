"""Bad input is one clear line and a non-zero status, before anything starts."""

import socket
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import bimt_bench
from bimt_bench.app.cli import app

SWEEP = {
    "name": "small",
    "title": "Small",
    "tasks": [{"task": "symbolic/independence", "steps": 20}],
    "space": {"recipe": ["bimt"], "strength": [1.0]},
    "seeds": [0],
}
TASK = Path(bimt_bench.__file__).parent.parent / "tasks" / "symbolic" / "independence.yaml"


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    for name in ("MLFLOW_TRACKING_URI", "BIMT_BENCH_TASKS", "BIMT_BENCH_DATA"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str):
        return CliRunner().invoke(app, list(arguments))

    return call


def refused(result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in result.output


def nothing_was_written(folder: Path) -> None:
    assert not list(folder.glob("runs/*")), "results of a refused sweep"
    assert not (folder / "mlflow.db").exists(), "a database of a refused sweep"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["symbolic/independance"], ["'symbolic/independance'", "'symbolic/independence'?"]),
        (["symbolic/independence", "--recipe", "bimbt"], ["'bimbt'", "did you mean 'bimt'"]),
        (["symbolic/independence", "--strength", "-1"], ["strength: -1.0", "greater than"]),
        (["symbolic/independence", "--learning-rate", "0"], ["learning_rate: 0.0"]),
        (["symbolic/independence", "--geometry", "lime"], ["'lime'", "did you mean 'line'"]),
        (["symbolic/independence", "--geometry", "grid"], ["20 neurons", "'hidden1'", "16 or 25"]),
        (["symbolic/independence", "--steps", "30000"], ["steps: 30000", "20000"]),
        (["symbolic/independence", "--device", "tpu"], ["device: 'tpu'", "cpu or cuda"]),
    ],
)
def test_run_refuses(invoke, tmp_path, arguments, words):
    refused(invoke("run", *arguments), *words)
    nothing_was_written(tmp_path)


def changed(path: str, value: object) -> dict:
    spec = yaml.safe_load(yaml.safe_dump(SWEEP))
    *parents, last = path.split(".")
    place = spec
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    place[last] = value
    return spec


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("tasks.0.task", "symbolic/sharing", ["tasks.0.task", "'symbolic/sharing'"]),
        ("tasks.0.steps", 10**6, ["tasks.0.steps: 1000000", "20000"]),
        ("space.recipe", ["bimbt"], ["'bimbt'", "did you mean 'bimt'"]),
        ("space.strength", [-1.0], ["strength", "-1.0", "greater than or equal to 0"]),
        ("space.geometry", ["grid"], ["20 neurons", "grid"]),
        ("space.strenght", [1.0], ["strenght", "did you mean 'strength'"]),
        ("sedes", [1], ["sedes", "did you mean 'seeds'"]),
        ("seeds", [1, 1], ["seeds must differ"]),
        (
            "search",
            {"kind": "optuna", "objectives": [{"metric": "modularityq"}]},
            ["'modularityq'", "did you mean 'modularity_q'"],
        ),
    ],
)
def test_sweep_refuses(invoke, tmp_path, path, value, words):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(changed(path, value)))
    refused(invoke("sweep", str(file)), *words)
    nothing_was_written(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("outputs", ["x1 + x9", "x2"], ["x9"]),
        ("outputs", ["log(x1)", "x2"], ["log(x1)"]),
        ("outputs", ["__import__('os').getcwd()", "x2"], ["outputs"]),
        ("lambda", -1.0, ["penalty.lambda", "-1.0"]),
        ("lamda", 1.0, ["lamda", "did you mean 'lambda'"]),
    ],
)
def test_a_faulty_task_of_ones_own_is_refused(invoke, tmp_path, field, value, words):
    task = yaml.safe_load(TASK.read_text())
    place = task["data"] if field == "outputs" else task["penalty"]
    place[field] = value
    task["name"] = "own/faulty"
    (tmp_path / "own" / "own").mkdir(parents=True)
    (tmp_path / "own" / "own" / "faulty.yaml").write_text(yaml.safe_dump(task))
    refused(invoke("run", "own/faulty", "--tasks-dir", str(tmp_path / "own")), *words)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_an_unreachable_cluster_is_refused(invoke, tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(SWEEP))
    address = f"127.0.0.1:{closed_port()}"
    refused(invoke("sweep", str(file), "--address", address), "address", address)
    nothing_was_written(tmp_path)


def test_an_unreachable_mlflow_server_is_refused(invoke, tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(SWEEP))
    uri = f"http://127.0.0.1:{closed_port()}"
    refused(invoke("sweep", str(file), "--tracking-uri", uri), "tracking_uri", uri)
    nothing_was_written(tmp_path)


def test_an_unknown_sweep_names_the_closest(invoke):
    refused(invoke("sweep", "quikc"), "'quikc'", "quick")


@pytest.mark.parametrize("command", ["tradeoff"])
def test_tradeoff_refuses_a_folder_without_results(invoke, tmp_path, command):
    refused(invoke(command, str(tmp_path)), "frame.parquet", str(tmp_path))


def test_version_tasks_and_recipes(invoke):
    assert invoke("--version").stdout.strip() == f"bimt-bench {bimt_bench.__version__}"
    listed = invoke("tasks").stdout
    for name in ("symbolic/independence", "modular/addition_59", "vision/mnist", "vision/digits"):
        assert name in listed
    assert "l1_swap" in invoke("recipes").stdout


def test_run_trains_scores_and_draws(invoke, tmp_path):
    result = invoke("run", "symbolic/feature_sharing", "--seeds", "2", "--steps", "30")
    assert result.exit_code == 0, result.output
    assert "shortened to 30 steps" in result.stdout
    assert "Test loss" in result.stdout
    said = " ".join(result.stdout.split())  # whatever width the line was wrapped to
    assert said.count("not measured here") == 1
    assert "module_recovery (no formulas that fall into independent components)" in said
    (folder,) = (tmp_path / "runs").iterdir()
    kinds = sorted(file.suffix for file in folder.iterdir())
    assert kinds == [".parquet", ".parquet", ".pdf", ".png"]


def test_vanilla_stands_beside_a_run_when_trained_with_it_or_before(invoke, tmp_path):
    task = ("run", "symbolic/feature_sharing", "--steps", "30")
    assert "vanilla (1 seeds)" not in invoke(*task).stdout
    together = invoke(*task, "--with-vanilla", "--strength", "2")
    assert "vanilla (1 seeds)" in together.stdout, together.output
    names = sorted(folder.name.split("-")[2] for folder in (tmp_path / "runs").iterdir())
    assert names == ["bimt", "bimt", "vanilla"]
    assert "vanilla (1 seeds)" in invoke(*task).stdout
    # another length is another task
    assert "vanilla (1 seeds)" not in invoke(*task[:2], "--steps", "40").stdout
    # and the baseline itself is compared with nothing
    assert "vanilla (1 seeds)" not in invoke(*task, "--recipe", "vanilla").stdout
