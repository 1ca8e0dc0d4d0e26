"""The board's folder: what lies where, verdicts kept whole, entries withdrawn with a reason."""

import json
from datetime import UTC, datetime

import pytest

from bimt_bench import leaderboard
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Board, Verdict
from bimt_bench.leaderboard.board import holding
from bimt_bench.leaderboard.withdrawing import MAINTAINERS
from tests.leaderboard.conftest import TASK


def verdict(**changes) -> Verdict:
    told = {
        "format": 1,
        "task": TASK,
        "task_digest": "0" * 12,
        "name": "bimt-plain",
        "entry": "0" * 64,
        "level": "checked",
        "seconds": 1.0,
        "when": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Verdict(**{**told, **changes})


def test_entries_are_found_by_task_and_name(small_board) -> None:
    names = ["bimt-plain", "l1-plain", "vanilla-plain"]
    assert [one.name for one in small_board.entries()] == names
    assert [one.name for one in small_board.entries(TASK)] == names
    assert small_board.entries("vision/mnist") == ()
    assert small_board.tasks() == (TASK,)
    assert holding(small_board.entry(TASK, "l1-plain")) == (
        Board(small_board.folder.resolve()), TASK, "l1-plain"
    )  # fmt: skip


def test_an_entry_that_is_not_there_is_told_with_the_nearest(small_board) -> None:
    with pytest.raises(InputError, match="there is no 'bimt-plan' .*did you mean 'bimt-plain'"):
        small_board.entry(TASK, "bimt-plan")


def test_verdicts_are_no_entries_and_come_back_as_they_were(own_board) -> None:
    before = own_board.entries()
    assert own_board.verdict(TASK, "bimt-plain") is None
    own_board.keep(verdict())
    assert own_board.verdict(TASK, "bimt-plain") == verdict()
    assert own_board.entries() == before and own_board.tasks() == (TASK,)


def test_a_damaged_verdict_and_one_of_another_entry_are_refused(own_board) -> None:
    file = own_board.keep(verdict())
    own_board.verdict_file(TASK, "l1-plain").write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="says it is of 'bimt-plain'"):
        own_board.verdict(TASK, "l1-plain")
    file.write_text(file.read_text().replace("checked", "perfect"))
    with pytest.raises(InputError, match=r"bimt-plain.json: level: 'perfect' given"):
        own_board.verdict(TASK, "bimt-plain")


def test_a_verdict_may_quote_what_strangers_wrote(own_board) -> None:
    told = [{"level": "checked", "code": "odd", "weight": "note", "told": "a\u200bb"}]
    own_board.keep(verdict(findings=tuple(told)))
    assert own_board.verdict(TASK, "bimt-plain").findings[0].told == "a\u200bb"


def test_an_author_withdraws_an_entry_which_stays(own_board) -> None:
    folder = own_board.entry(TASK, "bimt-plain")
    held = {file.name: file.read_bytes() for file in folder.iterdir()}
    mark = leaderboard.withdraw(own_board, TASK, "bimt-plain", reason="a slip", by="ada")
    assert own_board.withdrawn(TASK, "bimt-plain") == mark
    assert own_board.withdrawn(TASK, "l1-plain") is None
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == held
    with pytest.raises(InputError, match="was withdrawn by ada"):
        leaderboard.withdraw(own_board, TASK, "bimt-plain", reason="again", by="ada")


def test_nobody_else_withdraws_but_maintainers(own_board) -> None:
    with pytest.raises(InputError, match=r"'bob' given; must be the account of .* \(ada\)"):
        leaderboard.withdraw(own_board, TASK, "bimt-plain", reason="envy", by="bob")
    (own_board.folder / MAINTAINERS).write_text(json.dumps(["bob"]))
    leaderboard.withdraw(own_board, TASK, "bimt-plain", reason="a copy of l1-plain", by="bob")
    assert own_board.withdrawn(TASK, "bimt-plain").by == "bob"


@pytest.mark.parametrize("content", ["{}", '["a b"]', "[1]", "nothing", '["\\u202e"]'])
def test_a_damaged_file_of_maintainers_is_refused(own_board, content: str) -> None:
    (own_board.folder / MAINTAINERS).write_text(content)
    with pytest.raises(InputError, match=MAINTAINERS):
        leaderboard.withdraw(own_board, TASK, "bimt-plain", reason="why", by="bob")


@pytest.mark.parametrize("reason", ["", " \n", "a\x1b[31m", "a\u200bb", "x" * 2001])
def test_a_reason_says_something_that_is_seen(own_board, reason: str) -> None:
    with pytest.raises(InputError):
        leaderboard.withdraw(own_board, TASK, "bimt-plain", reason=reason, by="ada")
    assert own_board.withdrawn(TASK, "bimt-plain") is None
