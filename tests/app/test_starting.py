"""`bimt-bench new`: files that work as they are, with tests that pass as they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bimt_bench.app.cli import app

KINDS = ("recipe", "metric", "model", "data", "placement", "task")


def new(*arguments: str):
    return CliRunner().invoke(app, ["new", *arguments])


@pytest.mark.slow
def test_every_file_passes_its_own_test(tmp_path):
    for what in KINDS:
        name = "own/my_task" if what == "task" else f"my_{what}"
        done = new(what, name, "--folder", str(tmp_path / what))
        assert done.exit_code == 0, done.output
        file = tmp_path / what / (f"{name}.yaml" if what == "task" else f"{name}.py")
        assert file.is_file()
        assert "emplate" not in file.read_text()
    tests = sorted(str(file) for file in tmp_path.rglob("test_*.py"))
    assert len(tests) == len(KINDS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recepi", "mine"], "new: 'recepi' given; did you mean 'recipe'?"),
        (["recipe", "My-Recipe"], "name: 'My-Recipe' given; should be one word of small letters"),
        (["recipe", "class"], "name: 'class' given"),
        (["recipe", "bimt"], "name: there is a recipe 'bimt' already"),
        (["model", "mlp"], "name: there is a model 'mlp' already"),
        (["task", "mine"], "name: 'mine' given; should be family/name"),
        (["task", "symbolic/independence"], "there is a task 'symbolic/independence' already"),
    ],
)
def test_what_cannot_be_begun_is_refused(tmp_path, arguments, words):
    done = new(*arguments, "--folder", str(tmp_path))
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("present", ["mine.py", "test_mine.py"])
def test_nothing_is_ever_overwritten(tmp_path, present):
    (tmp_path / present).write_text("precious")
    done = new("recipe", "mine", "--folder", str(tmp_path))
    assert done.exit_code == 2
    assert f"{present}' is there already" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == [present]
    assert (tmp_path / present).read_text() == "precious"


def test_a_folder_that_cannot_be_written_is_named():
    done = new("recipe", "mine", "--folder", str(Path("/dev/null/x")))
    assert done.exit_code == 2
    assert "new: cannot write to '/dev/null/x'" in done.stderr
