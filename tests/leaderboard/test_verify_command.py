"""`bimt-bench leaderboard verify`: which entries, what it says, what it writes, how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bimt_bench.app import app
from bimt_bench.leaderboard import Board
from bimt_bench.leaderboard.verdict import Verdict
from tests.app.said import refused
from tests.leaderboard.forging import Forger

TASK = "symbolic/independence"


def _verify(board: Board, *arguments: object):
    told = ["leaderboard", "verify", "--board", str(board.folder), *map(str, arguments)]
    return CliRunner().invoke(app, told)


def test_all_entries_pass_and_their_verdicts_are_kept(own_board: Board, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    found = _verify(own_board, "--axes", "--report", report)
    assert found.exit_code == 0, found.output
    assert "3 of 3 entries pass" in found.output
    verdicts = [Verdict.model_validate_json(line) for line in report.read_text().splitlines()]
    assert [one.level for one in verdicts] == ["rescored"] * 3
    assert [own_board.verdict(TASK, one.name) for one in verdicts] == verdicts
    again = _verify(own_board, "--changed-only", "--up-to", "checked")
    assert (again.exit_code, "0 of 0 entries pass" in again.output) == (0, True)


def test_an_entry_that_fails_ends_it_with_1_and_says_why(own_board: Board) -> None:
    forger = Forger(own_board.entry(TASK, "l1-plain"))
    forger.entry["title"] = "L1 [red]and[/red] more"
    forger.members[0]["metrics"]["performance"] = 0.99
    forger.write()
    found = _verify(own_board, f"{TASK}/l1-plain", "--axes", "--no-keep")
    assert found.exit_code == 1
    assert "l1-plain: checked" in found.output
    assert "metrics.performance: of 1 members another value; 0.99 claimed" in found.output
    assert "torch" in found.output and "Python" in found.output
    assert own_board.verdict(TASK, "l1-plain") is None


def test_an_entry_is_named_by_its_folder_too(own_board: Board) -> None:
    folder = own_board.entry(TASK, "l1-plain")
    found = _verify(own_board, folder, "--up-to", "checked")
    assert found.exit_code == 0, found.output
    held = json.loads(own_board.verdict_file(TASK, "l1-plain").read_text())
    assert held["level"] == "checked"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--up-to", "rescord"], ["up-to", "rescord", "did you mean 'rescored'"]),
        ([f"{TASK}/l1-plan"], ["l1-plan", "did you mean 'l1-plain'"]),
        (["nothing"], ["'nothing' is no folder"]),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_starts(
    small_board: Board, arguments, words
) -> None:
    refused(_verify(small_board, *arguments), *words)


def test_a_board_without_entries_is_refused(tmp_path: Path) -> None:
    refused(_verify(Board(tmp_path)), "there is none")
