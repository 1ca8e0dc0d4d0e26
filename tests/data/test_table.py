"""Tables of a user's own: formats, parts, scaling, which file it is, and what is refused."""

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from pydantic import ValidationError

from bimt_bench import data
from bimt_bench.data.table import Table
from bimt_bench.ground import InputError
from bimt_bench.spec import catalog

load = Table().load
ROWS = 40


def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "width": random.normal(3.0, 2.0, ROWS),
            "height": random.integers(0, 9, ROWS),
            "colour": np.array(["red", "blue", "green"])[random.integers(0, 3, ROWS)],
            "patient": np.arange(ROWS) // 4,
            "part": np.where(np.arange(ROWS) % 4 == 3, "test", "train"),
            "price": random.normal(100.0, 5.0, ROWS),
            "kind": np.array(["cat", "dog"])[np.arange(ROWS) % 2],
        }
    )


def written(folder: Path, table: pd.DataFrame, name: str = "mine.csv") -> Path:
    path = folder / name
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        np.savez(path, **{c: table[c].to_numpy().astype(_plain(table[c])) for c in table})
    return path


def _plain(column: pd.Series) -> str:
    return "U" if column.dtype == "str" else str(column.dtype)


def settings(path: Path | str, **others) -> Table.Settings:
    given = {"inputs": ("width", "height", "colour"), "outputs": ("price",), **others}
    return Table.Settings(kind="table", path=str(path), **given)


# ----------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet", "mine.npz"])
def test_every_format_gives_the_same_data(tmp_path, name: str) -> None:
    table = frame()
    loaded = load(settings(written(tmp_path, table, name), scaling="none", seed=3))
    names = ("width", "height", "colour=blue", "colour=green", "colour=red")
    assert loaded.input_names == names and loaded.output_names == ("price",)
    assert loaded.train_inputs.shape == (32, 5) and loaded.test_inputs.shape == (8, 5)
    assert loaded.train_inputs.dtype == loaded.train_targets.dtype == torch.float32
    expected = pd.get_dummies(table[["width", "height", "colour"]], prefix_sep="=")
    rows = [tuple(row) for row in expected[list(names)].astype(np.float32).to_numpy().tolist()]
    found = torch.cat([loaded.train_inputs, loaded.test_inputs]).tolist()
    assert sorted(map(tuple, found)) == sorted(rows)
    # targets stay beside their inputs
    price = dict(zip(rows, table["price"].astype(np.float32).tolist(), strict=True))
    targets = torch.cat([loaded.train_targets, loaded.test_targets])[:, 0].tolist()
    assert [price[tuple(row)] for row in found] == targets


def test_columns_that_are_not_named_are_the_others(tmp_path) -> None:
    path = written(tmp_path, frame()[["width", "height", "patient", "price"]])
    given = settings(path, inputs=(), split={"group": "patient"})
    assert load(given).input_names == ("width", "height")
    given = settings(path, inputs=("width",), outputs=())
    assert load(given).output_names == ("height", "patient", "price")


def test_numbers_may_be_categories_and_truth_is_a_number(tmp_path) -> None:
    table = frame().assign(open=np.arange(ROWS) % 3 == 0)
    path = written(tmp_path, table)
    given = settings(path, inputs=("height", "open"), categories=("height",), scaling="none")
    loaded = load(given)
    assert loaded.input_names == (*(f"height={i}" for i in sorted(set(table["height"]))), "open")
    assert set(loaded.train_inputs.unique().tolist()) == {0.0, 1.0}


def test_an_array_of_two_axes_is_as_many_columns(tmp_path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=random.normal(size=(20, 3)), y=random.normal(size=20))
    loaded = load(settings(tmp_path / "a.npz", inputs=(), outputs=("y",)))
    assert loaded.input_names == ("x0", "x1", "x2")


def test_ten_rows_are_enough(tmp_path) -> None:
    loaded = load(settings(written(tmp_path, frame()[:10])))
    assert len(loaded.train_inputs) == 8 and len(loaded.test_inputs) == 2


# -------------------------------------------------------------------------------- parts, scaling


def test_a_split_by_share_follows_the_seed_and_keeps_the_order_of_rows(tmp_path) -> None:
    path = written(tmp_path, frame().assign(width=np.arange(ROWS)))
    one, again, other = (load(settings(path, scaling="none", seed=s)) for s in (0, 0, 1))
    assert one.train_inputs.equal(again.train_inputs)
    assert not one.train_inputs.equal(other.train_inputs)
    assert one.train_inputs[:, 0].diff().min() > 0


def test_rows_of_a_group_stay_together(tmp_path) -> None:
    path = written(tmp_path, frame().assign(width=frame()["patient"]))
    loaded = load(settings(path, split={"group": "patient", "share": 0.7}, scaling="none"))
    train, test = (set(x[:, 0].tolist()) for x in (loaded.train_inputs, loaded.test_inputs))
    assert len(train) == 7 and len(test) == 3 and not train & test


def test_a_column_says_the_parts_and_leaves_other_rows_out(tmp_path) -> None:
    table = frame()
    table.loc[:4, "part"] = "later"
    table.loc[2, ["width", "price"]] = np.nan  # of a row that nobody uses
    path = written(tmp_path, table)
    loaded = load(settings(path, split={"column": "part"}, scaling="none"))
    used = table["part"].to_numpy()
    np.testing.assert_array_equal(
        loaded.test_targets[:, 0], table["price"][used == "test"].astype(np.float32)
    )
    assert len(loaded.train_inputs) == (used == "train").sum()
    swapped = settings(path, split={"column": "patient", "train": [2, 3], "test": [5]})
    assert len(load(swapped).train_inputs) == 8


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_scaling_is_fitted_on_the_training_part_alone(tmp_path, scaling: str) -> None:
    table = frame()
    loaded = load(settings(written(tmp_path, table), split={"column": "part"}, scaling=scaling))
    train, test = (table[table["part"] == part] for part in ("train", "test"))
    for name, found in (
        ("width", loaded.test_inputs[:, 0]),
        ("height", loaded.test_inputs[:, 1]),
        ("price", loaded.test_targets[:, 0]),
    ):
        middle, spread = train[name].mean(), train[name].std(ddof=0)
        if scaling == "minmax":
            middle, spread = train[name].min(), train[name].max() - train[name].min()
        np.testing.assert_allclose(found, (test[name] - middle) / spread, rtol=1e-5, atol=1e-5)
    assert set(loaded.train_inputs[:, 2:].unique().tolist()) == {0.0, 1.0}  # categories stay


def test_classes_keep_their_shares(tmp_path) -> None:
    table = frame().assign(kind=np.where(np.arange(ROWS) % 10 == 0, "rare", "usual"))
    loaded = load(settings(written(tmp_path, table), outputs=("kind",), targets="classes"))
    assert loaded.output_names == ("rare", "usual")
    assert loaded.train_targets.dtype == torch.int64
    assert loaded.train_targets.bincount().tolist() == [3, 29]
    assert loaded.test_targets.bincount().tolist() == [1, 7]


def test_classes_that_are_numbers_are_sorted_as_numbers(tmp_path) -> None:
    table = frame().assign(kind=np.array([10, 9, 2, 11])[np.arange(ROWS) % 4])
    loaded = load(settings(written(tmp_path, table), outputs=("kind",), targets="classes"))
    assert loaded.output_names == ("2", "9", "10", "11")


# ------------------------------------------------------------------------- which file it is


def test_the_digest_follows_the_content_and_not_the_place(tmp_path) -> None:
    (tmp_path / "there").mkdir()
    one = settings(written(tmp_path, frame()))
    same = settings(written(tmp_path / "there", frame(), "other.csv"))
    changed = settings(written(tmp_path / "there", frame()[1:]))
    assert one.digest() == same.digest() != changed.digest()
    assert one.content == hashlib.sha256(Path(one.path).read_bytes()).hexdigest()


def task_file(folder: Path, **table) -> Path:
    given = catalog.task("symbolic/independence").model_dump(mode="json", by_alias=True)
    given |= {"name": "mine/prices", "data": {"kind": "table", **table}}
    path = folder / "mine" / "prices.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(given))
    return path


def test_a_path_counts_from_the_task_file(tmp_path, monkeypatch) -> None:
    task_file(tmp_path, path="../mine.csv", inputs=["width"], outputs=["price"])
    written(tmp_path, frame())
    monkeypatch.chdir("/")
    task = catalog.task("mine/prices", tmp_path)
    assert task.data.path == str(tmp_path / "mine.csv")
    assert data.load(task.data).input_names == ("width",)


@pytest.mark.parametrize(
    "split", [{}, {"share": 0.7}, {"group": "patient"}, {"column": "part", "train": ["train"]}]
)
def test_a_kept_copy_of_a_task_is_the_same_task(tmp_path, split: dict) -> None:
    path = written(tmp_path, frame())
    given = {"inputs": ["width"], "outputs": ["price"], "split": split}
    task = catalog.task(str(task_file(tmp_path, path=str(path), **given)))
    copy = tmp_path / "copy.yaml"
    copy.write_text(catalog.dump(task))
    assert catalog.task(str(copy)).digest() == task.digest()


def test_a_task_travels_and_finds_its_file_in_the_data_folder(tmp_path) -> None:
    path = written(tmp_path, frame())
    given = pickle.loads(pickle.dumps(settings(path)))  # noqa: S301
    (tmp_path / "node").mkdir()
    path.rename(tmp_path / "node" / path.name)
    with pytest.raises(InputError, match=rf"data\.path: '{path}' is not on .*--data-dir"):
        load(given)
    assert len(load(given, data_dir=tmp_path / "node").train_inputs) == 32


def test_another_file_in_its_place_is_refused(tmp_path) -> None:
    given = settings(written(tmp_path, frame()))
    written(tmp_path, frame()[:-1])
    with pytest.raises(InputError, match="is not the file that the task was read with"):
        load(given)


def test_a_file_that_was_absent_when_the_task_was_read_must_be_known(tmp_path) -> None:
    given = settings(tmp_path / "mine.csv")
    (tmp_path / "mime.csv").touch()
    with pytest.raises(InputError, match="did you mean 'mime.csv'[?]; put the file there"):
        load(given)
    digest = hashlib.sha256(written(tmp_path, frame()).read_bytes()).hexdigest()
    with pytest.raises(InputError, match=rf"was not there when .* content: {digest}"):
        load(given)
    assert len(load(settings(tmp_path / "mine.csv", content=digest)).train_inputs) == 32


# ----------------------------------------------------------------------------------- faults


CLASSES = {"outputs": ("kind",), "targets": "classes"}


def holed(column: str, value: object) -> pd.DataFrame:
    table = frame().astype({"height": float})
    table.loc[16, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "given", "message"),
    [
        (holed("width", np.nan), {}, "row 17, column 'width': missing; every value that is used"),
        (holed("price", np.inf), {}, "row 17, column 'price': inf"),
        (holed("colour", None), {}, "row 17, column 'colour': missing"),
        (
            holed("kind", None),
            CLASSES,
            "row 17, column 'kind': missing",
        ),
        (holed("patient", np.nan), {"split": {"group": "patient"}}, "row 17, column 'patient'"),
        (holed("width", 1e300), {"scaling": "none"}, "row 17, column 'width': 1e\\+300, beyond fl"),
        (frame(), {"inputs": ("widht",)}, "data.inputs: no column 'widht'; did you mean 'width'"),
        (frame(), {"inputs": ("width", "higt")}, "data.inputs.1: no column 'higt'; did you mean"),
        (frame(), {"outputs": ("prize",)}, "data.outputs: no column 'prize'; did you mean 'price'"),
        (frame(), {"split": {"group": "patent"}}, "data.split.group: no column 'patent'; did you"),
        (frame(), {"categories": ("colr",)}, "data.categories: no column 'colr'; did you mean"),
        (
            frame(),
            {"split": {"column": "part", "train": ["trian"]}},
            "data.split.train: no row has 'trian' in column 'part'; did you mean 'train'",
        ),
        (frame(), {"split": {"share": 0.001}}, "data.split.share: 0.001 given: .* train set"),
        (frame().assign(price=1.0), {}, "column 'price' is 1 in every row that is trained on"),
        (frame(), {"outputs": ("colour",), "inputs": ("width",)}, "'colour' holds words; regres"),
        (
            frame().assign(kind="cat"),
            CLASSES,
            "column 'kind' has one class only",
        ),
        (
            frame().assign(kind=np.where(np.arange(ROWS) == 3, "new", frame()["kind"])),
            {**CLASSES, "split": {"column": "part"}},
            "class 'new' of column 'kind' is in no row that is trained on",
        ),
        (
            frame().assign(kind=np.where(np.arange(ROWS) == 3, "new", frame()["kind"])),
            CLASSES,
            "data.split.share: 0.8 given: The least populated class",
        ),
        (frame(), {"outputs": (), "targets": "classes"}, "classes are one column; name one of"),
        (frame()[:0], {}, "'mine.csv' has no rows"),
        (
            frame().assign(width=pd.Timestamp("2026-01-01")),
            {},
            "'width' holds (timestamp|date)",
        ),
        (
            pd.concat([frame()] * 5).assign(width=["x7", *map(str, range(5 * ROWS - 1))]),
            {},
            "column 'width' has 200 different values.*; row 1 holds 'x7', which is no number",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(tmp_path, table, given, message) -> None:
    path = written(tmp_path, table)
    with pytest.raises(InputError, match=message) as caught:
        load(settings(path, **given))
    assert "\n" not in str(caught.value) and "'mine.csv'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "'a.csv' cannot be read: .*[Ee]mpty"),
        ("a.csv", b"a,b\n", "'a.csv' has no rows"),
        ("a.csv", b"a,b,a\n1,2,3\n", "'a.csv' has two columns 'a'; rename one"),
        ("a.csv", b"a,b\n1,2\n3\n", "'a.csv' cannot be read: CSV parse error: Expected 2 columns"),
        ("a.csv", b"\xff\xfe\x00\x01\n\xff", "'a.csv' (cannot be read|has no rows)"),
        (
            "a.csv",
            "a,b\nKöln,1\nKiel,2\nKöln,3\nKiel,4\n".encode("latin1"),
            "'a' holds binary; save the file as UTF-8",
        ),
        ("a.parquet", b"not parquet", "'a.parquet' cannot be read"),
        ("a.npz", b"not a zip", "'a.npz' cannot be read"),
        ("a.xlsx", b"PK", "'a.xlsx' given; should end with .csv, .parquet, .npz"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, name, content, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load(settings(tmp_path / name, inputs=("a",), outputs=("b",)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.array([int, dict])}, "Object arrays cannot be loaded"),
        ({"a": np.zeros((2, 2, 2))}, "array 'a' has 3 axes"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, "its arrays have 3, 4 rows"),
        ({"a": np.zeros((3, 2)), "a1": np.zeros(3)}, "two columns 'a1'"),
    ],
)
def test_arrays_that_are_no_columns_are_refused_and_nothing_is_unpickled(
    tmp_path, arrays, message
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load(settings(tmp_path / "a.npz", inputs=("a",), outputs=("b",)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": (), "outputs": ()}, "inputs and outputs are both left out"),
        ({"outputs": ("a", "b"), "targets": "classes"}, "classes are one column, but outputs are"),
        ({"outputs": ("width",)}, "column 'width' is given twice"),
        ({"split": {"group": "colour"}}, "column 'colour' is given twice"),
        ({"split": {"group": "a", "column": "b"}}, "leave out share and group"),
        ({"split": {"share": 0.5, "column": "b"}}, "leave out share and group"),
        ({"split": {"train": ["a"]}}, "train and test are values of a column"),
        ({"split": {"column": "b", "train": ["x"], "test": ["x"]}}, "'x' is in train and in test"),
        ({"scaling": "log"}, "'none', 'standard' or 'minmax'"),
        ({"content": "abc"}, "String should match pattern"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path, given, message) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(tmp_path / "mine.csv", **given)


# ------------------------------------------------------------------------------------- size


def test_a_hundred_thousand_rows_are_quick_and_small(tmp_path) -> None:
    """A tenth of what must load in 10 seconds and 2 GiB, so that the test stays short."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(100_000, 20)), columns=[f"c{i}" for i in range(20)])
    path = written(tmp_path, table, "big.csv")
    script = (
        "import resource, sys, time\n"
        "from sklearn import model_selection, preprocessing\n"
        "from bimt_bench.data.table import Table\n"
        "began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "given = Table.Settings(kind='table', path=sys.argv[1], outputs=('c0',))\n"
        "Table().load(given)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(time.process_time() - began, (after - before) / 1024)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    ).stdout.split()
    seconds, mebibytes = map(float, told)
    assert seconds < 2.0 and mebibytes < 200
