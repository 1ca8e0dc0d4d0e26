"""Five lines that say why an entry stands where it stands."""

import numpy as np
import pytest

from bimt_bench.ground import InputError
from bimt_bench.leaderboard import ranking
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.explaining import explain
from bimt_bench.leaderboard.verdict import Finding
from tests.leaderboard.made_board import TASK, front, put

OTHER = "modular/addition_59"


@pytest.fixture
def ranked(tmp_path):
    board, generator = Board(tmp_path), np.random.default_rng(5)
    flag = Finding(level="rescored", code="auc", weight="flag", told="test below training losses")
    put(board, "best", front(generator, size=0.9))
    put(board, "second", front(generator, size=0.6, noise=0.05), findings=(flag,))
    put(board, "second-again", front(generator, size=0.6, noise=0.05), lost=[(0, 1)])
    put(board, "theirs", front(generator), retrainable=False)
    put(board, "old", front(generator), task_digest="0" * 12)
    put(board, "unfinished", front(generator), level="checked")
    put(board, "best", front(generator), task=OTHER)
    return ranking.rank(board)


def test_five_lines(ranked):
    lines = explain(ranked, f"{TASK}/second")
    assert len(lines) == 5
    assert "stands at place 2 of 3" in lines[0] and "shared with second-again" in lines[0]
    assert "Its volume H is" in lines[1] and "rank 2 by it" in lines[1]
    assert "Beside the first best, M differs by -" in lines[2] and "worse" in lines[2]
    assert "never first" in lines[3]
    assert "retrained" in lines[4] and "flagged: test below training losses" in lines[4]
    assert "1 of 20 members lost" in explain(ranked, "second-again")[4]
    assert "largest H of all" in explain(ranked, f"{TASK}/best")[2]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("theirs", "its method does not ship"),
        ("old", "scored on the task of digest 000000000000"),
        ("unfinished", "only checked"),
    ],
)
def test_those_without_a_place_say_why(ranked, entry, told):
    assert told in explain(ranked, entry)[0]


@pytest.mark.parametrize(
    ("entry", "told"),
    [("best", f"{TASK}/best"), ("secnd", "did you mean 'second'"), ("x/best", "there is no")],
)
def test_what_is_unclear_is_refused(ranked, entry, told):
    with pytest.raises(InputError, match=told):
        explain(ranked, entry)
