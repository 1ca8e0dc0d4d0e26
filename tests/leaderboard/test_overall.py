"""What holds across tasks: mean ranks, profiles and critical differences; missing is missing."""

import numpy as np
import pytest

from bimt_bench.leaderboard import overall, ranking
from bimt_bench.leaderboard.board import Board
from bimt_bench.spec import catalog
from tests.leaderboard.made_board import front, put

TASKS = [one.name for one in catalog.tasks()][:6]
SIZES = {"a": 0.9, "b": 0.7, "c": 0.5}


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path / "leaderboard")


def filled(board, tasks, *, missing=()):
    generator = np.random.default_rng(1)
    for task in tasks:
        for name, size in SIZES.items():
            if (task, name) not in missing:
                put(board, name, front(generator, size=size), task=task)
    return ranking.rank(board).overall


def test_mean_ranks_and_shares(board):
    found = filled(board, TASKS[:2])
    assert [(one.name, one.mean_rank) for one in found.methods] == [("a", 1), ("b", 2), ("c", 3)]
    assert found.methods[0].shares == dict.fromkeys(TASKS[:2], 1.0)
    (first, *_), last = found.profiles, found.profiles[-1]
    assert first.shares == (1.0,) * len(first.ratios)
    assert last.shares[0] == 0.0 and last.shares[-1] == 1.0


def test_a_missing_task_is_missing_and_not_last(board):
    found = filled(board, TASKS[:3], missing=[(TASKS[0], "a")])
    means = {one.name: one.mean_rank for one in found.methods}
    assert means == {"b": 1, "c": 2, "a": None}
    assert found.methods[-1].places == dict.fromkeys(TASKS[1:3], 1)
    assert [one.name for one in found.profiles] == ["b", "c"]


def test_the_same_name_with_another_recipe_is_another_method(board):
    generator = np.random.default_rng(1)
    put(board, "mine", front(generator), task=TASKS[0], recipe="l1")
    put(board, "mine", front(generator), task=TASKS[1], recipe="bimt")
    found = ranking.rank(board).overall
    assert [(one.name, one.recipe, one.mean_rank) for one in found.methods] == [
        ("mine", "bimt", None), ("mine", "l1", None),
    ]  # fmt: skip
    assert "there are no mean ranks" in found.notes[0]


def test_before_six_tasks_there_are_no_critical_differences(board):
    found = filled(board, TASKS[:5])
    assert found.groups == () and "need 6 tasks; there are 5" in found.notes[0]


def test_from_six_tasks_on_methods_that_are_not_told_apart_are_grouped(board):
    pytest.importorskip("scikit_posthocs")
    found = filled(board, TASKS)
    assert found.groups == () and found.notes == ()  # always in the same order: told apart
    again = ranks(np.array([[1, 2, 3], [2, 1, 3]] * 3))
    assert overall.told_apart(again).tolist() == [
        [False, False, True], [False, False, True], [True, True, False],
    ]  # fmt: skip
    assert overall.critical_groups(again)[0] == (("a", "b"),)


def test_ranks_that_differ_by_chance_tell_nobody_apart():
    again = ranks(np.array([[1, 2, 3], [3, 1, 2], [2, 3, 1]] * 2))
    assert not overall.told_apart(again).any()
    assert overall.critical_groups(again)[0] == (("a", "b", "c"),)


def ranks(values):
    import pandas as pd

    columns = pd.Index([(name, "l1") for name in SIZES], tupleize_cols=False)
    return pd.DataFrame(values.astype(float), columns=columns)


def test_two_methods_are_too_few(board):
    generator = np.random.default_rng(1)
    for task in TASKS:
        for name in ("a", "b"):
            put(board, name, front(generator), task=task)
    assert "need 3 methods on every task; there are 2" in ranking.rank(board).overall.notes[0]
