"""The store: what is kept is read back, what is damaged is noticed, nothing computed is lost."""

import numpy as np
import pandas as pd
import pytest

from bimt_bench.ground import InputError, write
from bimt_bench.spec import SweepSpec, catalog
from bimt_bench.store import CorruptPack, Store, open_store

SPEC = SweepSpec.model_validate(
    {
        "name": "small",
        "title": "A small sweep",
        "tasks": [{"task": "symbolic/independence", "steps": 1000}],
        "space": {"recipe": ["vanilla", "bimt"], "strength": [0.5, 1]},
        "recipes": {"bimt": {"swap_every": [100, None], "geometry": ["line", {"name": "mine"}]}},
        "seeds": [0, 1],
    }
)


@pytest.fixture
def opened(tmp_path):
    def open_it(**how):
        return open_store(tmp_path / "small-1", spec=SPEC, environment={"os": "x"}, **how)

    return open_it


def keep(store, pack, members, *, reason=None):
    store.keep(
        pack,
        frame=pd.DataFrame(
            {"member": members, "performance": [0.5] * len(members), "reason": reason}
        ),
        curves=pd.DataFrame(
            {"member": members * 2, "step": [10] * len(members) + [0] * len(members)}
        ),
        weights={m: {"layers.0.weight": np.arange(4.0).reshape(2, 2).T} for m in members},
    )


def test_a_pack_is_read_as_it_was_kept(opened):
    store = opened()
    assert not store.has("p1")
    keep(store, "p1", ["b", "a"])
    stored = store.read("p1")
    assert store.has("p1") and store.packs() == ["p1"]
    assert list(stored.frame["member"]) == ["b", "a"]
    assert len(stored.curves) == 4
    np.testing.assert_array_equal(
        stored.weights["a"]["layers.0.weight"], np.arange(4.0).reshape(2, 2).T
    )


@pytest.mark.parametrize(
    "name",
    ["packs/p1.parquet", "packs/p1.curves.parquet", "weights/p1.safetensors", "packs/p1.json"],
)
@pytest.mark.parametrize("damage", ["truncated", "altered", "removed"])
def test_damage_is_noticed(opened, name, damage):
    store = opened()
    keep(store, "p1", ["a"])
    path = store.folder / name
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        # The digit of a hash, or a byte of data.
        i = content.index(b'parquet": "') + 12 if name.endswith(".json") else len(content) // 2
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
    else:
        path.unlink()
    with pytest.raises(CorruptPack, match="p1"):
        store.read("p1")


def test_collect_orders_members_and_joins_null_columns(opened):
    store = opened()
    keep(store, "p1", ["c", "a"])
    keep(store, "p2", ["b"], reason="loss is NaN")
    store.collect(["p1", "p2"], members=["a", "b", "missing", "c"])
    assert list(store.frame()["member"]) == ["a", "b", "c"]
    assert store.frame()["reason"].tolist()[1] == "loss is NaN"
    assert store.frame()["reason"].isna().tolist() == [True, False, True]
    curves = store.curves()
    assert list(zip(curves["member"], curves["step"], strict=True)) == [
        (member, step) for member in "abc" for step in (0, 10)
    ]


def keep_settings(store, pack, member, **settings):
    frame = pd.DataFrame({"member": [member], **settings, "performance": [0.5]})
    store.keep(
        pack, frame=frame, curves=pd.DataFrame({"member": [member], "step": [0]}), weights={}
    )


@pytest.mark.parametrize("packs", [["p1", "p2", "p3"], ["p3", "p2", "p1"]])
def test_settings_that_a_pack_lacks_are_missing_and_columns_keep_order_and_type(opened, packs):
    store = opened()
    swaps = pd.array([2**60 + 1], dtype="Int64")
    price = {"spacing": pd.array([0.5], dtype="Float64")}
    keep_settings(store, "p1", "a", steps=pd.array([10], dtype="Int64"))
    keep_settings(store, "p2", "b", swap_every=swaps, **price, steps=swaps)
    masks = {"masked": pd.array([True], dtype="boolean")}
    moments = {"moments": pd.array(["stay"], dtype="string")}
    keep_settings(store, "p3", "c", **masks, **price, **moments, steps=swaps)
    store.collect(packs, members=["a", "b", "c"])
    frame = store.frame()
    assert frame.dtypes.astype(str).to_dict() == {
        "member": "str",
        "swap_every": "Int64",
        "masked": "boolean",
        "spacing": "Float64",
        "moments": "string",
        "steps": "Int64",
        "performance": "float64",
    }
    assert list(frame) == [
        "member", "masked", "swap_every", "spacing", "moments", "steps", "performance",
    ]  # fmt: skip
    assert frame["swap_every"].tolist() == [pd.NA, 2**60 + 1, pd.NA]
    assert frame["masked"].tolist() == [pd.NA, pd.NA, True]
    assert frame["moments"].tolist() == [pd.NA, pd.NA, "stay"]


def test_a_folder_with_packs_needs_a_choice(opened):
    keep(opened(), "p1", ["a"])
    with pytest.raises(InputError, match=r"already holds \(1 packs\); --resume .* --fresh"):
        opened()
    with pytest.raises(InputError, match="choose one"):
        opened(resume=True, fresh=True)
    assert opened(resume=True).packs() == ["p1"]


def test_fresh_keeps_the_old_folder(opened):
    keep(opened(), "p1", ["a"])
    store = opened(fresh=True)
    assert store.packs() == []
    keep(store, "p2", ["a"])
    opened(fresh=True)
    backups = sorted(store.folder.parent.glob("small-1.backup-*"))
    assert [Store(backup).packs() for backup in backups] == [["p1"], ["p2"]]


def test_specification_and_environment_lie_beside_the_results(opened):
    folder = opened().folder
    assert catalog.load_yaml(folder / "spec.yaml", SweepSpec) == SPEC
    assert (folder / "environment.json").read_text() == '{\n "os": "x"\n}'


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write(path, b"old")

    def full(_):
        raise OSError(28, "disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
