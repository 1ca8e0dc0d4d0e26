"""A sweep's delivery to a real MLflow: what is lost on the way, and what `sync` makes of it."""

import resource
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.entities import Run
from typer.testing import CliRunner

import bimt_bench
from bimt_bench.app.cli import app
from bimt_bench.ground import InputError, environment
from bimt_bench.metrics import METRICS
from bimt_bench.recipes import resolve
from bimt_bench.results import Reporter, SweepResults, TaskReport, delivery, finished, load, tracked
from bimt_bench.results.sweeps import Tracked
from bimt_bench.results.tracking import Tracker
from bimt_bench.spec import Configuration, SweepSpec, TaskSpec
from bimt_bench.store import Store, StoredPack, open_store
from bimt_bench.tuning import Checked, SweepResult, check, sweep_digest
from tests.mlflow_server import Wire, serving

TASKS = ("symbolic/independence", "modular/addition_59")
QUIET = {"test_loss": 1.0, "performance": 0.5, "cost": 3.0, "charged_cost": 0.5}
SPEC = {
    "name": "small",
    "title": "Small",
    "tasks": [{"task": name, "steps": 100} for name in TASKS],
    "space": {"recipe": ["l1", "bimt"], "strength": [0.5, 1.0]},
    "seeds": [0, 1],
}


def packs_of(task: TaskSpec) -> Iterator[tuple[str, StoredPack]]:
    """Two packs of two configurations each, with numbers that follow from their settings."""
    for recipe in ("l1", "bimt"):
        members = [
            resolve(task, Configuration(recipe=recipe, strength=strength, steps=100), seed)
            for strength in (0.5, 1.0)
            for seed in (0, 1)
        ]
        rows = [
            {
                **member.row(),
                "shortened": True,
                "shuffles": 20,
                "performance_metric": task.performance.kind,
                "status": "ok",
                "reason": None,
                "seconds": 1.0,
                **dict.fromkeys(METRICS, 0.25),
                "performance": 0.5 + member["strength"] / 10 + member.seed / 100,
            }
            for member in members
        ]
        curves = [
            {"member": member.digest, "step": step, "train_loss": 1 / (step + 1), **QUIET}
            for member in members
            for step in (0, 50, 100)
        ]
        weights = {member.digest: {"w": np.zeros(1, np.float32)} for member in members}
        yield recipe, StoredPack(pd.DataFrame(rows), pd.DataFrame(curves), weights)


@dataclass(frozen=True)
class Swept:
    """A finished sweep's folder, the packs that made it, and the reports of its tasks."""

    checked: Checked
    packs: list[tuple[TaskSpec, StoredPack]]
    result: SweepResult
    reports: tuple[TaskReport, ...]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    checked = check(SweepSpec.model_validate(SPEC))
    digest = sweep_digest(checked)
    folder = tmp_path_factory.mktemp("runs") / f"small-{digest}"
    told = {**environment(), "sweep_digest": digest, "modules": {"a": "b"}}
    store = open_store(folder, spec=checked.spec, environment=told)
    names, packs = [], []
    for task in (swept.spec for swept in checked.tasks):
        for recipe, pack in packs_of(task):
            names.append(f"{task.name.replace('/', '-')}-{recipe}")
            store.keep(names[-1], frame=pack.frame, curves=pack.curves, weights=pack.weights)
            packs.append((task, pack))
    store.collect(names, members=[m for _, pack in packs for m in pack.frame["member"]])
    result = SweepResult(store.frame(), store.curves(), folder, 1.0, {})
    made = finished(checked, result, tracked=None, reporter=Reporter("chosen"))
    return Swept(checked, packs, result, made.reports)


@pytest.fixture
def swept(original: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swept:
    """The sweep in a folder of this test's own, in which the test runs too."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "runs" / original.result.folder.name
    shutil.copytree(original.result.folder, folder)
    store = Store(folder)
    result = SweepResult(store.frame(), store.curves(), folder, 1.0, {})
    return Swept(original.checked, original.packs, result, original.reports)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database, to copy: MLflow takes seconds to make one."""
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    Tracker.open(f"sqlite:///{file}")
    return file


@pytest.fixture
def uri(empty: Path, tmp_path: Path) -> str:
    shutil.copy(empty, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def run(
    swept: Swept,
    uri: str,
    *,
    experiment: str | None = None,
    half: Callable[[Tracked], object] = lambda _: None,
    end: Callable[[Tracked], object] = lambda _: None,
) -> SweepResults:
    """A sweep whose packs are there: `half` is called after the second one, `end` after all."""
    with tracked(swept.checked, uri, experiment=experiment) as runs:
        for i, (task, pack) in enumerate(swept.packs):
            if i == 2:
                until_written(runs)
                half(runs)
            runs.keep(task, pack)
        end(runs)
        found = load(swept.result.folder, kind=SweepResults)
        found.reports = swept.reports
        found.undelivered = runs.finish(swept.reports, swept.result)
    return found


def until_written(runs: Tracked) -> None:
    """Waits for what was handed over, and goes on with a thread of the same kind."""
    runs.courier.finish()
    runs.courier = type(runs.courier)(runs.runs)


def standing(uri: str, experiment: str = "bimt_bench") -> list[Run]:
    tracker = Tracker.open(uri, experiment)
    return list(tracker.client.search_runs([tracker.experiment_id], max_results=100))


def assert_whole(uri: str, experiment: str = "bimt_bench", *, seen: set[str] = frozenset()) -> None:
    """One finished parent a task with its own four children, each once; `seen` are among them."""
    runs = standing(uri, experiment)
    parents = [run for run in runs if run.data.tags["bimt_bench.kind"] == "task"]
    assert sorted(run.data.tags["bimt_bench.task"] for run in parents) == sorted(TASKS)
    assert len(runs) == 10
    for parent in parents:
        task = parent.data.tags["bimt_bench.task"]
        own = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        assert len({run.data.tags["bimt_bench.configuration"] for run in own}) == len(own) == 4
        assert {run.data.params["task"] for run in own} == {task}
        assert all(run.info.run_name.startswith(f"{task} · ") for run in own)
        assert {run.info.status for run in (parent, *own)} == {"FINISHED"}
        assert parent.data.metrics["members"] == 8
        assert "mlflow.loggedArtifacts" in parent.data.tags
    assert seen <= {run.info.run_id for run in runs}


def children(uri: str) -> set[str]:
    return {r.info.run_id for r in standing(uri) if "mlflow.parentRunId" in r.data.tags}


def synced_by(line: str) -> bimt_bench.results.Synced:
    """What the command at the end of the line does."""
    words = shlex.split(line.rpartition(": ")[2])
    assert words[:2] == ["bimt-bench", "sync"] and "\n" not in line
    names = {"--tracking-uri": "tracking_uri", "--experiment": "experiment"}
    options = dict(zip(words[3::2], words[4::2], strict=True))
    return bimt_bench.sync(words[2], **{names[key]: value for key, value in options.items()})


# ----------------------------------------------------------------------- nothing goes wrong


def test_a_sweep_arrives_whole_and_once(swept: Swept, uri: str) -> None:
    found = run(swept, uri)
    assert found.undelivered is None
    assert_whole(uri)
    before = {r.info.run_id: (r.data.metrics, r.info.status) for r in standing(uri)}
    again = bimt_bench.sync(swept.result.folder)
    assert [(task.task, task.configurations, task.new) for task in again.tasks] == [
        (name, 4, 0) for name in TASKS
    ]
    assert {r.info.run_id: (r.data.metrics, r.info.status) for r in standing(uri)} == before
    client = Tracker.open(uri).client
    parent = next(run for run in before if "members" in before[run][0])
    assert len(client.get_metric_history(parent, "hypervolume")) == 1
    assert {f.path for f in client.list_artifacts(parent)} == {
        "environment.json", "figures", "sweep.yaml", "tradeoff.json",
    }  # fmt: skip


def test_an_untracked_sweep_is_delivered_from_its_folder(
    swept: Swept, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    shutil.rmtree(swept.result.folder / "figures")
    found = bimt_bench.sync(swept.result.folder, tracking_uri=uri)
    assert [(task.configurations, task.new) for task in found.tasks] == [(4, 4), (4, 4)]
    assert_whole(uri, "elsewhere")
    assert len(list(swept.result.folder.glob("figures/*/tradeoff.png"))) == 2


def test_a_folder_of_an_earlier_version_says_its_digest_in_its_name(swept: Swept, uri: str) -> None:
    file = swept.result.folder / "environment.json"
    file.write_text(file.read_text().replace('"sweep_digest"', '"other"'))
    run(swept, uri)
    assert all(task.new == 0 for task in bimt_bench.sync(swept.result.folder).tasks)
    renamed = swept.result.folder.rename(swept.result.folder.with_name("mine"))
    with pytest.raises(InputError, match="says nothing of its sweep's digest"):
        bimt_bench.sync(renamed)


def test_what_is_no_results_folder_is_one_line(tmp_path: Path, uri: str) -> None:
    with pytest.raises(InputError, match=r"no frame\.parquet"):
        bimt_bench.sync(tmp_path, tracking_uri=uri)


# ----------------------------------------------------------------------- MLflow is lost


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, f"sqlite:///{folder / 'mlflow.db'}") as url:
        yield url


@pytest.fixture
def wire(server: str, monkeypatch: pytest.MonkeyPatch) -> Wire:
    # The user's own patience counts, here none, so that a test need not wait.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return Wire(server)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["half", "end"])
def test_a_lost_server_costs_no_results_and_sync_delivers_the_rest(
    swept: Swept, wire: Wire, when: str
) -> None:
    seen: set[str] = set()

    def lose(runs: Tracked) -> None:
        until_written(runs)
        seen.update(r.info.run_id for r in standing(wire.url, when))
        wire.cut()

    found = run(swept, wire.url, experiment=when, **{when: lose})
    line = found.undelivered
    lacking = {"half": ("0 of 4", "4 of 4"), "end": ("0 of 4", "0 of 4")}[when]
    for task, count in zip(TASKS, lacking, strict=True):
        assert f"{task} ({count} configurations, table and figures)" in line
    assert "refused" in line and wire.url in line
    with pytest.raises(InputError, match="no MLflow at"):
        synced_by(line)
    wire.mend()
    synced_by(line)
    assert seen
    assert_whole(wire.url, when, seen=seen)


@pytest.mark.slow
def test_a_server_that_is_back_at_the_end_gets_everything(swept: Swept, wire: Wire) -> None:
    def end(runs: Tracked) -> None:
        until_written(runs)
        wire.mend()

    def cut(runs: Tracked) -> None:
        wire.cut()

    found = run(swept, wire.url, experiment="back", half=cut, end=end)
    assert found.undelivered is None
    assert_whole(wire.url, "back")


def test_the_wait_for_mlflow_says_how_much_is_left(
    swept: Swept, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_SAY_SECONDS", 0.01)
    go_on, said = threading.Event(), []
    with tracked(swept.checked, uri, experiment="slow") as runs:
        log = runs.runs.log
        monkeypatch.setattr(runs.runs, "log", lambda *what: (go_on.wait(), log(*what)))

        def say(line: str) -> None:
            said.append(line)
            go_on.set()

        for task, pack in swept.packs:
            runs.keep(task, pack)
        assert runs.finish(swept.reports, swept.result, say=say) is None
    assert said[0] == "logging to MLflow: 8 configurations left"
    assert_whole(uri, "slow")


def test_the_command_makes_its_figures_and_says_what_delivers_the_rest(
    swept: Swept, uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SPEC))
    shutil.rmtree(swept.result.folder / "figures")

    def replay(checked: Checked, *, on_pack: Callable[..., None], **how: object) -> SweepResult:
        for task, pack in swept.packs:
            on_pack(task, pack)
        tracker = Tracker.open(uri, "lost")
        tracker.client.delete_experiment(tracker.experiment_id)
        return swept.result

    monkeypatch.setattr(bimt_bench.tuning, "sweep", replay, raising=False)
    options = ["--tracking-uri", uri, "--experiment", "lost"]
    found = CliRunner().invoke(app, ["sweep", "small.yaml", *options])
    assert found.exit_code == 1
    assert all(f"{task} (8 members" in found.stdout for task in TASKS)
    assert len(list(swept.result.folder.glob("figures/*/*.png"))) == 4
    line = found.stderr.strip().splitlines()[-1]
    assert line.startswith("MLflow: not delivered to ") and "'lost' was deleted" in line
    command = line.rpartition(": ")[2]
    assert command.startswith(f"bimt-bench sync runs/{swept.result.folder.name} ")
    again = ["--experiment", "found"]
    synced = CliRunner().invoke(app, [*shlex.split(command)[1:], *again])
    assert synced.exit_code == 0, synced.output
    assert f"{TASKS[0]}: 4 configurations, 4 of them new" in synced.stdout
    assert "mlflow ui --backend-store-uri" in synced.stdout
    assert_whole(uri, "found")


def test_a_deleted_parent_is_made_anew_and_keeps_its_children(swept: Swept, uri: str) -> None:
    seen: set[str] = set()

    def delete(runs: Tracked) -> None:
        seen.update(children(uri))
        client = runs.runs.tracker.client
        for run_id in [r.info.run_id for r in standing(uri)]:
            if run_id not in seen:
                client.delete_run(run_id)

    found = run(swept, uri, half=delete)
    assert found.undelivered is None
    assert len(seen) == 4
    assert_whole(uri, seen=seen)


def test_runs_that_are_deleted_later_are_written_again_by_sync(swept: Swept, uri: str) -> None:
    run(swept, uri)
    gone = standing(uri)
    client = Tracker.open(uri).client
    for one in gone[::2]:
        client.delete_run(one.info.run_id)
    bimt_bench.sync(swept.result.folder)
    left = {one.info.run_id for one in gone[1::2] if "mlflow.parentRunId" in one.data.tags}
    assert_whole(uri, seen=left)


def test_a_deleted_experiment_is_restored_by_the_command_that_is_told(
    swept: Swept, uri: str, tmp_path: Path
) -> None:
    def delete(runs: Tracked) -> None:
        runs.runs.tracker.client.delete_experiment(runs.runs.tracker.experiment_id)

    found = run(swept, uri, half=delete)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = found.undelivered.split("`")[1]
    done = subprocess.run(command, shell=True, cwd=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(elsewhere.iterdir())
    synced_by(found.undelivered)
    assert_whole(uri)


def test_another_experiment_can_be_chosen(swept: Swept, uri: str) -> None:
    tracker = Tracker.open(uri, "gone")
    tracker.client.delete_experiment(tracker.experiment_id)
    with pytest.raises(InputError, match=r"or choose another name with --experiment"):
        Tracker.open(uri, "gone")
    assert run(swept, uri, experiment="kept").undelivered is None
    assert_whole(uri, "kept")


@pytest.fixture
def fill_disk() -> Iterator[Callable[[int], None]]:
    """Lets no file of this process grow beyond so many bytes; the fixture's end undoes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_costs_no_results(
    swept: Swept, uri: str, tmp_path: Path, fill_disk: Callable[[int], None]
) -> None:
    seen: set[str] = set()

    def fill(runs: Tracked) -> None:
        seen.update(children(uri))
        # Figures are smaller than the database, which cannot grow any more.
        fill_disk((tmp_path / "mlflow.db").stat().st_size)

    found = run(swept, uri, half=fill)
    fill_disk(resource.RLIM_INFINITY)
    assert f"{TASKS[1]} (4 of 4" in found.undelivered
    assert "disk" in found.undelivered
    synced_by(found.undelivered)
    assert len(seen) == 4
    assert_whole(uri, seen=seen)


def test_a_sweep_that_ends_in_an_error_marks_its_runs_as_failed(swept: Swept, uri: str) -> None:
    with pytest.raises(KeyboardInterrupt), tracked(swept.checked, uri, experiment=None) as runs:  # noqa: PT012
        runs.keep(*swept.packs[0])
        until_written(runs)
        raise KeyboardInterrupt
    statuses = {r.data.tags["bimt_bench.kind"]: r.info.status for r in standing(uri)}
    assert statuses == {"task": "FAILED", "configuration": "FINISHED"}


def test_a_configuration_that_lacks_a_seed_waits_for_a_resumed_sweep(
    swept: Swept, uri: str
) -> None:
    frame = swept.result.frame
    lost = frame[frame["task"] == TASKS[0]].iloc[0]
    frame[frame["member"] != lost["member"]].to_parquet(swept.result.folder / "frame.parquet")
    found = bimt_bench.sync(swept.result.folder)
    assert [task.configurations for task in found.tasks] == [3, 4]
    shown = {r.data.tags.get("bimt_bench.configuration") for r in standing(uri)}
    assert lost["configuration"] not in shown
