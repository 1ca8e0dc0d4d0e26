"""Ctrl-C and SIGTERM, to a command line of its own with a real Ray."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bimt_bench.store import Store
from bimt_bench.tuning.prepare import check
from bimt_bench.tuning.runner import sweep

# A sweep whose second pack has no end. What is printed says when to stop it.
SWEEP = """
import signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import conftest, typer
from bimt_bench.app.terminal import refusing
from bimt_bench.tuning import check, sweep
from ray import cloudpickle
cloudpickle.register_pickle_by_value(conftest)
# Tests that were started in the background of a script hand down that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def kept(task, results):
    print("a pack is kept", flush=True)

try:
    with refusing():
        sweep(
            check(conftest._sweep_spec(pack_size=2)), results_dir=Path({results!r}), workers=1,
            run_pack=conftest._fake_pack_function(endless_after=Path({results!r}) / "first"),
            on_pack=kept,
        )
except typer.Exit as end:
    sys.exit(end.exit_code)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")],
)
def test_a_stopped_sweep_says_what_is_kept_and_how_to_go_on(
    tmp_path, sweep_spec, fake_pack_function, ray_session, number, status, word
):
    code = SWEEP.format(tests=str(Path(__file__).parent), results=str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "400"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "a pack is kept\n"
    # To all processes of it, Ray's among them, as terminals and Slurm do.
    os.killpg(process.pid, number)
    _, told = process.communicate()
    assert process.returncode == status, told
    (line,) = [line for line in told.splitlines() if word in line]
    assert line.startswith(f"{word}; 1 finished pack is kept in ")
    assert line.endswith("--resume goes on")
    assert "Traceback" not in told and "*** SIG" not in told
    log = tmp_path / "log"
    result = sweep(
        check(sweep_spec(pack_size=2)),
        results_dir=tmp_path,
        run_pack=fake_pack_function(log=log),
        workers=1,
        resume=True,
        console=Console(file=io.StringIO()),
    )
    assert len(result.frame) == 10 and len(Store(result.folder).packs()) == 5
    assert len(log.read_text().splitlines()) == 4


RUN = """
import sys
from bimt_bench.app import cli, single

def trained(*given, **how):
    print("training", flush=True)
    while True:
        how["on_progress"](0.5)

single.train_pack = trained
cli.app(["run", "symbolic/independence", "--out", {out!r}])
"""


def test_a_run_that_is_stopped_says_that_nothing_is_kept(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", RUN.format(out=str(tmp_path / "runs"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "400"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "training\n"
    process.terminate()
    _, told = process.communicate()
    assert process.returncode == 143, told
    assert told.strip().splitlines()[-1].startswith("stopped by SIGTERM; nothing of this run is")
    assert "Traceback" not in told
