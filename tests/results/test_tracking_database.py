"""A new MLflow database: whole or absent, made by one, and in its place whatever that is called."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from bimt_bench.ground import InputError
from bimt_bench.results.tracking import Tracker, address, open_command, resolve_uri

PATIENCE = 120
OPEN = "import sys; from bimt_bench.results.tracking import Tracker; Tracker.open(sys.argv[1])"
ODD = ("a?b", "a%20b", "a%3Fb=1?c=2", "a#b", "it's", 'say "x"', "with space", "ünï €", "a@b;c&d")


def opening(uri: str, *, script: str = OPEN, **variables: str) -> "subprocess.Popen[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    return subprocess.Popen(
        [sys.executable, "-c", script, uri],
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    Tracker.open(f"sqlite:///{file}")
    return file


# ----------------------------------------------------------------------- made once and whole


@pytest.mark.slow
def test_two_processes_make_one_database_and_both_write_to_it(tmp_path: Path) -> None:
    script = (
        OPEN
        + """.start_task(
        sys.argv[2], "two", sweep_digest="a" * 12, spec_text="", environment={}
    )"""
    )
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    both = [opening(uri, script=script.replace("sys.argv[2]", f"'own/{i}'")) for i in range(2)]
    for process in both:
        assert (process.communicate(timeout=PATIENCE)[0], process.returncode) == ("", 0)
    tracker = Tracker.open(uri)
    runs = tracker.client.search_runs([tracker.experiment_id])
    assert {run.data.tags["bimt_bench.task"] for run in runs} == {"own/0", "own/1"}
    assert [e.name for e in tracker.client.search_experiments()] == ["bimt_bench", "Default"]


def made_half(folder: Path, process: "subprocess.Popen[str]") -> bool:
    """Whether some of MLflow's tables are there, somewhere in the folder."""
    for file in folder.rglob("*.db"):
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            try:
                return len(connection.execute("SELECT name FROM sqlite_master").fetchall()) > 8
            except sqlite3.Error:
                return False
    return process.poll() is not None


@pytest.mark.slow
def test_a_process_that_is_killed_while_making_it_leaves_none(tmp_path: Path) -> None:
    place, scratch = tmp_path / "place", tmp_path / "scratch"
    place.mkdir()
    scratch.mkdir()
    uri = f"sqlite:///{place / 'mlflow.db'}"
    process = opening(uri, TMPDIR=str(scratch))
    deadline = time.monotonic() + PATIENCE
    while not made_half(tmp_path, process):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert process.poll() is None, "it was too fast to be killed"
    process.kill()
    process.communicate()
    assert not list(place.glob("*.db")), "half a database in its place"
    tracker = Tracker.open(uri)
    assert tracker.client.get_experiment(tracker.experiment_id).name == "bimt_bench"


def test_a_half_made_database_is_named_in_one_line_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.commit()
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"mlflow\.db' is half-made: .* move it away") as caught:
        Tracker.open(f"sqlite:///{file}")
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == before


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "optuna.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE studies (study_id INTEGER)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.commit()
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"is a database of another program"):
        Tracker.open(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_an_empty_file_becomes_a_database_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link, file = tmp_path / "mlflow.db", tmp_path / "far" / "real.db"
    file.touch()
    link.symlink_to(file)
    tracker = Tracker.open(f"sqlite:///{link}")
    assert tracker.client.get_experiment_by_name("bimt_bench") is not None
    assert link.is_symlink() and file.stat().st_size > 100_000


def test_a_full_disk_leaves_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """
import resource, sys
from bimt_bench.ground import InputError
from bimt_bench.results.tracking import Tracker
import mlflow
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    Tracker.open(sys.argv[1])
except InputError as error:
    print(error)
"""
    process = opening(f"sqlite:///{tmp_path / 'mlflow.db'}", script=script)
    told, _ = process.communicate(timeout=PATIENCE)
    assert told.startswith("tracking_uri: no MLflow at") and told.count("\n") == 1
    assert "disk" in told or "too large" in told
    assert not list(tmp_path.glob("*.db"))


# ----------------------------------------------------------------------- odd places


@pytest.mark.parametrize("name", ODD)
def test_a_database_is_made_where_its_path_says(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(empty, folder / "mlflow.db")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for uri in (None, address.sqlite_uri(folder / "mlflow.db")):
        tracker = Tracker.open(uri, "odd")
        parent = tracker.start_task(
            "own/task", "odd", sweep_digest="a" * 12, spec_text="x: 1\n", environment={}
        )
        assert [one.path for one in tracker.client.list_artifacts(parent)] == [
            "environment.json",
            "sweep.yaml",
        ]
        assert (folder / "mlartifacts" / parent / "artifacts" / "sweep.yaml").is_file()
    assert [one.name for one in tmp_path.iterdir()] == [name], "something in another place"
    assert {one.name for one in folder.iterdir()} == {"mlflow.db", "mlartifacts"}
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    assert count == 1, "a database in another place"


def test_a_new_database_in_an_odd_folder_is_made_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "what? 100%25"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Tracker.open()
    assert (folder / "mlflow.db").stat().st_size > 100_000
    assert [one.name for one in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:////data/a%20b/m.db", "/data/a b/m.db"),
        ("sqlite:////data/a%3Fb/m.db", "/data/a?b/m.db"),
        ("sqlite:////data/a b#c/m.db", "/data/a b#c/m.db"),
    ],
)
def test_an_address_is_read_as_its_database_will_be(uri: str, file: str) -> None:
    assert address.sqlite_file(uri) == Path(file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sqlite:////data/a?b/m.db", "'sqlite:////data/a%3Fb/m.db'"),
        ("sqlite:///m.db?timeout=3", "SQLite takes none"),
        ("what?/mlflow.db", "did you mean 'sqlite:///what%3F/mlflow.db'"),
        ("http://[::1", "is no address"),
        ("http://host:many", "is no address"),
        ("postgresql://me:secret@host:many/runs", "me:.* is no address"),
    ],
)
def test_an_address_that_would_lead_elsewhere_is_one_line(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        resolve_uri(given)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:////data/a@b/m.db", "sqlite:////data/a@b/m.db"),
        ("http://me:pw@host/a@b", "http://me:***@host/a@b"),
        ("mysql://me:a#b@host/runs", "mysql://me:***@host/runs"),
        ("mysql://me:a/b?c@d@host/runs", "mysql://me:***@host/runs"),
    ],
)
def test_a_password_is_hidden_and_a_path_is_not(uri: str, shown: str) -> None:
    assert address.masked(uri) == shown
    assert shown in open_command(uri)


def test_a_home_that_cannot_be_made_is_no_hindrance(empty: Path, tmp_path: Path) -> None:
    shutil.copy(empty, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    process = opening(uri, HOME="/proc/nobody/home")
    assert (process.communicate(timeout=PATIENCE)[0], process.returncode) == ("", 0)
    assert MlflowClient(uri).get_experiment_by_name("bimt_bench") is not None


@pytest.mark.parametrize(
    ("argument", "variable", "expected"),
    [("mine", "theirs", "mine"), (None, "theirs", "theirs"), (None, None, "bimt_bench")],
)
def test_the_name_of_the_experiment_comes_from_the_argument_or_the_variable(
    monkeypatch: pytest.MonkeyPatch, argument: str | None, variable: str | None, expected: str
) -> None:
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    if variable:
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", variable)
    assert address.resolve_experiment(argument) == expected


@pytest.mark.parametrize("name", ["", "  ", "x" * 501])
def test_an_experiment_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="experiment: .* given; a name has 1 to 500"):
        address.resolve_experiment(name)
