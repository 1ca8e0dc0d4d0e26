"""Frames of every format: those committed under results/, those of today, and those of tomorrow."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bimt_bench
from bimt_bench.ground import InputError
from bimt_bench.recipes import resolve
from bimt_bench.results import comparison, read_curves, read_frame, tradeoff_table
from bimt_bench.results.drawn import tradeoff_of
from bimt_bench.results.formats import FIRST_RELEASE_TASKS, frame_from_1
from bimt_bench.results.frames import by_task
from bimt_bench.spec import FORMAT, Configuration, catalog, format_of, with_format
from tests.rows import member

HERE = Path(__file__).parents[2]
COMMITTED = sorted((HERE / "results").glob("*/*.parquet"))
GOLDEN = sorted((HERE / "tests/golden/first_release").glob("*.parquet"))
TASK = "symbolic/independence"


def rows_of(*members) -> pd.DataFrame:
    frame = pd.DataFrame(members).rename(columns={"modularity_q": "cross_cluster_mass"})
    return frame.assign(task=TASK)


def write(frame: pd.DataFrame, folder: Path, *, name: str = "frame", number: int = FORMAT) -> Path:
    table = with_format(pa.Table.from_pandas(frame, preserve_index=False))
    metadata = {**table.schema.metadata, b"bimt_bench.format": str(number).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


# --------------------------------------------------------------------------- the first release


def test_four_frames_of_the_first_release_are_committed():
    names = {f"{file.parent.name}/{file.stem}" for file in COMMITTED}
    studies = {"metric_study/symbolic", "metric_study/modular"}
    assert names >= studies | {"reproduction/symbolic", "reproduction/networks"}
    later = {"reproduction/classes", "reproduction/incontext"}
    for file in COMMITTED:
        name = f"{file.parent.name}/{file.stem}"
        assert format_of(file) == (2 if name in later else 1), name


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_trade_off_of_a_committed_frame_has_the_means_of_the_raw_file(file):
    table = bimt_bench.tradeoff(file)
    raw = pd.read_parquet(file)
    means = raw.groupby(["task", "recipe", "strength"])
    assert len(table) == means.ngroups
    for row in table.itertuples():
        strength = 0.0 if pd.isna(row.dial_value) else row.dial_value
        own = means.get_group((row.task, row.recipe, strength))
        assert row.x_mean == pytest.approx(own[row.x].mean(), rel=1e-12)
        assert row.y_mean == pytest.approx(own["performance"].mean(), rel=1e-12)
        assert row.n_seeds == len(own)
        assert (row.dial == "strength") if row.recipe != "vanilla" else pd.isna(row.dial)
    assert set(table["title"]) <= {"Vanilla", "L1", "L1 + locality", "L1 + swap", "BIMT"}


def test_the_metric_study_shows_every_recipe_and_what_it_swept():
    table = bimt_bench.tradeoff(HERE / "results/metric_study/symbolic.parquet", task=TASK)
    assert list(table.columns[1:6]) == ["recipe", "title", "dial", "dial_value", "strength"]
    assert list(table["recipe"]) == [
        "vanilla",
        *np.repeat(["l1", "l1_local", "l1_swap", "bimt"], 3),
    ]
    assert table["x"].unique().tolist() == ["cross_cluster_mass"]
    assert table["dial_value"].tolist()[1:] == [0.3, 1.0, 3.0] * 4
    assert pd.isna(table["dial_value"][0]) and pd.isna(table["strength"][0])


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_frame_without_the_tasks_axis_says_which_stands_in_its_place(file):
    frame = read_frame(file)
    for task, rows in by_task(frame):
        found = tradeoff_of(task, rows)
        lacks = task.modularity_axis not in rows
        assert lacks == (found.x != task.modularity_axis) == (found.note != "")
        assert not lacks or f"lack the task's axis, {task.modularity_axis}" in found.note
        assert tradeoff_of(task, rows, x=found.x).note == ""


def test_members_that_lack_a_metric_of_others_are_not_lost(tmp_path):
    rows = rows_of(*(member(seed=seed, steps=20000) for seed in range(4)))
    rows = rows.assign(performance_metric="r2")
    own = catalog.task(TASK).modularity_axis
    both = [rows[:2].assign(**{own: 0.3}), rows[2:]]
    files = [write(one, tmp_path, name=name) for one, name in zip(both, "ab", strict=True)]
    (found,) = comparison.compare(files, out=tmp_path / "out")
    trade = found.report.tradeoff
    assert (trade.x, trade.lost, trade.members) == ("cross_cluster_mass", 0, 4)
    assert f"lack the task's axis, {own}" in trade.note
    with pytest.raises(InputError, match=f"x: '{own}' was not measured"):
        list(comparison.compare(files, x=own, out=tmp_path / "out"))


def test_versions_of_the_axis_stand_beside_it_and_do_not_mix(tmp_path):
    rows = rows_of(*(member(seed=seed, steps=20000) for seed in range(3)))
    rows = rows.assign(performance_metric="r2", metric_versions='{"cross_cluster_mass": 3}')
    task = catalog.task(TASK)
    found = tradeoff_of(task, rows, x="cross_cluster_mass")
    assert (found.x_version, found.y_version) == (3, 1)
    assert found.x_title == "Mass inside clusters across layers (v3)"
    for table in (found.table(), found.recipe_table()):
        assert table[["x", "x_version", "y_version"]].values.tolist()[0][1:] == [3, 1]
    rows.loc[0, "metric_versions"] = None
    with pytest.raises(InputError, match="'cross_cluster_mass' was measured in versions 1 and 3"):
        tradeoff_of(task, rows, x="cross_cluster_mass")


def test_a_frame_from_before_a_tasks_axis_is_put_on_modularity_q():
    table = bimt_bench.tradeoff(HERE / "results/reproduction/symbolic.parquet")
    assert table["x"].unique().tolist() == ["modularity_q"]
    assert table["configuration"].tolist() == ["650b9bbfff2c", "d18004e262ed", "618e80c17182"]
    assert table["swap_every"].dtype == "Int64"


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_settings_of_the_first_release_are_those_of_today(file):
    raw = pd.read_parquet(file)
    found = read_frame(file)
    assert "lambda" not in found
    for row in found.itertuples():
        given = json.loads(raw["given"][row.Index])
        task = catalog.task(row.task)
        seed = given.pop("seed")
        today = resolve(task, Configuration(**given, steps=row.steps), seed).row()
        settings = set(today) & set(found.columns) - {"configuration", "member", "source"}
        assert {"strength", "locality", "swap_every", "top_k", "reduce", "dial_value"} & settings
        for name in settings:
            there, here = found[name][row.Index], today[name]
            if name == "locality" and given.get("strength") == 0.0:
                assert pd.isna(there)  # it stood at 0, without effect: what was asked is not known
            else:
                assert (here is None and pd.isna(there)) or there == here, (name, there, here)


def test_every_committed_task_digest_is_mapped_to_the_task_of_today():
    for file in COMMITTED:
        raw = pd.read_parquet(file)
        if "task_digest" in raw:
            known = set(FIRST_RELEASE_TASKS) | {task.digest() for task in catalog.tasks()}
            assert set(raw["task_digest"]) <= known
            found = read_frame(file)
            wanted = [catalog.task(name).digest() for name in found["task"]]
            assert found["task_digest"].tolist() == wanted
    assert {name for name, _ in FIRST_RELEASE_TASKS.values()} <= {t.name for t in catalog.tasks()}


def test_a_digest_that_nobody_knows_and_what_a_frame_does_not_say_are_null():
    raw = pd.read_parquet(COMMITTED[-1]).assign(task_digest="0" * 12)
    found = frame_from_1(raw.drop(columns=["shortened", "swap_every", "configuration"]))
    assert found["task_digest"].isna().all()
    assert not found["shortened"].any()  # its steps are the published ones
    assert "swap_every" not in found
    assert found.groupby("configuration")["task"].nunique().eq(1).all()
    elsewhere = frame_from_1(raw.drop(columns="shortened").assign(task="mine/own"))
    assert elsewhere["shortened"].isna().all()


def test_configurations_are_told_apart_where_a_file_names_none():
    raw = pd.read_parquet(HERE / "results/metric_study/modular.parquet")
    found = frame_from_1(raw)
    told = found.groupby("configuration")[["recipe", "strength"]].nunique(dropna=False)
    assert len(told) == 13 and (told == 1).all(axis=None)


def test_reading_a_frame_of_the_first_release_twice_changes_nothing_more():
    raw = pd.read_parquet(HERE / "results/metric_study/symbolic.parquet")
    once = frame_from_1(raw)
    pd.testing.assert_frame_equal(frame_from_1(once), once, check_dtype=False)


def test_curves_of_the_first_release_held_the_charged_cost(tmp_path):
    old = pd.DataFrame({"member": ["a"], "step": [0], "test_loss": [1.0], "cost": [2.0]})
    old.to_parquet(tmp_path / "curves.parquet")
    found = read_curves(tmp_path)
    assert found["charged_cost"].tolist() == [2.0] and found["cost"].isna().all()
    new = old.assign(charged_cost=3.0)
    new.to_parquet(tmp_path / "curves.parquet")
    pd.testing.assert_frame_equal(read_curves(tmp_path), new)


def test_results_of_both_formats_stand_in_one_comparison(tmp_path):
    old = HERE / "results/metric_study/symbolic.parquet"
    new = rows_of(*(member("l1", 9.0, seed, steps=20000) for seed in range(2)))
    write(new, tmp_path)
    both = pd.concat([read_frame(old), read_frame(tmp_path)], ignore_index=True)
    table = tradeoff_table(both, task=TASK)
    assert len(table) == 14
    assert table.loc[table["recipe"] == "l1", "dial_value"].tolist() == [0.3, 1.0, 3.0, 9.0]


# --------------------------------------------------------------------------- today's and tomorrow's


def test_a_frame_comes_back_as_it_was_written(tmp_path):
    frame = rows_of(member("vanilla"), member("bimt", 3.0))
    found = read_frame(write(frame, tmp_path))
    assert format_of(tmp_path / "frame.parquet") == FORMAT
    assert found["swap_every"].dtype == "Int64" and pd.isna(found["swap_every"][0])
    assert found["dial_value"].tolist()[1] == 3.0
    frame.to_parquet(tmp_path / "frame.parquet")  # pandas leaves our number out
    assert format_of(tmp_path / "frame.parquet") == FORMAT


@pytest.mark.parametrize("number", [FORMAT + 1, "x"])
def test_a_newer_format_is_refused_in_one_line(tmp_path, number):
    file = write(rows_of(member()), tmp_path, number=number)
    with pytest.raises(InputError, match=f"has format '?{number}'?") as told:
        read_frame(file)
    assert "\n" not in str(told.value) and "no readable" not in str(told.value)


def test_what_is_no_frame_is_refused_in_one_line(tmp_path):
    (tmp_path / "frame.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match="no readable Parquet file"):
        read_frame(tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "frame.parquet")
    with pytest.raises(InputError, match="has no column 'task'"):
        read_frame(tmp_path)
    with pytest.raises(InputError, match=r"no curves\.parquet beside"):
        read_curves(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("task_digest", "0" * 12, f"'{TASK}' is of content, digest .* results are of 000000000000"),
        ("task_version", 7, f"'{TASK}' is of version 1 here, but the results are of 7"),
    ],
)
def test_a_task_of_other_content_is_refused(tmp_path, column, value, message):
    frame = rows_of(member(), member(seed=1)).assign(**{column: value})
    with pytest.raises(InputError, match=message):
        tradeoff_table(frame)
    write(frame, tmp_path)
    pd.DataFrame({"member": [], "step": []}).to_parquet(tmp_path / "curves.parquet")
    with pytest.raises(InputError, match=message):
        list(comparison.compare([tmp_path], out=tmp_path))


def test_an_unknown_task_or_metric_is_named():
    frame = rows_of(member())
    with pytest.raises(InputError, match="'toy' is not in the frame"):
        tradeoff_table(frame, task="toy")
    with pytest.raises(InputError, match="unknown metric 'modularity'"):
        tradeoff_table(frame, x="modularity")


# --------------------------------------------------------------------------- searched frames


def searched(*phases):
    told = "20 % of the training data, held out"
    rows = [
        member("bimt", strength, seed, steps=20000) | {"phase": phase, "searched_on": told}
        for strength, phase in enumerate(phases, start=1)
        for seed in (0, 1)
    ]
    return rows_of(*rows)


def test_tables_are_made_of_results_alone(tmp_path):
    frame = searched("search", "final", "final")
    table = tradeoff_table(frame)
    assert list(table["strength"]) == [2, 3]
    write(frame, tmp_path)
    (found,) = comparison.compare([tmp_path], out=tmp_path / "out")
    assert len(found.report.tradeoff.points) == 2
    assert found.report.tradeoff.searched_on == "20 % of the training data, held out"
    plain = frame.drop(columns=["phase", "searched_on"])
    assert len(tradeoff_table(plain)) == 3


def test_a_search_that_found_nothing_has_no_trade_off():
    with pytest.raises(InputError, match="no member is trained on all data; the search found none"):
        tradeoff_table(searched("search", "search"))
