"""Trivial and doctored entries stand in the table, and none above what it was made from."""

import shutil

import pytest

from bimt_bench.ground import InputError
from bimt_bench.leaderboard import control, controls, ranking
from bimt_bench.leaderboard.verifying import Asked, verified
from bimt_bench.spec import catalog

TASK = "symbolic/independence"


FOOLED = "cross_cluster_mass"


def on_axis(folder, axis):
    """A folder with the task, put on an axis: its digest stays as it is."""
    task = catalog.task(TASK)
    (folder / "symbolic").mkdir(parents=True)
    (folder / f"{TASK}.yaml").write_text(
        catalog.dump(task.model_copy(update={"modularity_axis": axis}))
    )
    return folder


def measured_on(axis, small_board, folder):
    """The small board, its entries scored and the controls made on an axis; and its table."""
    board = type(small_board)(shutil.copytree(small_board.folder, folder / "leaderboard"))
    tasks = on_axis(folder / "tasks", axis)
    asked = Asked(up_to="rescored", axes_only=True, tasks_dir=tasks)
    for entry in board.entries():
        board.keep(verified(entry, board=board, asked=asked))
    (made,) = controls.make_controls(board, [TASK], tasks_dir=tasks)
    return board, catalog.task(TASK, tasks), made


@pytest.fixture(scope="module")
def measured(small_board, tmp_path_factory):
    return measured_on("module_excess_cautious", small_board, tmp_path_factory.mktemp("controls"))


@pytest.fixture(scope="module")
def table(measured):
    board, task, _ = measured
    return ranking.task_table(board, task)


@pytest.fixture
def copied(measured, tmp_path):
    """A copy of the board with controls, to be changed."""
    board, *_ = measured
    return type(board)(shutil.copytree(board.folder, tmp_path / "copied"))


def above_clean(table):
    """The controls that stand above what they were made from, or are told apart from it."""
    made = [one for one in table.controls if one.beside_clean is not None]
    assert {one.control.clean for one in made} == {o.control.clean for o in table.controls} - {None}
    return [
        one.name
        for one in made
        if one.place < table.standing(one.control.clean).place
        or one.beside_clean.difference.verdict == "better"
    ]


def test_every_kind_is_made_where_it_applies(measured, table):
    kinds = {*controls.TRIVIAL, controls.PREDICTOR, *controls.TAMPERED} - {"rescaled"}
    assert {one.control.kind for one in table.controls} == kinds
    _, _, made = measured
    assert len(made.left_out) == 2 and all("rescaled does not apply" in o for o in made.left_out)


def test_no_control_stands_above_its_clean_self(table):
    assert above_clean(table) == []


def test_on_an_axis_that_can_be_bought_they_do(small_board, tmp_path):
    board, task, _ = measured_on(FOOLED, small_board, tmp_path)
    assert "bimt-plain+dead_module" in above_clean(ranking.task_table(board, task))


def test_what_is_worth_nothing_has_no_volume(table):
    for one in table.controls:
        if one.control.clean is None:
            assert one.volume.value < 1e-3, one.name
            assert one.rank > len(table.entries) or table.entries[-1].volume.h < 1e-3


def test_a_network_in_another_order_is_the_same_network(table):
    for one in table.controls:
        if one.control.kind == "permuted":
            clean = table.standing(one.control.clean)
            assert one.volume.raw == pytest.approx(clean.volume.raw, abs=0.02)
            assert one.beside_clean.difference.verdict in ("tie", "not told apart")


def test_controls_move_nobody(measured, table, copied):
    shutil.rmtree(copied.folder / "controls")
    without = ranking.task_table(copied, measured[1])
    assert [(one.name, one.place, one.rank, one.ranks) for one in without.entries] == [
        (one.name, one.place, one.rank, one.ranks) for one in table.entries
    ]


def test_controls_of_an_entry_that_changed_are_left_out(measured, copied):
    clean = next(one.clean for one in control.kept(copied, TASK) if one.clean is not None)
    shutil.rmtree(copied.entry(TASK, clean))
    found = ranking.task_table(copied, measured[1])
    assert not [one for one in found.controls if one.control.clean == clean]
    assert [one for one in found.left_out if "make the controls again" in one.why]


def test_entries_to_doctor_can_be_named(measured, copied):
    _, task, _ = measured
    tasks = measured[0].folder.parent / "tasks"
    list(controls.make_controls(copied, [TASK], of=["bimt-plain"], tasks_dir=tasks))
    table = ranking.task_table(copied, task)
    assert {one.control.clean for one in table.controls} == {None, "bimt-plain"}
    assert above_clean(table) == []
    with pytest.raises(InputError, match="did you mean 'bimt-plain'"):
        list(controls.make_controls(copied, [TASK], of=["bimt-plane"], tasks_dir=tasks))


def test_controls_of_nothing_are_none(small_board, tmp_path):
    board = type(small_board)(shutil.copytree(small_board.folder, tmp_path / "unverified"))
    (made,) = controls.make_controls(board, [TASK])
    assert made.files == () and "no entry is ranked yet" in made.left_out[0]
