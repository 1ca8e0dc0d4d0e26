"""Result files that were damaged in any way: clean errors only, in little time.

The number of inputs is small here; `BIMT_BENCH_FUZZ=1000` gives each file so many.
"""

import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bimt_bench.contents import files_of
from bimt_bench.ground import InputError
from bimt_bench.results import read_curves, read_frame
from bimt_bench.spec import SweepSpec, catalog
from bimt_bench.store import CorruptPack, Store, open_store, read_environment
from bimt_bench.tuning import pace
from bimt_bench.tuning.sizes import kept_sizes
from tests.test_store import SPEC

CLEAN = (CorruptPack, InputError)
EXAMPLES = int(os.environ.get("BIMT_BENCH_FUZZ", "24"))
LONGEST = 2.0  # seconds that reading a small file may take, however damaged
MEMBERS = ["a1", "b2", "c3"]
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: (
        st.lists(part, max_size=4)
        | st.dictionaries(st.sampled_from(["pack", "p1", "sha256", "../p1", "x"]), part, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def damage(draw) -> object:
    """What is done to the bytes of a file."""
    kind = draw(st.sampled_from(["cut", "flip", "insert", "replace", "repeat"]))
    return kind, draw(st.floats(0, 1)), draw(st.binary(min_size=1, max_size=40))


def damaged(content: bytes, how) -> bytes:
    kind, where, some = how
    at = int(where * len(content))
    match kind:
        case "cut":
            return content[:at]
        case "flip":
            return content[:at] + bytes(b ^ 0xFF for b in content[at : at + 4]) + content[at + 4 :]
        case "insert":
            return content[:at] + some + content[at:]
        case "repeat":
            return content[:at] + content[at : at + 64] * 50 + content[at + 64 :]
        case _:
            return content[:at] + some + content[at + len(some) :]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Store:
    store = open_store(tmp_path_factory.mktemp("fuzz") / "small-1", spec=SPEC, environment={})
    frame = pd.DataFrame(
        {
            "task": "symbolic/independence",
            "recipe": ["bimt", "l1", "vanilla"],
            "strength": pd.array([1.0, 2.0, None], dtype="Float64"),
            "seed": 0,
            "member": MEMBERS,
            "configuration": ["x", "y", "z"],
            "status": "ok",
            "dial": "strength",
            "dial_value": [1.0, 2.0, None],
            "performance": [0.1, 0.2, np.nan],
        }
    )
    curves = pd.DataFrame({"member": MEMBERS * 2, "step": [0] * 3 + [9] * 3, "test_loss": 0.5})
    arrays = {member: {"layers.0.weight": np.ones((2, 3), np.float32)} for member in MEMBERS}
    store.keep("p1", frame=frame, curves=curves, weights=arrays)
    store.collect(["p1"], members=MEMBERS)
    (store.folder / "pack_sizes.json").write_text('{"symbolic/independence": 24}')
    return store


def cleanly(read) -> None:
    """Reads; whatever is refused is refused by one of our errors, in one line, at once."""
    began, told = time.process_time(), ""
    try:
        read()
    except CLEAN as error:
        told = str(error)
    assert "\n" not in told and len(told) < 1000
    assert time.process_time() - began < LONGEST


def rewritten(path: Path, content: bytes, read) -> None:
    held = path.read_bytes()
    try:
        path.write_bytes(content)
        cleanly(read)
    finally:
        path.write_bytes(held)


def members_once(store: Store) -> None:
    """What is read, if anything, is of the pack's members, each once."""
    found = store.read("p1")
    assert sorted(found.frame["member"]) == MEMBERS
    assert set(found.weights) == set(MEMBERS) and set(found.curves["member"]) <= set(MEMBERS)


@FUZZED
@given(which=st.sampled_from([0, 1, 2]), how=damage())
def test_files_of_a_pack_with_checksums_that_match(sound, which, how):
    """As a program that means harm, or an error before the checksum was made, would leave them."""
    name = files_of("p1")[which]
    path, manifest = sound.folder / name, sound.folder / "packs/p1.json"
    content = damaged(path.read_bytes(), how)
    held = manifest.read_bytes()
    told = json.loads(held)
    told["sha256"][name] = hashlib.sha256(content).hexdigest()
    manifest.write_bytes(json.dumps(told).encode())
    try:
        rewritten(path, content, lambda: members_once(sound))
    finally:
        manifest.write_bytes(held)


@FUZZED
@given(how=damage())
def test_manifests(sound, how):
    path = sound.folder / "packs/p1.json"
    rewritten(path, damaged(path.read_bytes(), how), lambda: members_once(sound))


@FUZZED
@given(field=st.sampled_from(["format", "pack", "members", "sha256"]), value=JSON)
def test_manifests_with_other_values(sound, field, value):
    path = sound.folder / "packs/p1.json"
    told = {**json.loads(path.read_bytes()), field: value}
    rewritten(path, json.dumps(told).encode(), lambda: members_once(sound))


@FUZZED
@given(how=damage())
def test_frames_that_a_user_reads(sound, how):
    path = sound.folder / "frame.parquet"
    rewritten(path, damaged(path.read_bytes(), how), lambda: read_frame(sound.folder))


@FUZZED
@given(how=damage())
def test_curves_that_a_user_reads(sound, how):
    path = sound.folder / "curves.parquet"
    rewritten(path, damaged(path.read_bytes(), how), lambda: read_curves(sound.folder))


@FUZZED
@given(
    column=st.sampled_from(["member", "task", "strength", "seed", "dial_value", "status"]),
    value=st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    drop=st.booleans(),
)
def test_frames_with_other_columns(sound, column, value, drop):
    path = sound.folder / "frame.parquet"
    frame = pd.read_parquet(path)
    frame = frame.drop(columns=column) if drop else frame.assign(**{column: [value] * len(frame)})
    try:
        content = frame.to_parquet()
    except Exception:  # noqa: BLE001 - no such file can be made
        return
    rewritten(path, content, lambda: read_frame(sound.folder))


@FUZZED
@given(name=st.sampled_from(["circumstances", "tasks", "training", "format", "code"]), value=JSON)
def test_environments(sound, name, value):
    path = sound.folder / "environment.json"

    def read() -> None:
        read_environment(sound.folder)
        for one in sound.circumstances():
            assert one["device"]

    rewritten(path, json.dumps({name: value}).encode(), read)


@FUZZED
@given(how=damage())
def test_specifications(sound, how):
    path = sound.folder / "spec.yaml"
    content = damaged(path.read_bytes(), how)
    held = path.read_bytes()
    began, told = time.process_time(), ""
    try:
        path.write_bytes(content)
        catalog.load_yaml(path, SweepSpec)
    except InputError as error:
        told = str(error)
    finally:
        path.write_bytes(held)
    assert len(told.splitlines()) < 200  # a line for each fault
    assert time.process_time() - began < LONGEST


@FUZZED
@given(value=JSON | st.dictionaries(st.just("symbolic/independence"), JSON))
def test_pack_sizes(sound, value):
    path = sound.folder / "pack_sizes.json"

    def read() -> None:
        found = kept_sizes(path, ["symbolic/independence"])
        for size in (found or {}).values():
            assert size is None or 1 <= size <= pace.LARGEST

    rewritten(path, json.dumps(value).encode(), read)
