"""The leaderboard: entries that anybody can verify, ranked by figures that hold.

Everything is loaded when first used: what reads an entry needs no more than that.
"""

from typing import TYPE_CHECKING

from bimt_bench.ground import lazily

if TYPE_CHECKING:
    from bimt_bench.leaderboard.adding import add
    from bimt_bench.leaderboard.board import BOARD, Board
    from bimt_bench.leaderboard.budget import Budget
    from bimt_bench.leaderboard.controls import make_controls
    from bimt_bench.leaderboard.earlier import changed
    from bimt_bench.leaderboard.entry import Author, Entry, MemberRecord
    from bimt_bench.leaderboard.explaining import explain
    from bimt_bench.leaderboard.foreign import add_networks
    from bimt_bench.leaderboard.isolation import Limits
    from bimt_bench.leaderboard.listing import as_json, markdown, write_listing
    from bimt_bench.leaderboard.ranking import board_frame, rank, task_table
    from bimt_bench.leaderboard.reading import Submission, read
    from bimt_bench.leaderboard.schemas import schema
    from bimt_bench.leaderboard.standings import Overall, Ranking, Standing, TaskTable
    from bimt_bench.leaderboard.verdict import LEVELS, Draw, Level, Verdict
    from bimt_bench.leaderboard.verifying import Asked, verify
    from bimt_bench.leaderboard.withdrawing import Withdrawal, withdraw

_HOMES = {
    "BOARD": "board",
    "LEVELS": "verdict",
    "Asked": "verifying",
    "Author": "entry",
    "Board": "board",
    "Budget": "budget",
    "Draw": "verdict",
    "Entry": "entry",
    "Level": "verdict",
    "Limits": "isolation",
    "MemberRecord": "entry",
    "Overall": "standings",
    "Ranking": "standings",
    "Standing": "standings",
    "Submission": "reading",
    "TaskTable": "standings",
    "Verdict": "verdict",
    "Withdrawal": "withdrawing",
    "add": "adding",
    "add_networks": "foreign",
    "as_json": "listing",
    "board_frame": "ranking",
    "changed": "earlier",
    "explain": "explaining",
    "make_controls": "controls",
    "markdown": "listing",
    "rank": "ranking",
    "read": "reading",
    "schema": "schemas",
    "task_table": "ranking",
    "verify": "verifying",
    "withdraw": "withdrawing",
    "write_listing": "listing",
}

__all__ = [
    "BOARD",
    "LEVELS",
    "Asked",
    "Author",
    "Board",
    "Budget",
    "Draw",
    "Entry",
    "Level",
    "Limits",
    "MemberRecord",
    "Overall",
    "Ranking",
    "Standing",
    "Submission",
    "TaskTable",
    "Verdict",
    "Withdrawal",
    "add",
    "add_networks",
    "as_json",
    "board_frame",
    "changed",
    "explain",
    "make_controls",
    "markdown",
    "rank",
    "read",
    "schema",
    "task_table",
    "verify",
    "withdraw",
    "write_listing",
]

__getattr__ = lazily(__name__, _HOMES)
