"""Files of a pack are checked for whose they are and what they hold, whatever their checksum."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from bimt_bench.contents import files_of
from bimt_bench.store import CorruptPack, Store, open_store, read_environment
from tests.test_store import SPEC, keep


@pytest.fixture
def store(tmp_path):
    found = open_store(tmp_path / "small-1", spec=SPEC, environment={"os": "x"})
    keep(found, "p1", ["a", "b", "c"])
    keep(found, "p2", ["d", "e", "f"])
    return found


def rewrite(store: Store, **changes) -> None:
    """The manifest of p1 with other entries, and checksums that match what lies there."""
    path = store.folder / "packs/p1.json"
    manifest = {**json.loads(path.read_text()), **changes}
    if "sha256" not in changes:
        contents = {name: (store.folder / name).read_bytes() for name in files_of("p1")}
        manifest["sha256"] = {n: hashlib.sha256(c).hexdigest() for n, c in contents.items()}
    path.write_text(json.dumps(manifest))


def is_corrupt(store: Store, message: str) -> None:
    with pytest.raises(CorruptPack, match=message) as caught:
        store.read("p1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_files_of_another_pack_are_refused_though_checksums_match(store, which):
    mine, theirs = files_of("p1")[which], files_of("p2")[which]
    (store.folder / mine).write_bytes((store.folder / theirs).read_bytes())
    rewrite(store)
    is_corrupt(store, "belongs to pack p2")


@pytest.mark.parametrize(
    ("frame", "curves", "weights", "message"),
    [
        (["a", "b", "b"], "abc", "abc", "one row for each member"),
        (["a", "b", "z"], "abc", "abc", "one row for each member"),
        (["a", "b"], "abc", "abc", "2 rows for 3 members"),
        (["a", "b", "c"], "abz", "abc", "curves of others"),
        (["a", "b", "c"], "aab", "abc", "a step of a member twice"),
        (["a", "b", "c"], "ab", "ab", "does not have the weights of the members"),
        ([1, 2, 3], "abc", "abc", "column 'member' holds int64"),
        ([["a"], ["b"], ["c"]], "abc", "abc", "not plain"),
    ],
)
def test_members_are_those_of_the_manifest_once_each(store, frame, curves, weights, message):
    rows = pd.DataFrame({"member": frame, "performance": 0.5})
    steps = pd.DataFrame({"member": list(curves), "step": 0})
    arrays = {member: {"w": np.zeros(2)} for member in weights}
    store.keep("p1", frame=rows, curves=steps, weights=arrays)
    rewrite(store, members=["a", "b", "c"])
    is_corrupt(store, message)


def test_rows_of_another_pack_are_refused(store):
    rows = pd.DataFrame({"member": ["a"], "pack": ["p2"]})
    store.keep("p1", frame=rows, curves=rows[["member"]].assign(step=0), weights={})
    is_corrupt(store, "rows of another pack")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": {"../../etc/passwd": "0" * 64}}, "three files"),
        ({"sha256": dict.fromkeys(("/etc/passwd", "packs/p1.json", "x"), "0" * 64)}, "three files"),
        ({"sha256": ["packs/p1.parquet"]}, "three files"),
        ({"sha256": dict.fromkeys(files_of("p1"), 7)}, "three files"),
        ({"members": "abc"}, "each once"),
        ({"members": ["a", "a", "b"]}, "each once"),
        ({"members": [1, 2, 3]}, "each once"),
        ({"members": None}, "each once"),
        ({"pack": ["p1"]}, "belongs to pack"),
        ({"format": "two"}, "has no format"),
        ({"format": True}, "has no format"),
        ({"format": -1}, "has no format"),
    ],
)
def test_a_manifest_names_its_own_files_and_members(store, changes, message):
    rewrite(store, **changes)
    is_corrupt(store, message)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"[" * 100_000, b"\xff", b'{"pack": "p1"}'])
def test_what_is_no_manifest_is_refused(store, content):
    (store.folder / "packs/p1.json").write_bytes(content)
    is_corrupt(store, "p1.json")


@pytest.mark.parametrize("name", [*files_of("p1"), "packs/p1.json"])
def test_links_out_of_the_folder_and_what_is_no_file_are_refused(store, name, tmp_path):
    path = store.folder / name
    outside = tmp_path / "outside"
    outside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(outside)
    is_corrupt(store, "link out of the results folder")
    path.unlink()
    path.symlink_to(path.name)
    is_corrupt(store, "cannot be read")
    path.unlink()
    path.mkdir()
    is_corrupt(store, "is no file")


def test_a_folder_that_lies_elsewhere_is_read(store, tmp_path):
    (store.folder / "weights").rename(tmp_path / "large")
    (store.folder / "weights").symlink_to(tmp_path / "large")
    assert set(store.read("p1").weights) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "content",
    [
        '{"circumstances": 3, "tasks": [], "training": {"t": 3}, "code": []}',
        '{"circumstances": [{"torch": "1"}], "tasks": {"a": 3}}',
        '{"circumstances": [["device"]]}',
        "[" * 100_000,
        "[]",
    ],
)
def test_what_an_environment_should_not_say_is_left_out(tmp_path, content):
    (tmp_path / "environment.json").write_text(content)
    assert read_environment(tmp_path) == {}
    assert Store(tmp_path).circumstances() == []
