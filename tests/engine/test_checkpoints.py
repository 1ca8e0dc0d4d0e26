"""Interruptions change nothing: kills, truncated and altered files, a full disk."""

import contextlib
import errno
import hashlib
import json
import multiprocessing
import os
import random
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import pytest
import safetensors
import safetensors.torch
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import checkpoints as files
from bimt_bench.engine import loop as training
from bimt_bench.engine.checkpoints import Checkpoint, Checkpoints, identity_of
from bimt_bench.ground import InputError
from bimt_bench.spec import Configuration, TaskSpec, catalog, digest_of
from tests.configurations import configuration

FULL_BATCH, MINIBATCH = "symbolic/independence", "vision/digits"
TOKENS = "modular/addition_59"
# all others go through `tests/recipes/test_conformance.py`
PACK = ("vanilla", "l1", "l1_local", "l1_swap", "bimt", "pruning", "dropout")


def short(name: str, steps: int, **changes) -> TaskSpec:
    task = catalog.task(name)
    training_spec = {**task.training.model_dump(), "steps": steps, "log_every": 7, **changes}
    return task.model_copy(update={"training": type(task.training).model_validate(training_spec)})


def pack(task: TaskSpec):
    """With and without state, relocation at odd intervals; two diverge at different times."""
    configurations = [configuration(name, swap_every=5, top_k=4) for name in PACK]
    configurations.insert(1, Configuration(learning_rate=1e6))
    configurations.insert(4, Configuration(learning_rate=3.0, strength=0.1))
    return [recipes.resolve(task, c, seed) for c in configurations for seed in (0, 1)]


class Interrupted(Exception):
    pass


def interrupted_after(step, steps):
    def stop(fraction):
        if fraction >= step / steps:
            raise Interrupted

    return stop


def same(a: training.Trained, b: training.Trained) -> None:
    assert torch.equal(a.population.flat, b.population.flat)
    for name, labels in a.population.labels.items():
        assert torch.equal(labels, b.population.labels[name])
        assert torch.equal(a.population.positions[name], b.population.positions[name])
    assert a.status == b.status and a.reason == b.reason
    pd.testing.assert_frame_equal(a.curves, b.curves, check_exact=True)


# --------------------------------------------------------------------------- going on


@pytest.mark.parametrize(
    ("name", "steps", "changes"),
    [
        (FULL_BATCH, 60, {}),
        (MINIBATCH, 60, {}),
        (TOKENS, 24, {}),
        (TOKENS, 60, {"batch_size": 200}),
    ],
    ids=["full batch", "minibatch", "tokens", "minibatches of tokens"],
)
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, name, steps, changes):
    task = short(name, steps, **changes)
    loaded, members = data.load(task.data), pack(task)
    whole = training.train_population(task, loaded, members)
    assert "diverged" in whole.status and "ok" in whole.status
    stops = [step for step in (1, 8, 22, 43, 57) if step < steps]
    for stop in stops:
        with pytest.raises(Interrupted):
            training.train_population(
                task,
                loaded,
                members,
                checkpoints=Checkpoints(tmp_path, every=1000),
                on_progress=interrupted_after(stop, steps),
            )
    fractions: list[float] = []
    resumed = training.train_population(
        task, loaded, members, checkpoints=Checkpoints(tmp_path), on_progress=fractions.append
    )
    assert min(fractions) > stops[-1] / steps
    same(resumed, whole)
    again = training.train_population(
        task, loaded, members, checkpoints=Checkpoints(tmp_path), on_progress=fractions.append
    )
    same(again, whole)
    assert again.seconds > 0


def test_it_goes_on_from_any_step(tmp_path):
    steps = 24
    task = short(FULL_BATCH, steps)
    task = task.model_copy(update={"training": task.training.model_copy(update={"log_every": 1})})
    loaded, members = data.load(task.data), pack(task)
    whole = training.train_population(task, loaded, members)
    for stop in range(1, steps):
        folder = tmp_path / str(stop)
        with pytest.raises(Interrupted):
            training.train_population(
                task,
                loaded,
                members,
                checkpoints=Checkpoints(folder),
                on_progress=interrupted_after(stop, steps),
            )
        resumed = training.train_population(task, loaded, members, checkpoints=Checkpoints(folder))
        same(resumed, whole)


def test_a_pack_whose_members_are_all_lost_ends_and_is_kept(tmp_path):
    task = short(FULL_BATCH, 40)
    loaded = data.load(task.data)
    members = [recipes.resolve(task, Configuration(learning_rate=1e6), seed) for seed in (0, 1)]
    fractions: list[float] = []
    first = training.train_population(
        task, loaded, members, checkpoints=Checkpoints(tmp_path), on_progress=fractions.append
    )
    assert first.status == ("diverged", "diverged") and fractions[-1] == 1.0
    second = training.train_population(task, loaded, members, checkpoints=Checkpoints(tmp_path))
    same(first, second)


# --------------------------------------------------------------------------- kills


def warm():
    """What a trainer needs, loaded once: in the server that trainers are forked from."""
    torch.set_num_threads(1)
    for name in (FULL_BATCH, MINIBATCH):
        task = short(name, 1)
        training.train_population(task, data.load(task.data), pack(task))


def train(folder: Path, name: str, steps: int, every: int, said: Connection) -> None:
    """Trains in a process of its own, which says how far it is."""
    task = short(name, steps)
    training.train_population(
        task,
        data.load(task.data),
        pack(task),
        checkpoints=Checkpoints(folder, every=every),
        on_progress=said.send,
    )
    said.send("done")


def kill_at_random(folder: Path, name: str, *, steps: int, every: int, kills: int, seed: int):
    """Starts the trainer again and again and kills it a random moment after it has begun.

    Returns how often it was killed, and the fractions done at which it began.
    """
    draw = random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warm_trainer"])
    killed, began = 0, []
    while True:
        heard, said = context.Pipe(duplex=False)
        process = context.Process(target=train, args=(folder, name, steps, every, said))
        process.start()
        said.close()  # the trainer has the only other end, so that its death ends the pipe
        first = heard.recv()
        if killed < kills and first != "done":
            began.append(first)
            # some kills wait for evaluations, so that they hit every part of the run
            for _ in range(draw.randrange(12)):
                heard.recv()
            time.sleep(draw.random() * 0.05)
            process.kill()
            process.join()
            assert "done" not in rest(heard), "the run is too short for so many kills"
            killed += process.exitcode == -signal.SIGKILL
            continue
        told = [first, *rest(heard)]
        process.join()
        assert process.exitcode == 0 and told[-1] == "done"
        return killed, began


def rest(heard: Connection) -> list[object]:
    """What a process said before it ended."""
    said = []
    with contextlib.suppress(EOFError):
        while True:
            said.append(heard.recv())
    return said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps", "kills"), [(FULL_BATCH, 2000, 11), (MINIBATCH, 1000, 10)]
)
def test_kills_at_random_steps_change_nothing(tmp_path, name, steps, kills):
    killed, began = kill_at_random(
        tmp_path, name, steps=steps, every=10, kills=kills, seed=len(name)
    )
    assert killed == kills
    assert began == sorted(began) and began[-1] > began[0]  # no kill threw it back to the start
    task = short(name, steps)
    loaded, members = data.load(task.data), pack(task)
    resumed = training.train_population(task, loaded, members, checkpoints=Checkpoints(tmp_path))
    same(resumed, training.train_population(task, loaded, members))


# --------------------------------------------------------------------------- damage


def two_checkpoints(folder: Path):
    """A run interrupted after checkpoints at steps 14 and 28; (task, data, members, whole)."""
    task = short(FULL_BATCH, 40)
    loaded, members = data.load(task.data), pack(task)
    with pytest.raises(Interrupted):
        training.train_population(
            task,
            loaded,
            members,
            checkpoints=Checkpoints(folder, every=14),
            on_progress=interrupted_after(29, 40),
        )
    newest = sorted(folder.glob("*.json"))
    assert [int(path.stem.split("-")[1]) for path in newest] == [28, 29]
    return task, loaded, members, training.train_population(task, loaded, members)


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [truncate, empty, flip, remove])
@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, damage, suffix):
    task, loaded, members, whole = two_checkpoints(tmp_path)
    newest = max(tmp_path.glob(f"*{suffix}"))
    damage(newest)
    notes: list[str] = []
    fractions: list[float] = []
    resumed = training.train_population(
        task,
        loaded,
        members,
        checkpoints=Checkpoints(tmp_path, on_note=notes.append),
        on_progress=fractions.append,
    )
    same(resumed, whole)
    assert fractions[0] == 29 / 40  # it went on from step 28 and did step 29 again
    if not (suffix == ".json" and damage is remove):  # no manifest: the checkpoint never was
        assert len(notes) == 1 and newest.stem in notes[0] and "the one before" in notes[0]


def test_when_all_are_damaged_the_run_starts_over_and_says_so(tmp_path):
    task, loaded, members, whole = two_checkpoints(tmp_path)
    for path in tmp_path.glob("*.safetensors"):
        flip(path)
    notes: list[str] = []
    resumed = training.train_population(
        task, loaded, members, checkpoints=Checkpoints(tmp_path, on_note=notes.append)
    )
    same(resumed, whole)
    assert len(notes) == 3 and "starts over" in notes[-1]


def test_an_altered_state_is_noticed_even_where_it_is_valid_json(tmp_path):
    task, loaded, members, _ = two_checkpoints(tmp_path)
    newest = max(tmp_path.glob("*.json"))
    content = json.loads(newest.read_text())
    content["state"]["optimizer_steps"] += 1
    newest.write_text(json.dumps(content))
    notes: list[str] = []
    training.train_population(
        task, loaded, members, checkpoints=Checkpoints(tmp_path, on_note=notes.append)
    )
    assert "seal does not fit" in notes[0]


def test_a_checkpoint_of_other_members_is_left_alone(tmp_path):
    task, loaded, members, whole = two_checkpoints(tmp_path)
    before = sorted(tmp_path.iterdir())
    notes: list[str] = []
    others = training.train_population(
        task, loaded, members[2:], checkpoints=Checkpoints(tmp_path, on_note=notes.append)
    )
    assert len(notes) == 1 and "other members" in notes[0]
    assert torch.equal(others.population.flat, whole.population.flat[2:])
    assert set(before) < set(tmp_path.iterdir())
    # and under the name of the other run it is refused
    (path,) = set(tmp_path.glob("*.json")) - set(before)
    disguised = path.with_name(f"{before[0].stem.split('-')[0]}-{10**6:012d}.json")
    disguised.write_bytes(path.read_bytes())
    notes.clear()
    same(
        training.train_population(
            task, loaded, members, checkpoints=Checkpoints(tmp_path, on_note=notes.append)
        ),
        whole,
    )
    assert "belongs to run" in notes[0]


# --------------------------------------------------------------------------- a full disk


def test_on_a_full_disk_training_goes_on_and_says_so_once(tmp_path, monkeypatch):
    task, loaded, members, whole = two_checkpoints(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    fsync, written = os.fsync, []

    def full(handle):
        written.append(os.fstat(handle).st_size)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    notes: list[str] = []
    trained = training.train_population(
        task, loaded, members, checkpoints=Checkpoints(tmp_path, every=3, on_note=notes.append)
    )
    same(trained, whole)
    assert len(written) > 2
    assert len(notes) == 1 and "No space left on device" in notes[0]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.setattr("os.fsync", fsync)
    resumed = training.train_population(task, loaded, members, checkpoints=Checkpoints(tmp_path))
    same(resumed, whole)


# --------------------------------------------------------------------------- the files


def test_two_are_kept_and_a_killed_writers_leavings_go(tmp_path):
    kept = Checkpoints(tmp_path, every=1)
    (tmp_path / ".mine-000000000001.safetensors-x1y2").write_bytes(b"half")
    (tmp_path / "mine-000000000001.safetensors").write_bytes(b"no manifest")
    for step in (2, 3, 4):
        assert kept.keep("mine", Checkpoint(step, {"a": torch.full((2,), step)}, {"b": [step]}))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"mine-{step:012d}.{s}" for step in (3, 4) for s in ("json", "safetensors")]
    found = kept.latest("mine")
    assert found is not None and found.step == 4 and found.state == {"b": [4]}
    assert torch.equal(found.tensors["a"], torch.tensor([4, 4]))


def test_files_say_their_format_and_whose_they_are(tmp_path):
    kept = Checkpoints(tmp_path)
    kept.keep("mine", Checkpoint(3, {"a": torch.zeros(2)}, {}))
    (manifest,) = tmp_path.glob("*.json")
    assert json.loads(manifest.read_text())["format"] == files.FORMAT
    with safetensors.safe_open(manifest.with_suffix(".safetensors"), "pt") as file:
        told = {"bimt_bench.format": str(files.FORMAT), "identity": "mine", "step": "3"}
        assert file.metadata() == told


def test_a_newer_format_is_refused_and_one_without_a_number_is_the_first(tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path)
    monkeypatch.setattr(files, "FORMAT", 9)
    kept.keep("mine", Checkpoint(3, {"a": torch.zeros(2)}, {"b": 1}))
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"has format 9, but .* reads formats up to 2; install"):
        kept.latest("mine")
    (manifest,) = tmp_path.glob("*.json")
    content = safetensors.torch.save({"a": torch.ones(2)})
    manifest.with_suffix(".safetensors").write_bytes(content)
    first = {
        "identity": "mine",
        "step": 3,
        "state": {"b": 1},
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    manifest.write_text(json.dumps({**first, "seal": digest_of(first)}))
    found = kept.latest("mine")
    assert found is not None and torch.equal(found.tensors["a"], torch.ones(2))


def test_tensors_of_another_step_are_passed_over_though_all_sums_fit(tmp_path):
    notes: list[str] = []
    kept = Checkpoints(tmp_path, on_note=notes.append)
    for step in (3, 4):
        kept.keep("mine", Checkpoint(step, {"a": torch.full((2,), step)}, {}))
    older, newer = sorted(tmp_path.glob("*.json"))
    content = older.with_suffix(".safetensors").read_bytes()
    newer.with_suffix(".safetensors").write_bytes(content)
    manifest = json.loads(newer.read_text())
    del manifest["seal"]
    manifest["sha256"] = hashlib.sha256(content).hexdigest()
    newer.write_text(json.dumps({**manifest, "seal": digest_of(manifest)}))
    found = kept.latest("mine")
    assert found is not None and found.step == 3
    assert "of another run or step" in notes[0]


@pytest.mark.parametrize("what", ["code_digest", "library_versions"])
def test_a_checkpoint_of_other_code_or_libraries_is_left_alone(tmp_path, monkeypatch, what):
    task, loaded, members, whole = two_checkpoints(tmp_path)
    monkeypatch.setattr(training, what, lambda *_: "0" * 12)
    notes: list[str] = []
    fractions: list[float] = []
    other = training.train_population(
        task,
        loaded,
        members,
        checkpoints=Checkpoints(tmp_path, on_note=notes.append),
        on_progress=fractions.append,
    )
    same(other, whole)
    assert fractions[0] == 1 / 40 and "or version" in notes[0]


def test_an_interval_is_counted_in_steps_or_seconds(tmp_path):
    by_step = Checkpoints(tmp_path, every=3)
    assert [by_step.due(step) for step in (1, 2, 3, 6)] == [False, False, True, True]
    by_time = Checkpoints(tmp_path, seconds=0.05)
    assert not by_time.due(1)
    time.sleep(0.06)
    assert by_time.due(1)
    by_time.keep("x", Checkpoint(1, {}, {}))
    assert not by_time.due(2)


def test_an_identity_covers_every_value_and_every_bit():
    base = identity_of({"a": 1}, {"t": torch.zeros(3)})
    assert base == identity_of({"a": 1}, {"t": torch.zeros(3)})
    assert base != identity_of({"a": 2}, {"t": torch.zeros(3)})
    assert base != identity_of({"a": 1}, {"t": torch.tensor([0.0, -0.0, 0.0])})
