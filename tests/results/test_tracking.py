"""Tracking: what lands in a real MLflow, twice over, and what bad addresses say."""

import http.server
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run

from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS
from bimt_bench.results.tracking import Tracker, bulk, open_command, resolve_uri, summary
from tests.rows import member

PNG = b"\x89PNG\r\n\x1a\n not a real image, but the bytes must arrive"
TASK = "symbolic/independence"


def make_rows(
    *, configuration: str = "c" * 12, recipe: str = "bimt", diverged: tuple[int, ...] = ()
) -> pd.DataFrame:
    """Three members whose performance is 0.1, 0.2, 0.6; accuracy is unmeasured."""
    rows = []
    for seed, performance in enumerate((0.1, 0.2, 0.6)):
        lost = seed in diverged
        rows.append(
            {
                "task": TASK,
                "task_version": 1,
                **member(recipe, 0.3, seed, task=TASK, steps=400, shortened=True, reduce="sum"),
                "performance_metric": "r2",
                "shuffles": 20,
                "configuration": configuration,
                "member": f"{configuration[:8]}{seed:04x}",
                "status": "diverged" if lost else "ok",
                "reason": "loss is nan at step 7" if lost else None,
                "seconds": 2.0,
                **dict.fromkeys(METRICS, math.nan if lost else 1.0),
                "performance": math.nan if lost else performance,
                "accuracy": math.nan,
            }
        )
    return pd.DataFrame(rows)


def make_curves(rows: pd.DataFrame, points: int = 5) -> pd.DataFrame:
    """train_loss of a member is its seed plus its step; a diverged one's is NaN."""
    return pd.DataFrame(
        {
            "member": row["member"],
            "step": 100 * point,
            "train_loss": row["seed"] + 100.0 * point if row["status"] == "ok" else math.nan,
            "test_loss": 1.0,
            "performance": 0.5,
            "cost": 3.0,
        }
        for _, row in rows.iterrows()
        for point in range(points)
    )


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for the module, because making one takes seconds; tests differ by digest."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def tracker(uri: str) -> Tracker:
    return Tracker.open(uri, "tests")


def start(tracker: Tracker, digest: str, **environment: object) -> str:
    return tracker.start_task(
        TASK, "quick", sweep_digest=digest, spec_text="name: quick\n", environment=environment
    )


def children(tracker: Tracker, parent: str) -> list[Run]:
    query = f"tags.`mlflow.parentRunId` = '{parent}'"
    return list(tracker.client.search_runs([tracker.experiment_id], query))


def artifacts(tracker: Tracker, run: str, folder: str | None = None) -> set[str]:
    return {file.path for file in tracker.client.list_artifacts(run, folder)}


def read(tracker: Tracker, run: str, file: str, folder: Path) -> bytes:
    return Path(tracker.client.download_artifacts(run, file, str(folder))).read_bytes()


def log(tracker: Tracker, parent: str, rows: pd.DataFrame, **told: Any) -> str:
    """The child run of the one configuration in the rows."""
    (child,) = tracker.log_configurations(parent, rows, make_curves(rows), **told).values()
    return child


# ----------------------------------------------------------------------- runs


def test_a_configuration_becomes_a_child_with_its_seed_statistics(
    tracker: Tracker, tmp_path: Path
) -> None:
    parent = start(tracker, "a" * 12, cores=2)
    rows = make_rows()
    usual = {"strength": 1.0, "learning_rate": 4e-3, "geometry": "line"}
    child = log(
        tracker,
        parent,
        rows,
        published={"bimt": usual},
        drawings={"c" * 12: PNG},
        axis="cross_cluster_mass",
    )
    run = tracker.client.get_run(child)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"{TASK} · BIMT strength=0.3 learning_rate=0.002"
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.data.metrics["performance"] == pytest.approx(0.3)
    assert run.data.metrics["performance_std"] == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
    assert run.data.metrics["seeds"] == 3
    assert run.data.metrics["diverged"] == 0
    assert "accuracy" not in run.data.metrics
    assert run.data.params["recipe"] == "bimt"
    assert (run.data.params["dial"], run.data.params["dial_value"]) == ("strength", "0.3")
    assert run.data.params["seeds"] == "0, 1, 2"
    one = {
        name: str(value)
        for name, value in rows.iloc[0].items()
        if name not in (*METRICS, *summary.OF_MEMBERS)
    }
    axis = {"modularity_axis": "cross_cluster_mass", "modularity_axis_version": "1"}
    assert run.data.params == one | {"seeds": "0, 1, 2"} | axis
    assert run.data.metrics["modularity"] == run.data.metrics["cross_cluster_mass"]
    assert run.data.metrics["modularity_std"] == 0.0
    assert read(tracker, child, "network.png", tmp_path) == PNG
    curve = tracker.client.get_metric_history(child, "curve/train_loss")
    assert [(m.step, m.value) for m in sorted(curve, key=lambda m: m.step)] == [
        (100 * point, 1.0 + 100.0 * point) for point in range(5)
    ]


@pytest.mark.parametrize("diverged", [(), (0, 1, 2)])
def test_a_run_written_at_once_is_the_run_that_mlflow_writes(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, diverged: tuple[int, ...]
) -> None:
    digest = f"{len(diverged):012x}"
    parent = start(tracker, digest)
    rows = make_rows(configuration=digest, diverged=diverged)
    one = log(tracker, parent, rows, axis="modularity_q")
    assert bulk.write(tracker.client, tracker.experiment_id, []) == []  # not None: it can be used
    monkeypatch.setattr(bulk, "_TABLES", {**bulk._TABLES, "SqlTag": {"another", "version"}})
    assert bulk.write(tracker.client, tracker.experiment_id, []) is None
    tracker._children[parent].clear()
    other = log(tracker, parent, rows, axis="modularity_q")
    assert one != other

    def told(run: str) -> dict[str, Any]:
        """All that MLflow says of a run, but for its id and when it was."""
        found = tracker.client.get_run(run).to_dictionary()
        info = {
            name: str(value).replace(run, "")
            for name, value in found["info"].items()
            if name not in ("start_time", "end_time")
        }
        curves = {
            name: [(point.step, point.value) for point in sorted(history, key=lambda p: p.step)]
            for name in found["data"]["metrics"]
            if (history := tracker.client.get_metric_history(run, name))
        }
        return {**found, "info": info, "curves": curves}

    assert told(one) == told(other)
    assert tracker.client.get_run(one).info.end_time is not None


def test_a_resumed_sweep_writes_nothing_twice(tracker: Tracker, uri: str) -> None:
    rows = make_rows()
    parent = start(tracker, "b" * 12)
    first = log(tracker, parent, rows)
    again = log(tracker, parent, rows)
    resumed = Tracker.open(uri, "tests")
    assert start(resumed, "b" * 12) == parent
    after = log(resumed, parent, rows)
    other = make_rows(configuration="d" * 12)
    second = log(resumed, parent, other)
    assert first == again == after != second
    assert {run.info.run_id for run in children(resumed, parent)} == {first, second}
    assert len(resumed.client.get_metric_history(first, "curve/cost")) == 5


def test_tasks_and_sweeps_have_parents_of_their_own(tracker: Tracker) -> None:
    parent = start(tracker, "e" * 12)
    other = tracker.start_task(
        "vision/digits", "quick", sweep_digest="e" * 12, spec_text="", environment={}
    )
    assert len({parent, other, start(tracker, "f" * 12)}) == 3


def test_a_child_that_was_half_written_is_replaced(tracker: Tracker, uri: str) -> None:
    rows = make_rows()
    parent = start(tracker, "1" * 12)
    tags = {
        "mlflow.parentRunId": parent,
        "bimt_bench.kind": "configuration",
        "bimt_bench.configuration": "c" * 12,
    }
    half = tracker.client.create_run(tracker.experiment_id, tags=tags).info.run_id
    resumed = Tracker.open(uri, "tests")
    start(resumed, "1" * 12)
    child = log(resumed, parent, rows)
    assert [run.info.run_id for run in children(resumed, parent)] == [child]
    assert child != half


def test_diverged_members_are_counted_and_left_out_of_the_means(tracker: Tracker) -> None:
    parent = start(tracker, "2" * 12)
    rows = make_rows(diverged=(2,))
    run = tracker.client.get_run(log(tracker, parent, rows))
    assert run.info.status == "FINISHED"
    assert run.data.metrics["diverged"] == 1
    assert run.data.metrics["seeds"] == 2
    assert run.data.metrics["performance"] == pytest.approx(0.15)
    assert run.data.metrics["curve/train_loss"] == pytest.approx(400.5)
    assert "seed 2: loss is nan at step 7" in run.data.tags["mlflow.note.content"]


def test_a_configuration_without_a_survivor_is_a_failed_run(tracker: Tracker) -> None:
    parent = start(tracker, "3" * 12)
    rows = make_rows(diverged=(0, 1, 2))
    run = tracker.client.get_run(log(tracker, parent, rows))
    assert run.info.status == "FAILED"
    assert run.data.metrics == {"seeds": 0, "diverged": 3}


def test_configurations_that_are_logged_together_stay_apart(tracker: Tracker) -> None:
    parent = start(tracker, "8" * 12)
    one, other = make_rows(), make_rows(configuration="d" * 12, recipe="l1", diverged=(0,))
    rows = pd.concat([one, other]).sample(frac=1.0, random_state=0)
    found = tracker.log_configurations(parent, rows, make_curves(rows))
    apart = start(tracker, "9" * 12)
    for name, own in (("c" * 12, one), ("d" * 12, other)):
        alone = tracker.client.get_run(log(tracker, apart, own)).data
        together = tracker.client.get_run(found[name]).data
        assert together.params == alone.params
        assert together.metrics == pytest.approx(alone.metrics)
        assert together.params["seeds"] == "0, 1, 2"


def test_the_parent_ends_with_table_figure_front_spec_and_environment(
    tracker: Tracker, tmp_path: Path
) -> None:
    parent = start(tracker, "4" * 12, cores=2)
    figure = tmp_path / "tradeoff.png"
    figure.write_bytes(PNG)
    table = make_rows(diverged=(1,))
    metrics = {"hypervolume/bimt": 0.5, "front/bimt": 2, "hypervolume/l1": math.nan}
    for _ in range(2):  # a second finish replaces the first, and appends no rows
        tracker.finish_task(parent, table, figures=[figure], metrics=metrics)
    run = tracker.client.get_run(parent)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"quick · {TASK}"
    assert run.data.metrics == {"hypervolume/bimt": 0.5, "front/bimt": 2}
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [
        {"path": "tradeoff.json", "type": "table"}
    ]
    shown = json.loads(read(tracker, parent, "tradeoff.json", tmp_path))
    assert shown["columns"] == list(table.columns)
    assert len(shown["data"]) == 3
    assert shown["data"][1][shown["columns"].index("performance")] is None
    assert artifacts(tracker, parent, "figures") == {"figures/tradeoff.png"}
    assert read(tracker, parent, "sweep.yaml", tmp_path) == b"name: quick\n"
    assert json.loads(read(tracker, parent, "environment.json", tmp_path)) == {"cores": 2}


def test_a_resume_elsewhere_keeps_both_environments(tracker: Tracker) -> None:
    parent = start(tracker, "5" * 12, cores=2)
    start(tracker, "5" * 12, cores=64)
    start(tracker, "5" * 12, cores=2)
    names = {name for name in artifacts(tracker, parent) if name.startswith("environment")}
    assert "environment.json" in names
    assert len(names) == 2


def test_a_failed_parent_is_taken_up_again(tracker: Tracker) -> None:
    parent = start(tracker, "6" * 12)
    tracker.fail(parent)
    assert tracker.client.get_run(parent).info.status == "FAILED"
    assert start(tracker, "6" * 12) == parent
    assert tracker.client.get_run(parent).info.status == "RUNNING"


def test_artifacts_lie_beside_the_database(tracker: Tracker, uri: str) -> None:
    parent = start(tracker, "7" * 12)
    folder = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
    assert (folder / parent / "artifacts" / "sweep.yaml").is_file()


# ----------------------------------------------------------------------- curves and names


def test_long_curves_are_thinned_and_keep_both_ends() -> None:
    rows = make_rows()
    curves = summary.mean_curves(rows, make_curves(rows, points=1001))
    curve = curves["c" * 12]["curve/train_loss"]
    steps = list(curve)
    assert len(steps) == summary.CURVE_POINTS
    assert (steps[0], steps[-1]) == (0, 100_000)
    assert steps == sorted(set(steps))


def test_curves_of_other_members_and_of_nobody_are_ignored() -> None:
    rows = make_rows()
    other = make_curves(make_rows(configuration="d" * 12))
    assert summary.mean_curves(rows, other) == {}


def test_one_seed_has_a_mean_and_no_deviation() -> None:
    values = summary.seed_statistics(make_rows().head(1))["c" * 12]
    assert values["performance"] == pytest.approx(0.1)
    assert "performance_std" not in values


def named(recipe: str, usual: dict[str, object], **settings: object) -> str:
    name = summary.run_name(member(recipe, 0.3, task=TASK, **settings), usual)
    assert name.startswith(f"{TASK} · ")
    return name.removeprefix(f"{TASK} · ")


def test_a_name_says_the_dial_and_what_is_not_as_published() -> None:
    usual = {"strength": 1.0, "swap_every": 200, "geometry": "line", "top_k": 5, "moments": "stay"}
    assert named("vanilla", usual) == "Vanilla"
    assert named("bimt", usual) == "BIMT strength=0.3"
    assert named("bimt", usual, geometry="ring", swap_every=50, top_k=None) == (
        "BIMT strength=0.3 swap_every=50 geometry=ring"
    )


def test_a_name_stays_short_and_whole_whatever_it_says() -> None:
    usual = {f"setting_{i}": "" for i in range(40)}
    name = named("bimt", usual, **dict.fromkeys(usual, "something"))
    assert len(f"{TASK} · {name}") <= summary.NAME_LENGTH
    *settings, last = name.split(" … ")
    said = settings[0].split()
    assert said[:3] == ["BIMT", "strength=0.3", "setting_0=something"]
    assert all(word.endswith("=something") for word in said[2:])
    assert last == f"and {42 - len(said)} more"


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        ([2, 0, 1], "0, 1, 2"),
        (range(10_000), "0..9999 (10,000 seeds)"),
        ([*range(3000), 5000], "0..2999, 5000 (3,001 seeds)"),
        (range(0, 20_000, 2), "from 0 to 19998, with gaps (10,000 seeds)"),
    ],
)
def test_seeds_are_said_in_full_or_in_short(seeds: Sequence[int], expected: str) -> None:
    assert summary.said_seeds(seeds) == expected


def test_what_is_too_long_for_mlflow_is_cut_without_a_word_of_its_own(
    tracker: Tracker, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    parent = start(tracker, "0" * 12)
    rows = make_rows(diverged=(0, 1)).assign(reason="long " * 2000, phases="x" * 7000)
    with caplog.at_level("WARNING", logger="mlflow"):
        run = tracker.client.get_run(log(tracker, parent, rows))
    assert run.data.params["phases"] == "x" * 5999 + "…"
    assert run.data.tags["mlflow.note.content"].endswith("…")
    assert not caplog.records and not recwarn.list


def test_what_is_empty_or_differs_between_seeds_is_no_parameter() -> None:
    rows = make_rows(recipe="vanilla").assign(node=["a", "b", "b"])
    found = summary.parameters(rows)["c" * 12]
    assert not {"strength", "swap_every", "dial", "dial_value", "node"} & set(found)
    assert found["learning_rate"] == "0.002"


# ----------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("argument", "variable", "expected"),
    [
        ("sqlite:///a.db", "sqlite:///b.db", "sqlite:///a.db"),
        (None, "http://host:5000", "http://host:5000"),
        (None, None, "sqlite:///mlflow.db"),
    ],
)
def test_the_argument_precedes_the_variable_and_the_default(
    monkeypatch: pytest.MonkeyPatch, argument: str | None, variable: str | None, expected: str
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    assert resolve_uri(argument) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mlflow.db", "did you mean 'sqlite:///mlflow.db'"),
        ("runs", "did you mean 'sqlite:///runs/mlflow.db'"),
        ("file:///data/runs", "did you mean 'sqlite:////data/runs/mlflow.db'"),
        ("htp://host:5000", "unknown scheme 'htp'.*did you mean 'http'"),
        ("sqlite://", "names no database file"),
        ("sqlite:///:memory:", "names no database file"),
        ("http://", "names no host"),
    ],
)
def test_an_address_mlflow_could_not_use_is_refused(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve_uri(given)
    assert "\n" not in str(caught.value)


def test_a_bad_sqlite_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("these are not the bytes of a database" * 50)
    cases = {
        "missing/mlflow.db": "the folder of .* does not exist",
        "text.db": "cannot be read: file is not a database",
        ".": "is a folder",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message):
            Tracker.open(f"sqlite:///{tmp_path / name}")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["text.db"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def other_server() -> Iterator[int]:
    """A web server that is not MLflow."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(uri: str) -> tuple[str, float]:
    begin = time.monotonic()
    with pytest.raises(InputError, match="tracking_uri: no ") as caught:
        Tracker.open(uri)
    return str(caught.value), time.monotonic() - begin


def test_a_server_that_is_not_there_is_one_clear_line() -> None:
    message, seconds = refusal(f"http://127.0.0.1:{free_port()}")
    assert "refused" in message
    assert "\n" not in message
    assert seconds < 8


def test_a_server_that_does_not_answer_is_given_up_on(silent_server: int) -> None:
    message, seconds = refusal(f"http://127.0.0.1:{silent_server}")
    assert "timed out" in message.lower()
    assert seconds < 8


def test_a_web_server_that_is_not_mlflow_is_refused(other_server: int) -> None:
    message, _ = refusal(f"http://127.0.0.1:{other_server}")
    assert "501" in message


def test_a_database_host_that_is_not_there_hides_the_password() -> None:
    message, seconds = refusal(f"postgresql://me:secret@127.0.0.1:{free_port()}/runs")
    assert "secret" not in message
    assert "me:***@127.0.0.1" in message
    assert seconds < 8


def test_the_probe_leaves_mlflow_its_own_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    refusal(f"http://127.0.0.1:{free_port()}")
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_a_deleted_experiment_says_how_to_restore_it(tracker: Tracker, uri: str) -> None:
    gone = Tracker.open(uri, "gone")
    gone.client.delete_experiment(gone.experiment_id)
    with pytest.raises(InputError, match=f"restore --experiment-id {gone.experiment_id}"):
        Tracker.open(uri, "gone")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sqlite:///mlflow.db", "mlflow ui --backend-store-uri sqlite:///mlflow.db"),
        ("sqlite:////a b/m.db", "mlflow ui --backend-store-uri 'sqlite:////a b/m.db'"),
        ("https://me:secret@host", "https://me:***@host"),
    ],
)
def test_the_command_that_opens_the_runs(uri: str, expected: str) -> None:
    assert open_command(uri).endswith(expected)


# ----------------------------------------------------------------------- manners


def test_a_new_database_is_made_without_a_word(tmp_path: Path) -> None:
    script = (
        "import sys; from bimt_bench.results.tracking import Tracker; Tracker.open(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, f"sqlite:///{tmp_path / 'mlflow.db'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "mlflow.db").is_file()


def test_importing_the_package_is_light() -> None:
    script = "import sys, bimt_bench.results.tracking; print({'mlflow', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"
