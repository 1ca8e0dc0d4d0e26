"""Results: the frame and what it leads to; loaded from every folder, mistakes in one line."""

import copy
import json
import pickle
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import bimt_bench
from bimt_bench import store
from bimt_bench.app import single
from bimt_bench.ground import InputError
from bimt_bench.results import Results, read_frame
from bimt_bench.results.drawn import tradeoff_of
from bimt_bench.spec import TaskSpec, carrying, catalog
from bimt_bench.store import Store
from tests.rows import member

HERE = Path(__file__).parents[2]
TASK = "symbolic/independence"
FLAT = {"name": "flat", "hidden": {"kind": "grid"}}


@pytest.fixture(scope="module")
def own_task() -> TaskSpec:
    """A task that is in no folder of tasks, whose layers a grid can hold."""
    task = catalog.task(TASK)
    model = task.model.model_copy(update={"hidden": (16, 16)})
    return task.model_copy(update={"name": "own/task", "title": "Own", "model": model})


@pytest.fixture(scope="module")
def results(own_task) -> Results:
    return bimt_bench.train(
        own_task, {"recipe": "l1", "geometry": FLAT}, seeds=range(3), steps=20, shuffles=2
    )


@pytest.fixture
def folder(results, tmp_path) -> Path:
    return results.save(tmp_path / "kept")


# --------------------------------------------------------------------------- kept and loaded


def test_what_is_loaded_is_what_was_trained(results, folder):
    found = bimt_bench.load(folder)
    pd.testing.assert_frame_equal(found.frame, results.frame)
    pd.testing.assert_frame_equal(pd.DataFrame(found.curves), pd.DataFrame(results.curves))
    assert found.folder == folder and results.folder is None
    assert found.tasks == ("own/task",) and len(found) == 3
    for digest in results.members:
        one, other = (r.network(digest) for r in (results, found))
        inputs = one.data.test_inputs[:5]
        np.testing.assert_array_equal(one(inputs.numpy()), other(inputs.numpy()))
        assert other.geometry is not None and other.geometry.name == "flat"


def test_a_task_of_ones_own_travels_inside_the_results(results, own_task, folder, tmp_path):
    with pytest.raises(InputError, match="unknown task 'own/task'"):
        catalog.task("own/task")
    results.frame.to_parquet(tmp_path / "alone.parquet")  # as pandas writes it
    for found in (results, bimt_bench.load(folder), bimt_bench.load(tmp_path / "alone.parquet")):
        assert found.task() == own_task
        assert found.tradeoff().title == "Own"
        assert found.task().digest() == found.frame["task_digest"].iloc[0]
    for frame in (results, folder, folder / "frame.parquet", results.frame, results.frame.head(2)):
        assert len(bimt_bench.tradeoff(frame)) == 1


def test_a_network_is_of_the_task_as_it_was_trained(results):
    task = results.network(results.members[0]).task
    assert task.training.steps == 20 and results.task().training.steps > 20


def test_loading_reads_no_weights_and_asking_for_a_network_those_of_one_member(
    results, folder, monkeypatch
):
    opened = []
    real = store.read_arrays
    monkeypatch.setattr(store, "read_arrays", lambda *a: opened.append(a) or real(*a))
    found = bimt_bench.load(folder)
    assert found.tradeoff() and len(found.curves)
    assert not opened
    found.best()
    ((file, digest),) = opened
    assert file.parent == folder / "weights" and digest in results.members


def test_ten_thousand_members_are_loaded_in_less_than_two_seconds(results, tmp_path):
    one = results.frame.head(1)
    many = pd.concat([one] * 10_000, ignore_index=True)
    many["member"] = [f"{i:012x}" for i in range(len(many))]
    carrying(many, [results.task()]).to_parquet(tmp_path / "frame.parquet")
    bimt_bench.load(tmp_path)  # what is imported once
    began = time.process_time()
    found = bimt_bench.load(tmp_path)
    assert time.process_time() - began < 2.0
    assert len(found) == 10_000 and found.members[-1] == f"{9999:012x}"


def test_opening_results_loads_no_torch(folder):
    program = (
        "import sys, bimt_bench; found = bimt_bench.load(sys.argv[1]); assert len(found) == 3; "
        "heavy = {'torch', 'ray', 'mlflow', 'matplotlib', 'sklearn', 'igraph'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program, folder], check=True)


def test_a_folder_of_run_is_loaded_with_its_networks(tmp_path):
    wanted = {"recipe": "l1", "steps": 5}
    done = single.run(TASK, wanted, seeds=[0, 1], out=tmp_path, device="cpu")
    (place,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    found = bimt_bench.load(place)
    assert found.members == tuple(done.frame["member"])
    assert found.frame.attrs["bimt_bench.tasks"].keys() == {TASK}
    best = found.best()
    assert best.performance() == pytest.approx(done.frame["performance"].max(), rel=1e-6)


def test_of_a_member_that_other_code_trained_too_todays_is_meant(results, monkeypatch):
    both = pd.concat([results.frame, results.frame.assign(training_digest="0" * 12)])
    seen = []

    class Shelf:
        def arrays(self, row):
            seen.append(row["training_digest"])
            return results._weights.arrays(row)

    found = Results(carrying(both, [results.task()]), curves=pd.DataFrame, weights=Shelf())
    found.network(results.members[1])
    assert seen == [results.frame["training_digest"].iloc[0]]


@pytest.mark.parametrize(
    "file",
    sorted((HERE / "results").glob("*/*.parquet")),
    ids=lambda f: f"{f.parent.name}/{f.stem}",
)
def test_old_results_open_with_the_same_calls(file):
    found = bimt_bench.load(file)
    assert found.folder is None and len(found) == len(read_frame(file))
    name = found.tasks[0]
    assert found.tradeoff(name).points
    with pytest.raises(InputError, match="weights of member .* were not kept"):
        found.network("best", task=name)


def test_saving_refuses_a_folder_that_holds_results(results, folder):
    with pytest.raises(InputError, match="holds results already"):
        results.save(folder)
    old = bimt_bench.load(HERE / "results/reproduction/symbolic.parquet")
    with pytest.raises(InputError, match="never kept|no curves"):
        old.save(folder.parent / "other")


# --------------------------------------------------------------------------- damage


def weights_of(folder: Path) -> Path:
    (file,) = (folder / "weights").iterdir()
    return file


def test_damaged_weights_are_one_clear_line_and_the_rest_is_read(folder):
    file = weights_of(folder)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    found = bimt_bench.load(folder)
    assert found.tradeoff().points
    with pytest.raises(InputError, match=r"was truncated or altered \(its SHA-256") as told:
        found.best()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("lost", ["packs/*.json", "weights/*"])
def test_weights_that_are_not_there_are_named(folder, lost):
    for file in folder.glob(lost):
        file.unlink()
    with pytest.raises(InputError, match="cannot be used"):
        bimt_bench.load(folder).best()


@pytest.mark.parametrize("pack", ["../../elsewhere", "0" * 12, ""])
def test_a_pack_that_the_frame_made_up_leads_nowhere(folder, pack):
    found = bimt_bench.load(folder)
    found.frame["pack"] = pack
    with pytest.raises(InputError, match="there is no pack"):
        found.best()


def test_arrays_of_a_member_that_a_pack_has_not(folder):
    with pytest.raises(store.CorruptPack, match="has none of member zzz"):
        Store(folder).arrays(weights_of(folder).stem, "zzz")


def test_a_task_that_was_damaged_where_the_frame_carries_it(results):
    frame = results.frame.copy()
    held = json.loads(frame.attrs["bimt_bench.tasks"]["own/task"])
    for odd in (7, "{", json.dumps({**held, "model": {"kind": "unheard_of"}})):
        frame.attrs["bimt_bench.tasks"] = {"own/task": odd}
        with pytest.raises(InputError, match="task 'own/task' that it carries") as told:
            bimt_bench.tradeoff(frame)
        assert "\n" not in str(told.value)


# --------------------------------------------------------------------------- mistakes of a notebook


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: r["performance"], r"results\.frame\['performance'\]"),
        (lambda r: list(r), r"results\.frame\[0\]"),
        (lambda r: r.network(), "there are 3; give one"),
        (lambda r: r.network("zz"), "'zz' is not in these results"),
        (lambda r: r.network("bset"), "did you mean 'best'"),
        (lambda r: r.network(3), "member: 3 given"),
        (lambda r: r.network(""), "member: '' given"),
        (lambda r: r.network("best", recipe="l1_swap"), "recipe: 'l1_swap'.*did you mean 'l1'|l1"),
        (lambda r: r.best("own/tusk"), "did you mean 'own/task'"),
        (lambda r: r.task("own/tusk"), "did you mean 'own/task'"),
        (lambda r: r.tradeoff("own/tusk"), "did you mean 'own/task'"),
        (lambda r: r.tradeoff(x="modularity"), "did you mean 'modularity_"),
        (lambda r: r.tradeoff(y="performanse"), "did you mean 'performance'"),
        (lambda r: r.tradeoff(x="fourier_ginni"), "did you mean 'fourier_gini'"),
        (lambda r: r.tradeoff(steps=7), "steps: 7 given; the members were trained for 20"),
        (lambda r: bimt_bench.tradeoff(r.frame, x="modularity"), "did you mean 'modularity_"),
        (lambda r: bimt_bench.tradeoff(r.frame, task="own/tusk"), "did you mean 'own/task'"),
        (lambda r: bimt_bench.tradeoff(r.curves), "frame: has no column 'task'"),
        (lambda r: bimt_bench.tradeoff(r.frame.head(0)), "has no rows"),
        (lambda r: r.curves.plot(y="tst_loss"), "did you mean 'test_loss'"),
        (lambda r: r.curves.plot(y="member"), "'member' is no quantity; curves have"),
        (lambda r: r.curves.plot(task="own/tusk"), "did you mean 'own/task'"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_allowed(results, call, words):
    with pytest.raises(InputError, match=words) as told:
        call(results)
    assert "\n" not in str(told.value)


def test_an_attribute_of_frames_is_named_where_it_is(results):
    with pytest.raises(AttributeError, match=r"results\.frame\.groupby"):
        results.groupby("recipe")
    with pytest.raises(AttributeError, match="did you mean 'tradeoff'"):
        results.tradeof()
    assert not hasattr(results, "_repr_markdown_")


def test_a_start_of_a_digest_will_do_if_it_is_of_one_member(results):
    first = results.members[0]
    assert results.network(first[:8]).member == first
    same = pd.concat([results.frame.head(1), results.frame.head(1).assign(member=first[:-1] + "g")])
    both = Results(carrying(same, [results.task()]), curves=pd.DataFrame, weights=results._weights)
    with pytest.raises(InputError, match=f"'{first[:8]}' begins 2 digests"):
        both.network(first[:8])
    assert both.network(first).member == first


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kepd", "did you mean '.*kept'"),
        (".", "there are .*kept"),
        ("kept/packs", "name a finished sweep's folder|there are"),
    ],
)
def test_a_place_without_results_is_refused(folder, name, words):
    with pytest.raises(InputError, match=words) as told:
        bimt_bench.load(folder.parent / name)
    assert "\n" not in str(told.value)


def test_a_sweep_that_is_not_finished_says_so(folder):
    (folder / "frame.parquet").unlink()
    with pytest.raises(InputError, match="not finished; --resume goes on"):
        bimt_bench.load(folder)


def test_the_first_task_must_be_named_where_there_are_several():
    rows = [member(task="symbolic/independence"), member(task="vision/digits")]
    found = Results(pd.DataFrame(rows), curves=pd.DataFrame, weights=None)  # type: ignore[arg-type]
    for call in (found.task, found.tradeoff, found.best):
        with pytest.raises(InputError, match="task: there are 2; name one of symbolic"):
            call()


def test_results_can_be_copied_and_shown(results):
    assert repr(results) == "<Results: 3 members of 1 recipe on own/task>"
    assert copy.copy(results).members == results.members


# --------------------------------------------------------------------------- drawn


def test_the_guide_runs_as_it_stands(tmp_path, monkeypatch):
    block = (HERE / "docs/python.md").read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "guide.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    held = runpy.run_path("guide.py")
    assert len(held["left"].collections) and len(held["right"].collections)
    assert bimt_bench.load("my-results").best().member == held["net"].member
    plt.close("all")


def test_trade_offs_are_drawn_on_given_axes_or_on_a_new_figure(results):
    found = results.tradeoff()
    _, (left, right) = plt.subplots(1, 2)
    assert found.plot(left) is left and left.get_title(loc="left") == "Own"
    assert left.get_legend() is not None and not right.has_data()
    assert found.plot(right, title="Other", legend=False).get_legend() is None
    assert right.get_title(loc="left") == "Other"
    alone = found.plot()
    assert alone.figure not in (left.figure, None) and alone.figure.legends
    assert plt.fignum_exists(alone.figure.number), "a notebook shows what pyplot knows"
    plt.close("all")


def test_curves_are_a_frame_that_knows_its_members(results):
    curves = results.curves
    late = curves[curves["step"] > 5].assign(twice=lambda c: 2 * c["test_loss"])
    _, axes = plt.subplots()
    assert late.plot(axes, y="twice") is axes
    assert axes.get_ylabel() == "twice" and axes.get_legend().get_texts()[0].get_text()
    (line,) = [one for one in axes.get_lines() if len(one.get_xdata()) > 1]
    wanted = curves[curves["step"] > 5].groupby("step")["test_loss"].mean() * 2
    np.testing.assert_allclose(line.get_ydata(), wanted)
    again = pickle.loads(pickle.dumps(curves))  # noqa: S301 - its own
    assert again.members.equals(results.frame)
    alone = results.curves.plot()
    assert alone.get_title(loc="left") or alone.texts
    plt.close("all")


def test_curves_of_members_without_the_quantity_are_refused(results):
    curves = results.curves.assign(nothing=np.nan)
    with pytest.raises(InputError, match="'nothing' was not logged"):
        curves.plot(y="nothing")


def test_the_axes_of_a_trade_off_may_be_any_metrics(results):
    found = results.tradeoff(x="mean_wire_length", y="r2")
    assert (found.x, found.x_direction) == ("mean_wire_length", "lower")
    assert found.points[0].y.mean == pytest.approx(results.frame["r2"].mean())
    assert tradeoff_of(results.task(), results.frame).y_title == "R²"


def test_a_folder_may_be_moved(results, folder):
    moved = shutil.move(folder, folder.parent / "elsewhere")
    assert bimt_bench.load(moved).best().member in results.members


def test_a_run_of_a_recipe_without_strength_opens_again(tmp_path):
    trained = bimt_bench.train(TASK, recipe="vanilla", steps=10, seeds=(0, 1), shuffles=2)
    assert "strength" not in trained.frame
    found = bimt_bench.load(trained.save(tmp_path / "run"))
    assert len(found.frame) == 2
    assert found.tradeoff(TASK).members == 2
