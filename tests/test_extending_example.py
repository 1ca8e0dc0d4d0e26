"""examples/extending, as a stranger has it: an installed wheel, a folder elsewhere, two workers."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from bimt_bench import api, plugins
from bimt_bench.spec import SETS

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "extending"
HIDDEN = ("MLFLOW_TRACKING_URI", "BIMT_BENCH_DATA", "BIMT_BENCH_TASKS", "RAY_ADDRESS", "PYTHONPATH")
SWEEP = ("sweep", "sweep.yaml", "--workers", "2")


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """`bimt-bench` from the wheel, in an environment of its own that sees the packages it needs."""
    folder = tmp_path_factory.mktemp("fresh")
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    # a folder named here is on the path; what its own .pth files say (a checkout) is not
    (site / "needed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (wheel,) = folder.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps"]
    subprocess.run([*pip, "--no-index", "--ignore-installed", wheel], check=True)
    return folder / "env" / "bin" / "bimt-bench"


def environment() -> dict[str, str]:
    held = {k: v for k, v in os.environ.items() if k not in HIDDEN}
    return {**held, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


def command(program: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def kill_when_a_pack_is_done(program: Path, folder: Path) -> None:
    """Begins the sweep, and kills it with all of its workers in the middle."""
    begun = subprocess.Popen(
        [program, *SWEEP],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while not list(folder.glob("runs/extending-*/packs/*.json")):
            if begun.poll() is not None:
                assert begun.stderr is not None
                pytest.fail(begun.stderr.read().decode())
            time.sleep(0.02)
    finally:
        os.killpg(begun.pid, signal.SIGKILL)
        begun.wait()


@pytest.mark.slow
def test_a_sweep_of_everything_of_ones_own_is_killed_and_resumed(program, tmp_path):
    folder = tmp_path / "elsewhere"
    shutil.copytree(EXAMPLE, folder)
    kill_when_a_pack_is_done(program, folder)
    (results,) = folder.glob("runs/extending-*")
    assert not (results / "frame.parquet").exists()
    before = {file.name for file in results.glob("packs/*.json")}

    done = command(program, folder, *SWEEP, "--resume")
    assert done.returncode == 0, done.stderr
    assert before < {file.name for file in results.glob("packs/*.json")}
    frame = pd.read_parquet(results / "frame.parquet")
    assert len(frame) == 2 * (2 + 4) and (frame["status"] == "ok").all()
    assert frame["inequality"].between(0.0, 1.0).all()
    assert (frame["geometry"] == "honeycomb").all()
    sources = frame.groupby("recipe")["source"].first()
    assert all(name in sources["bimt"] for name in ("gated:", "honeycomb:"))
    assert "reweighted" not in sources["bimt"] and "reweighted:" in sources["reweighted"]

    spec = yaml.safe_load((EXAMPLE / "sweep.yaml").read_text())
    own = set().union(spec["space"], *spec["recipes"].values())
    assert own == {"strength", "swap_every", "softness", "look_every"} <= set(frame.columns)
    for recipe, settings in spec["recipes"].items():
        rows = frame[frame["recipe"] == recipe]
        for name, values in {**spec["space"], **settings}.items():
            assert set(rows[name]) == set(values)
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = [one for one in client.search_experiments() if one.name == "bimt_bench"]
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    parameters = set().union(*(run.data.params for run in runs))
    assert own | {"recipe", "geometry", "source"} <= parameters
    assert any("inequality" in metric for run in runs for metric in run.data.metrics)
    # what the results folder keeps is all that is needed to do it again, or to draw trade-offs
    kept = catalogued(results)
    assert kept == {"gated.py", "honeycomb.py", "inequality.py", "reweighted.py", "comfort.yaml"}
    loaded = plugins.load_all(sorted(results.glob("plugins/*.py")))
    try:
        assert len(api.tradeoff(results, x="inequality")) == 2 + 4
    finally:
        for kinds, plugin in itertools.product(SETS, loaded):
            kinds.drop(plugin.source)


def catalogued(results: Path) -> set[str]:
    """The files of one's own that the kept specification names, all of which are there."""
    spec = yaml.safe_load((results / "spec.yaml").read_text())
    named = [*spec["plugins"], *(task["file"] for task in spec["tasks"])]
    assert all((results / one).is_file() for one in named)
    return {Path(one).name for one in named}
