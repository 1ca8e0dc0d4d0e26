"""The commands that make and withdraw entries, and tell what a branch changes."""

import json
import subprocess

import pytest

from tests.app.said import refused

TASK = "symbolic-independence"
SAID = ("--author", "Ada (ada)", "--tuned", "Nothing.", "--licence", "MIT")


@pytest.fixture
def added(invoke, tmp_path):
    """A run of five seeds, entered on a board in the working directory."""
    done = invoke("run", "symbolic/independence", "--recipe", "l1", "--steps", "20", "--seeds", "5")
    assert done.exit_code == 0, done.output
    (run,) = (tmp_path / "runs").iterdir()

    def call(*arguments: str):
        return invoke("leaderboard", "add", str(run), "--board", "board", *SAID, *arguments)

    return call


def test_an_entry_is_added_and_withdrawn(added, invoke, tmp_path) -> None:
    done = added("--name", "plain-l1")
    assert done.exit_code == 0, done.output
    assert f"next: bimt-bench leaderboard verify board/{TASK}/plain-l1" in done.output
    folder = tmp_path / "board" / TASK / "plain-l1"
    entry = json.loads((folder / "entry.json").read_text())
    assert (entry["grid"], entry["seeds"], entry["steps"]) == ([1.0], 5, 20)
    assert entry["environment"]["cpu_features"] == "unknown"  # `run` does not write it down

    refused(added("--name", "plain-l1"), "'plain-l1' is an entry")
    refused(added("--name", "Plain L1"), "name: 'Plain L1' given")

    mark = ("leaderboard", "withdraw", str(folder), "--reason", "a slip")
    refused(invoke(*mark, "--by", "bob"), "'bob' given", "(ada)")
    done = invoke(*mark, "--by", "ada")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "board" / "withdrawn" / TASK / "plain-l1.json").is_file()


def test_weights_for_a_url_are_written_beside(added, tmp_path) -> None:
    url = "https://example.org/w.safetensors"
    done = added("--name", "far", "--url", url, "--dtype", "float16")
    assert f"put {TASK}-far.safetensors at {url}" in done.output
    assert (tmp_path / f"{TASK}-far.safetensors").is_file()


def test_a_branch_is_told(invoke, tmp_path) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    (tmp_path / "board" / TASK / "a").mkdir(parents=True)
    for words in (("init", "-q", "-b", "main"), ("commit", "-q", "--allow-empty", "-m", "none")):
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)
    subprocess.run(["git", "checkout", "-q", "-b", "mine"], cwd=tmp_path, check=True)
    (tmp_path / "board" / TASK / "a" / "entry.json").write_text("{}")
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    subprocess.run(["git", *who, "commit", "-q", "-m", "an entry"], cwd=tmp_path, check=True)
    done = invoke("leaderboard", "changes", "main", "--board", "board")
    assert (done.exit_code, done.output) == (0, f"board/{TASK}/a\n")
    refused(invoke("leaderboard", "changes", "nowhere", "--board", "board"), "git: ")


@pytest.mark.parametrize("what", ["entry", "member"])
def test_schemas_are_printed(invoke, what: str) -> None:
    done = invoke("leaderboard", "schema", what)
    assert json.loads(done.output)["$id"] == f"bimt-bench/{what}-1"


def test_another_schema_is_refused(invoke) -> None:
    refused(invoke("leaderboard", "schema", "weights"), "'weights' given; allowed: entry, member")
