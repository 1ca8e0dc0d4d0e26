"""What is kept between builds: found once, and anew wherever anything that it follows from is."""

import json

import numpy as np
import pytest

from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Board, rank
from bimt_bench.leaderboard import measured as figures
from bimt_bench.leaderboard.kept import Kept, key_of, sources
from tests.leaderboard.made_board import TASK, front, put


@pytest.fixture
def board(tmp_path):
    board, generator = Board(tmp_path / "board"), np.random.default_rng(4)
    put(board, "best", front(generator, size=0.9), lost=[(0, 0)])
    put(board, "second", front(generator, size=0.5), fresh=board_members(board, "best"))
    put(board, "alone", front(generator, configurations=1, seeds=5), recipe="vanilla")
    return board


def board_members(board, name):
    return board.verdict(TASK, name).members[:5]


@pytest.fixture
def counted(monkeypatch):
    """How often the figures of an entry were found."""
    calls, real = [], figures._figures
    monkeypatch.setattr(
        figures, "_figures", lambda one, task: calls.append(one.name) or real(one, task)
    )
    return calls


def test_a_ranking_from_what_was_kept_is_the_same(board, tmp_path, counted):
    kept = Kept(tmp_path / "kept")
    plain = rank(board)
    counted.clear()
    first, second = rank(board, kept=kept), rank(board, kept=kept)
    assert sorted(counted) == ["alone", "best", "second"]
    assert repr(first) == repr(second) == repr(plain)


def test_of_a_changed_entry_alone_figures_are_found_anew(board, tmp_path, counted):
    kept = Kept(tmp_path / "kept")
    rank(board, kept=kept)
    counted.clear()
    verdict = board.verdict(TASK, "second")
    one = verdict.members[0]
    moved = one.model_copy(update={"metrics": {**one.metrics, "performance": 0.123}})
    board.keep(verdict.model_copy(update={"members": (moved, *verdict.members[1:])}))
    assert repr(rank(board, kept=kept)) == repr(rank(board))
    assert (
        counted.count("second") == 2 and counted.count("best") == 1
    )  # the last ranking keeps none


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"key": 3}', b"\xff"])
def test_what_is_damaged_is_found_anew(board, tmp_path, damage):
    kept = Kept(tmp_path / "kept")
    before = repr(rank(board, kept=kept))
    for file in (tmp_path / "kept").rglob("*.json"):
        file.write_bytes(damage)
    assert repr(rank(board, kept=kept)) == before


def test_what_does_not_last_is_not_kept(tmp_path):
    kept, made = Kept(tmp_path), []
    for _ in range(2):
        kept.found("part", "name", "key", str, lambda: made.append(1) or "one", lambda _: False)
    assert len(made) == 2 and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="kept: cannot write to"):
        Kept(tmp_path / "file").found("part", "name", "key", str, lambda: "one")


def test_numbers_that_are_not_finite_come_back(tmp_path):
    kept = Kept(tmp_path)
    kept.found("part", "name", "key", float, lambda: float("nan"))
    assert np.isnan(kept.found("part", "name", "key", float, lambda: 1.0))


def test_a_key_says_all_parts_and_the_code():
    assert key_of(1, 2) != key_of(12) and key_of("1") != key_of(1)
    assert len(sources()) == 64


def test_files_lie_in_the_folder_whatever_a_name_holds(tmp_path):
    kept = Kept(tmp_path / "kept")
    kept.found("part", "../../out", "key", str, lambda: "one")
    (file,) = tmp_path.rglob("*.json")
    assert file.parent == tmp_path / "kept" / "part"
    assert json.loads(file.read_text()) == {"key": "key", "found": "one"}
