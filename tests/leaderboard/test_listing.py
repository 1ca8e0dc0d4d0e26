"""The tables as Markdown: what strangers wrote is shown and does nothing."""

import numpy as np
import pytest
from typer.testing import CliRunner

from bimt_bench.app import app
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import ranking
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.listing import BEGIN, END, escaped, markdown, write_listing
from tests.leaderboard.made_board import TASK, front, put


@pytest.fixture
def board(tmp_path):
    board, generator = Board(tmp_path / "leaderboard"), np.random.default_rng(5)
    put(board, "best", front(generator, size=0.9), title="<b>|[best](https://a.b)`@all`")
    put(board, "second", front(generator, size=0.6, noise=0.05))
    put(board, "second-again", front(generator, size=0.6, noise=0.05), lost=[(0, 0)])
    put(board, "theirs", front(generator), retrainable=False)
    put(board, "old", front(generator), task_digest="0" * 12)
    put(board, "unfinished", front(generator), level="checked")
    return board


@pytest.fixture
def ranked(board):
    return ranking.rank(board)


def test_a_row_an_entry(ranked):
    lines = markdown(ranked).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| place", "| ---", "| 1", "| 2=", "| 2=",
                                                     "| place", "| ---", "| "]  # fmt: skip
    assert "1 of 20" in rows[4]
    assert len({row.replace(r"\|", "").count("|") for row in rows}) == 1
    assert "Dated, until scored again" in markdown(ranked)
    assert "Not ranked: unfinished, only checked" in markdown(ranked).replace("\\", "")


def test_titles_are_text(ranked):
    assert "<b>" not in markdown(ranked) and "](http" not in markdown(ranked)
    assert escaped("a|b\n<c>") == r"a\|b &lt;c\>"


def test_the_listing_replaces_itself_and_nothing_else(ranked, tmp_path):
    file = tmp_path / "README.md"
    file.write_text("# Results\n\nBefore.\n")
    write_listing(ranked, file)
    first = file.read_text()
    file.write_text(f"{first}\nAfter.\n")
    write_listing(ranked, file)
    again = file.read_text()
    assert again == f"{first}\nAfter.\n"
    assert again.count(BEGIN) == again.count(END) == 1
    assert again.startswith("# Results\n\nBefore.\n") and again.endswith("After.\n")
    file.write_text(f"{BEGIN}\n")
    with pytest.raises(InputError, match="but not the other"):
        write_listing(ranked, file)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "not ranked: unfinished, only checked"),
        (("--markdown",), "| place | entry |"),
        (("--json",), '"place": 1'),
        (("--explain", "best"), "stands at place 1 of 3"),
        ((TASK,), "volume"),
    ],
)
def test_the_command(board, options, told):
    found = CliRunner().invoke(app, ["leaderboard", "rank", "--board", str(board.folder), *options])
    assert found.exit_code == 0 and told in found.output


@pytest.mark.parametrize(
    "options", [("--json", "--markdown"), ("--explain", "nobody"), ("no/task",)]
)
def test_bad_usage_is_refused(board, options):
    found = CliRunner().invoke(app, ["leaderboard", "rank", "--board", str(board.folder), *options])
    assert found.exit_code == 2
