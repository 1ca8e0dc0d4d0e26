"""Who a pack is: scored again but not trained again, circumstances, formats, earlier results."""

import hashlib
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
import safetensors.numpy
import torch

from bimt_bench import identity, packs
from bimt_bench.ground import InputError, provenance
from bimt_bench.metrics import METRICS
from bimt_bench.recipes import resolve
from bimt_bench.spec import FORMAT, Configuration, SweepSpec, catalog, format_of, with_format
from bimt_bench.store import CorruptPack, Store, open_store, read_environment
from bimt_bench.tuning import earlier, runner, session, trainable
from bimt_bench.tuning.agenda import Agenda
from bimt_bench.tuning.collector import Collector
from bimt_bench.tuning.prepare import check

TASK = catalog.task("symbolic/independence")
HERE = provenance.circumstances("cpu")
OLDER = {**HERE, "torch": "2.0.0"}
MEASURED = ["usual", "modularity_z"]


def sweep_spec(**changes):
    content = {
        "name": "small",
        "title": "A small sweep",
        "tasks": [{"task": TASK.name}],
        "space": {"recipe": ["l1", "bimt"], "strength": [0.5, 1.0]},
        "seeds": [0],
        "pack_size": 2,
        "shuffles": 2,
        "metrics": MEASURED,
    }
    return SweepSpec.model_validate({**content, **changes})


# --------------------------------------------------------------------------- scoring again


@pytest.fixture(scope="module")
def trained():
    """A pack with a member that diverged; (members, result)."""
    configurations = [
        Configuration(steps=60),
        Configuration(steps=60, recipe="l1"),
        Configuration(steps=60, learning_rate=1e6),
    ]
    members = [resolve(TASK, one, seed) for one in configurations for seed in (0, 1)]
    return members, packs.run_pack(TASK, members, shuffles=3, metrics=MEASURED)


def test_the_frame_says_which_code_and_libraries_made_it(trained):
    members, result = trained
    frame = result.frame
    assert set(packs.CIRCUMSTANCES) < set(frame)
    assert (frame["scoring_digest"] == identity.scoring_digest()).all()
    assert (frame["shuffles"] == 3).all()
    wanted = [identity.training_digest(TASK, member.recipe) for member in members]
    assert list(frame["training_digest"]) == wanted and len(set(wanted)) == 2
    for name in ("torch", "numba", "numpy", "scipy"):
        assert (frame[f"{name}_version"] == HERE[name]).all()


# Products of another number of members may round otherwise.
@pytest.mark.parametrize(("memory_limit", "rtol"), [(None, 0.0), (1, 1e-6)], ids=["whole", "parts"])
def test_stored_weights_are_scored_as_they_were(tmp_path, trained, memory_limit, rtol):
    members, result = trained
    assert set(result.frame["status"]) == {"ok", "diverged"}
    store = open_store(tmp_path / "x", spec=sweep_spec(), environment={})
    store.keep("p", frame=result.frame, curves=result.curves, weights=result.weights)
    stored = store.read("p")
    again = packs.score_again(
        TASK,
        members,
        frame=stored.frame.assign(pack="p", of_another_version=1.0, scoring_digest="0" * 12),
        weights=stored.weights,
        shuffles=3,
        metrics=MEASURED,
        memory_limit=memory_limit,
    )
    pd.testing.assert_frame_equal(again, result.frame, check_dtype=False, rtol=rtol, atol=0.0)


def test_other_shuffles_change_what_is_drawn_and_nothing_else(trained, monkeypatch):
    members, result = trained
    monkeypatch.setattr(packs, "train_population", None)
    stored = {"frame": result.frame, "weights": result.weights}
    again = packs.score_again(TASK, members, **stored, shuffles=5, metrics=MEASURED)
    differing = {name for name in again if not again[name].equals(result.frame[name])}
    assert {"shuffles", "modularity_z"} <= differing
    assert differing <= {"shuffles", *METRICS} - {"performance", "modularity_q", "test_loss"}


def test_weights_of_other_networks_are_refused(trained):
    members, result = trained
    frame = result.frame
    with pytest.raises(InputError, match=r"weights: those of member .* are absent"):
        packs.score_again(TASK, members, frame=frame, weights={})
    wrong = {
        digest: {name: array[..., :1] for name, array in arrays.items()}
        for digest, arrays in result.weights.items()
    }
    with pytest.raises(InputError, match=r"weights: .* has shape .*, but must be"):
        packs.score_again(TASK, members, frame=frame, weights=wrong)


class Heard:
    def __init__(self):
        self.found, self.notes = [], []

    def pack_taken(self, pack):
        pass

    def pack_done(self, task, pack, results, *, found):
        if found:
            self.found.append(pack.digest)

    def pack_failed(self, task, pack, reason):
        raise AssertionError(reason)

    def note(self, line):
        self.notes.append(line)


class Near:
    """An actor without Ray: methods are called in place."""

    def __init__(self, actor):
        self._actor = actor

    def __getattr__(self, name):
        return SimpleNamespace(remote=getattr(self._actor, name))


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Runs a sweep as driver and worker do, but in this process; (frame, heard, trainings)."""
    monkeypatch.setattr(trainable.ray, "get", lambda value: value)

    def run_pack(task, members, **how):
        trainings.append(len(members))
        return packs.run_pack(task, members, **how)

    trainings = []

    def go(spec, *, circumstances=HERE, device="cpu", mixed=False):
        trainings.clear()
        checked, heard = check(spec), Heard()
        folder = tmp_path / "small"
        store = open_store(
            folder,
            spec=spec,
            environment=provenance.environment(),
            circumstances=circumstances,
            resume=True,
            mixed_versions=mixed,
        )
        allowed = [circumstances, *(c for c in store.circumstances() if c != circumstances)]
        searches = checked.searches(circumstances=allowed, sizes={TASK.name: spec.pack_size})
        agenda = Agenda(searches, store=store, listener=heard)
        worker = object.__new__(trainable.PackTrainable)
        worker._collector = Near(Collector(folder))
        worker._job = trainable.Job(
            tasks={task.spec.name: task.spec for task in checked.tasks},
            run_pack=run_pack,
            score_again=None,
            device=device,
            share=1.0,
            results=folder,
            shuffles=spec.shuffles,
            checkpoint_seconds=60.0,
            data_dir=None,
            code=runner._code(checked),
            circumstances=HERE,
            metrics=checked.metrics,
        )
        while (pack := agenda.take()) is not None:
            worker._compute(pack)
            agenda.done(pack)
        assert agenda.finished
        store.collect(agenda.packs(), members=agenda.members())
        return store.frame(), heard, list(trainings)

    return go


SHORT = {
    "tasks": [{"task": TASK.name, "steps": 40}],
    "space": {"recipe": ["l1", "bimt"], "strength": [1.0]},
}


def test_changed_metrics_or_shuffles_score_again_and_train_nothing(sweep, monkeypatch):
    spec = sweep_spec(**SHORT)
    first, heard, trainings = sweep(spec)
    assert trainings == [2] and not heard.found
    again, heard, trainings = sweep(spec)
    assert trainings == [] and len(heard.found) == 1 and not heard.notes
    pd.testing.assert_frame_equal(again, first)

    # another number of shuffles
    more, heard, trainings = sweep(sweep_spec(**SHORT, shuffles=4))
    assert trainings == [] and not heard.found
    assert "scored again, not trained" in heard.notes[0]
    assert (more["shuffles"] == 4).all() and (more["pack"] == first["pack"]).all()
    assert not more["modularity_z"].equals(first["modularity_z"])
    assert more["performance"].equals(first["performance"])
    assert more["seconds"].equals(first["seconds"])

    # other code of the metrics
    real = identity._digest
    scoring = tuple(identity.scoring_modules())
    monkeypatch.setattr(
        identity, "_digest", lambda roots: "0" * 12 if roots == scoring else real(roots)
    )
    rescored, heard, trainings = sweep(spec)
    assert trainings == [] and len(heard.notes) == 1
    assert (rescored["scoring_digest"] == "0" * 12).all()
    made = ["scoring_digest"]
    pd.testing.assert_frame_equal(rescored.drop(columns=made), first.drop(columns=made))
    assert sweep(spec)[2] == [] and not sweep(spec)[1].notes

    # other code of the training
    monkeypatch.setattr(identity, "_digest", lambda roots: "1" * 12)
    _, _, trainings = sweep(spec)
    assert trainings == [2]


def test_a_damaged_pack_with_other_scores_is_trained_again(sweep, tmp_path):
    spec = sweep_spec(**SHORT)
    first, _, _ = sweep(spec)
    (weights,) = (tmp_path / "small/weights").iterdir()
    weights.write_bytes(b"broken")
    second, heard, trainings = sweep(sweep_spec(**SHORT, shuffles=4))
    assert trainings == [2] and "computing it again" in heard.notes[0]
    assert second["performance"].equals(first["performance"])


# --------------------------------------------------------------------------- circumstances


def test_going_on_with_other_versions_is_refused_or_allowed_by_name(sweep, tmp_path):
    spec = sweep_spec(**SHORT)
    first, _, _ = sweep(spec, circumstances=OLDER)
    told = re.escape(f"(torch 2.0.0 -> {HERE['torch']})")
    with pytest.raises(InputError, match=rf"^resume: .*{told}.*--mixed-versions"):
        sweep(spec)
    assert read_environment(tmp_path / "small")["circumstances"] == [OLDER]
    mixed, heard, trainings = sweep(spec, mixed=True)
    assert trainings == [] and len(heard.found) == 1
    pd.testing.assert_frame_equal(mixed, first)
    assert Store(tmp_path / "small").circumstances() == [OLDER, HERE]
    # allowed once, it stays allowed, and what is new is trained here
    grown = sweep_spec(**{**SHORT, "seeds": [0, 1]}, pack_size=1)
    both, heard, trainings = sweep(grown)
    assert sum(trainings) == 4 and len(both) == 4
    with pytest.raises(InputError, match="device cpu -> cuda"):
        sweep(spec, circumstances={**HERE, "device": "cuda"})


def test_packs_are_found_under_the_circumstances_they_were_trained_in(sweep):
    spec = sweep_spec(**SHORT)
    first, _, _ = sweep(spec, circumstances=OLDER)
    more, _, trainings = sweep(sweep_spec(**SHORT, shuffles=4), mixed=True)
    assert trainings == [] and (more["shuffles"] == 4).all()
    assert (more["pack"] == first["pack"]).all()


def test_a_worker_that_differs_refuses(monkeypatch):
    code = {"bimt_bench.engine.loop": "0" * 12}
    job = SimpleNamespace(code=code, circumstances=HERE, device="cpu")
    with pytest.raises(InputError, match=r"differs from the driver's in bimt_bench\.engine\.loop"):
        trainable._check_worker(job)
    job.code = runner._code(check(sweep_spec()))
    trainable._check_worker(job)
    job.circumstances = OLDER
    with pytest.raises(InputError, match=r"environment: .*torch 2\.0\.0 -> "):
        trainable._check_worker(job)
    job.circumstances = {**HERE, "device": "cuda"}
    job.device = "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="a worker has no GPU"):
        trainable._check_worker(job)


def test_the_device_is_what_is_asked_for_or_what_the_sweep_began_with(monkeypatch):
    cuda = {**HERE, "device": "cuda"}
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    for available, wanted in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=available: found)
        assert session.device_for("auto", [], address=None) == wanted
        assert session.device_for("auto", [HERE], address=None) == "cpu"
        assert session.device_for("auto", [HERE, cuda], address=None) == "cuda"
        assert session.device_for("cpu", [cuda], address=None) == "cpu"


# --------------------------------------------------------------------------- sweeps


def test_a_sweep_is_named_by_what_its_networks_follow_from(monkeypatch):
    digest = runner.sweep_digest(check(sweep_spec()))
    for changes in ({"title": "Another"}, {"shuffles": 7}, {"checkpoint_seconds": 1.0}):
        assert runner.sweep_digest(check(sweep_spec(**changes))) == digest
    for changes in ({"seeds": [1]}, {"pack_size": 3}, {"space": {"recipe": ["l1"]}}):
        assert runner.sweep_digest(check(sweep_spec(**changes))) != digest
    real = identity._digest
    scoring = tuple(identity.scoring_modules())
    monkeypatch.setattr(
        identity, "_digest", lambda roots: "0" * 12 if roots == scoring else real(roots)
    )
    assert runner.sweep_digest(check(sweep_spec())) == digest
    monkeypatch.setattr(identity, "_digest", lambda roots: "0" * 12)
    assert runner.sweep_digest(check(sweep_spec())) != digest


def begun(folder, spec, *, digest, circumstances=HERE):
    store = open_store(
        folder,
        spec=spec,
        environment={
            **provenance.environment(),
            "tasks": {TASK.name: TASK.digest()},
            "training": {TASK.name: {"bimt": digest}},
        },
        circumstances=circumstances,
    )
    frame = pd.DataFrame({"member": ["a"]})
    store.keep("p", frame=frame, curves=frame, weights={"a": {"w": np.zeros(2)}})
    return store


def test_earlier_results_are_named_with_what_differs(tmp_path):
    mine = tmp_path / f"small-{'a' * 12}"
    begun(mine, sweep_spec(), digest="new")
    assert earlier.earlier_lines(mine, spec=sweep_spec()) == []
    begun(tmp_path / f"small-{'b' * 12}", sweep_spec(title="Other", shuffles=9), digest="old")
    store = begun(
        tmp_path / f"small-{'c' * 12}", sweep_spec(seeds=[5]), digest="new", circumstances=OLDER
    )
    (store.folder / "frame.parquet").write_bytes(b"")
    begun(tmp_path / f"small-{'a' * 12}.backup-1", sweep_spec(), digest="old")
    begun(tmp_path / f"smaller-{'d' * 12}", sweep_spec(), digest="old")
    first_release = begun(tmp_path / f"small-{'e' * 12}", sweep_spec(), digest="old").folder
    (first_release / "environment.json").write_text('{"code": "0.1.0+1234abcd"}')
    code, settings, oldest = earlier.earlier_lines(mine, spec=sweep_spec())
    assert f"small-{'b' * 12} (interrupted, 1 pack)" in code
    assert f"the code that trains differs (bimt on {TASK.name} old -> new)" in code
    assert "settings" not in code
    assert f"small-{'c' * 12} (finished, 1 pack)" in settings
    assert "settings differ (seeds: [5] -> [0])" in settings
    assert f"torch 2.0.0 -> {HERE['torch']}" in settings
    assert "it was trained by bimt_bench 0.1.0+1234abcd" in oldest


# --------------------------------------------------------------------------- formats


@pytest.fixture
def store(tmp_path):
    found = open_store(tmp_path / "x", spec=sweep_spec(), environment=provenance.environment())
    for pack, member in (("p1", "a"), ("p2", "b")):
        frame = pd.DataFrame({"member": [member], "performance": [0.5]})
        curves = pd.DataFrame({"member": [member], "step": [0]})
        found.keep(pack, frame=frame, curves=curves, weights={member: {"w": np.ones(3)}})
    found.collect(["p1", "p2"], members=["a", "b"])
    return found


def edit_manifest(store, pack, **changes):
    path = store.folder / f"packs/{pack}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_everything_says_its_format(store):
    folder = store.folder
    for name in ("frame.parquet", "curves.parquet", "packs/p1.parquet", "packs/p1.curves.parquet"):
        assert format_of(folder / name) == FORMAT
    assert json.loads((folder / "packs/p1.json").read_text())["format"] == 2
    assert read_environment(folder)["format"] == 2
    assert catalog.load_yaml(folder / "spec.yaml", SweepSpec).format == 2
    with safetensors.safe_open(folder / "weights/p1.safetensors", "numpy") as file:
        assert file.metadata() == {"bimt_bench.format": "2", "bimt_bench.pack": "p1"}


def test_a_newer_format_is_refused_in_one_line(store):
    newer = r"has format 9, but this version of bimt_bench reads formats up to \d; install a newer"
    edit_manifest(store, "p1", format=9)
    with pytest.raises(InputError, match=newer):
        store.read("p1")
    assert store.has("p1")  # it is not taken for a damaged one
    path = store.folder / "frame.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"bimt_bench.format": "9"}), path)
    with pytest.raises(InputError, match=newer):
        store.frame()
    path = store.folder / "environment.json"
    path.write_text(json.dumps({"format": 9}))
    with pytest.raises(InputError, match=newer):
        read_environment(store.folder)
    with pytest.raises(ValueError, match="format"):
        sweep_spec(format=9)


@pytest.mark.parametrize("form", [0, True, "two", 1.5])
def test_what_is_no_format_is_damage(store, form):
    edit_manifest(store, "p1", format=form)
    with pytest.raises(CorruptPack, match="p1.json has no format"):
        store.read("p1")


def test_files_of_the_first_release_are_read(store):
    folder = store.folder
    table = pa.table({"member": ["a"], "performance": [0.25]})
    curves = pa.table({"member": ["a"], "step": [0], "cost": [0.25]})
    for name, content in (("packs/p1.parquet", table), ("packs/p1.curves.parquet", curves)):
        pq.write_table(content, folder / name)
        assert format_of(folder / name) == 1
    (folder / "weights/p1.safetensors").write_bytes(safetensors.numpy.save({"a/w": np.zeros(1)}))
    path = folder / "packs/p1.json"
    manifest = json.loads(path.read_text())
    del manifest["format"]
    manifest["sha256"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in manifest["sha256"]
    }
    path.write_text(json.dumps(manifest))
    assert store.read("p1").frame["performance"].tolist() == [0.25]


@pytest.mark.parametrize(
    "name", ["packs/{}.parquet", "packs/{}.curves.parquet", "weights/{}.safetensors"]
)
def test_a_file_of_another_pack_is_noticed_though_its_checksum_fits(store, name):
    other = (store.folder / name.format("p2")).read_bytes()
    (store.folder / name.format("p1")).write_bytes(other)
    manifests = [json.loads((store.folder / f"packs/p{i}.json").read_text()) for i in (1, 2)]
    sums = {**manifests[0]["sha256"], name.format("p1"): manifests[1]["sha256"][name.format("p2")]}
    edit_manifest(store, "p1", sha256=sums)
    with pytest.raises(CorruptPack, match="a file of pack p1 belongs to pack p2"):
        store.read("p1")


def test_a_table_keeps_what_else_it_says_of_itself():
    table = pa.table({"a": [1]}).replace_schema_metadata({"pandas": "{}"})
    assert with_format(table).schema.metadata == {b"pandas": b"{}", b"bimt_bench.format": b"2"}


def test_a_pack_is_its_members_code_and_circumstances_but_not_its_scoring(monkeypatch):
    members = [resolve(TASK, Configuration(), seed) for seed in (0, 1)]
    digest = identity.pack_digest(TASK, members, circumstances=HERE)
    assert digest == identity.pack_digest(TASK, members, circumstances=dict(HERE))
    others = [
        identity.pack_digest(TASK, members[::-1], circumstances=HERE),
        identity.pack_digest(TASK, members, circumstances=OLDER),
        identity.pack_digest(TASK, members, circumstances={**HERE, "device": "cuda"}),
        identity.pack_digest(
            TASK, [replace(members[0], digest="x"), members[1]], circumstances=HERE
        ),
    ]
    assert len({digest, *others}) == 5
    monkeypatch.setattr(identity, "scoring_digest", lambda: "0" * 12)
    assert digest == identity.pack_digest(TASK, members, circumstances=HERE)
