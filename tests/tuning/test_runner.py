"""Sweeps on a real Ray: same results on one worker or two, resume, failure, retries.

Each worker of a sweep is a new process that loads torch: one of them where one is enough.
"""

import io
import json
import os
import signal

import pytest
from rich.console import Console

from bimt_bench.ground import InputError, cpu_features, kernels
from bimt_bench.store import Store
from bimt_bench.tuning.prepare import check
from bimt_bench.tuning.runner import sweep
from bimt_bench.tuning.trainable import checkpoint_folder

TWO_TASKS = {
    "tasks": [
        {"task": "symbolic/independence", "steps": 1000},
        {"task": "symbolic/feature_sharing", "steps": 1000},
    ]
}
OPTUNA = {
    "space": {"recipe": ["l1", "bimt"], "strength": {"low": 0.01, "high": 3.0}},
    "search": {
        "kind": "optuna",
        "trials": 6,
        "round": 3,
        "objectives": [{"metric": "performance"}],
    },
}
# Waits for processes, which a busy machine may not start for minutes.
LOADED = pytest.mark.timeout(1800)


@pytest.fixture
def quiet():
    return Console(file=io.StringIO(), width=200)


def plain(result):
    return result.frame.drop(columns="seconds")


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("changes", [TWO_TASKS, OPTUNA], ids=["grid", "optuna"])
def test_one_worker_or_two_give_the_same(tmp_path, sweep_spec, fake_pack_function, quiet, changes):
    checked = check(sweep_spec(**changes))
    heard = []
    results = [
        sweep(
            checked,
            results_dir=tmp_path / str(workers),
            workers=workers,
            run_pack=fake_pack_function(),
            console=quiet,
            on_pack=lambda task, results: heard.append((task.name, len(results.frame))),
        )
        for workers in (1, 2)
    ]
    assert plain(results[0]).equals(plain(results[1]))
    assert results[0].curves.equals(results[1].curves)
    assert results[0].folder.name == results[1].folder.name
    assert sum(count for _, count in heard) == 2 * len(results[0].frame)
    assert results[0].frame["shortened"].all()
    for name in ("frame.parquet", "curves.parquet", "spec.yaml", "environment.json"):
        assert (results[0].folder / name).is_file()
    told = json.loads((results[0].folder / "environment.json").read_text())
    assert told["kernels"] == kernels() and told["cpu_features"] == cpu_features()
    pack = results[0].frame["pack"].iloc[0]
    member = results[0].frame["member"].iloc[0]
    assert member in Store(results[0].folder).read(pack).weights


@pytest.mark.usefixtures("ray_session")
def test_resume_computes_what_is_missing_only(tmp_path, sweep_spec, fake_pack_function, quiet):
    log = tmp_path / "log"
    checked = check(sweep_spec())

    def run(**how):
        return sweep(
            checked,
            results_dir=tmp_path / "results",
            run_pack=fake_pack_function(log=log),
            workers=1,
            console=quiet,
            **how,
        )

    first = run()
    with pytest.raises(InputError, match=r"finished sweep .*--resume"):
        run()
    packs = Store(first.folder).packs()
    (first.folder / f"weights/{packs[0]}.safetensors").write_bytes(b"broken")
    (first.folder / f"packs/{packs[1]}.json").unlink()
    assert len(log.read_text().splitlines()) == 3
    second = run(resume=True)
    assert len(log.read_text().splitlines()) == 5
    assert plain(second).equals(plain(first))
    third = run(fresh=True)
    assert len(log.read_text().splitlines()) == 8
    assert plain(third).equals(plain(first))
    assert len(list(first.folder.parent.glob("*.backup-1"))) == 1


@pytest.mark.usefixtures("ray_session")
def test_a_pack_that_fails_is_tried_again_then_reported(
    tmp_path, sweep_spec, fake_pack_function, quiet
):
    log = tmp_path / "log"
    result = sweep(
        check(sweep_spec(pack_size=2)),
        results_dir=tmp_path / "results",
        run_pack=fake_pack_function(log=log, fail="vanilla"),
        workers=1,
        console=quiet,
    )
    assert list(result.failed.values()) == ["RuntimeError: no luck"]
    assert set(result.frame["recipe"]) == {"l1", "bimt"}
    assert len(log.read_text().splitlines()) == 4 + 3
    assert "failed: RuntimeError: no luck" in quiet.file.getvalue()
    after = sweep(
        check(sweep_spec(pack_size=2)),
        results_dir=tmp_path / "results",
        run_pack=fake_pack_function(log=log),
        workers=1,
        resume=True,
        console=quiet,
    )
    assert not after.failed and len(after.frame) == 10


@pytest.mark.usefixtures("ray_session")
def test_an_error_of_on_pack_loses_nothing(tmp_path, sweep_spec, fake_pack_function, quiet):
    def unlucky(task, results):
        raise OSError("server gone")

    with pytest.raises(OSError, match="server gone"):
        sweep(
            check(sweep_spec()),
            results_dir=tmp_path,
            run_pack=fake_pack_function(),
            workers=1,
            on_pack=unlucky,
            console=quiet,
        )
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert len(Store(folder).frame()) == 10


@pytest.mark.usefixtures("ray_session")
def test_what_a_worker_notes_is_shown(tmp_path, sweep_spec, fake_pack_function, quiet):
    base = fake_pack_function(note="memory: remarkable")

    def run(*given, on_note, **how):
        import torch

        on_note(f"threads: {torch.get_num_threads()}")
        return base(*given, on_note=on_note, **how)

    sweep(check(sweep_spec()), results_dir=tmp_path, run_pack=run, workers=1, console=quiet)
    lines = quiet.file.getvalue().splitlines()
    for note in ("memory: remarkable", "threads: 1"):
        told = [line for line in lines if line.endswith(note)]
        assert len(told) == 3
        assert all(line.startswith("symbolic/independence: pack") for line in told)


@pytest.mark.usefixtures("ray_session")
def test_what_a_task_leaves_unmeasured_is_said_once_however_many_packs(
    tmp_path, sweep_spec, fake_pack_function, quiet
):
    sweep(
        check(sweep_spec(**TWO_TASKS)),
        results_dir=tmp_path,
        run_pack=fake_pack_function(),
        workers=1,
        console=quiet,
    )
    told = quiet.file.getvalue()
    assert told.count("not measured here") == 2
    for task in ("symbolic/independence", "symbolic/feature_sharing"):
        assert told.count(f"{task}: not measured here: accuracy (no classes)") == 1


def faltering(folder, ways):
    """Real packs that break down once, each in its way; nested: Ray ships it by value."""

    def run(task, members, **how):
        from bimt_bench import packs

        report, kept = how.pop("on_progress"), how["checkpoints"]
        name, broken = kept.name, folder / f"{kept.name}.broken"
        killed = ways[name] == "killed"
        # nothing is kept on the way where an error is seen coming; every step where it is not
        how["checkpoint_seconds"] = 0.0 if killed and not broken.exists() else 3600.0

        def progress(fraction):
            report(fraction)
            with (folder / f"{name}.log").open("a") as file:
                file.write(f"{fraction}\n")
            if broken.exists():
                return
            if killed and any(kept.glob("*.json")):
                broken.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if not killed and fraction > 0.5:
                broken.touch()
                raise RuntimeError("half way")

        return packs.run_pack(task, members, **how, on_progress=progress)

    return run


@pytest.fixture(scope="module")
def real(sweep_spec):
    """A sweep of two packs, to be trained."""
    tasks = [{"task": "symbolic/independence", "steps": 400}]
    return check(sweep_spec(tasks=tasks, pack_size=None, shuffles=2))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, real, ray_session):
    """That sweep, when nothing breaks down, and what it told."""
    console = Console(file=io.StringIO(), width=200)
    found = sweep(real, results_dir=tmp_path_factory.mktemp("whole"), console=console)
    return found, console.file.getvalue()


def test_real_packs(whole):
    result, told = whole
    assert not result.failed
    assert len(result.frame) == 10 and (result.frame["status"] == "ok").all()
    assert result.frame["modularity_q"].between(0, 1).all()
    assert set(result.curves["member"]) == set(result.frame["member"])
    assert "best symbolic/independence: performance" in told


@LOADED
def test_packs_that_are_tried_again_go_on_where_they_were(tmp_path, real, whole, quiet):
    expected, _ = whole
    ways = dict(zip(Store(expected.folder).packs(), ("raises", "killed"), strict=True))
    retried = sweep(
        real,
        results_dir=tmp_path / "retried",
        run_pack=faltering(tmp_path, ways),
        console=quiet,
    )
    assert not retried.failed
    assert plain(retried).equals(plain(expected))
    assert retried.curves.equals(expected.curves)
    for pack in ways:
        assert (tmp_path / f"{pack}.broken").exists()
        fractions = [float(line) for line in (tmp_path / f"{pack}.log").read_text().splitlines()]
        assert fractions == sorted(set(fractions))  # nothing was computed a second time
        assert fractions[-1] == 1.0
    assert not (retried.folder / "checkpoints").exists()


def test_checkpoints_lie_with_the_results_or_on_the_nodes_own_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    results = tmp_path / "small-1"
    elsewhere = checkpoint_folder(results, "abc")
    assert (tmp_path / "tmp") in elsewhere.parents and elsewhere.parts[-1] == "abc"
    assert checkpoint_folder(results, "abc") == elsewhere
    results.mkdir()
    assert checkpoint_folder(results, "abc") == results / "checkpoints" / "abc"
