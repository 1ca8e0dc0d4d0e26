"""The leaderboard: entries that anybody can verify, ranked by figures that hold.

Everything is loaded when first used: what reads an entry needs no more than that.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bimt_bench.leaderboard.adding import add
    from bimt_bench.leaderboard.board import BOARD, Board
    from bimt_bench.leaderboard.entry import Author, Entry, MemberRecord
    from bimt_bench.leaderboard.reading import Submission, read
    from bimt_bench.leaderboard.schemas import schema
    from bimt_bench.leaderboard.verdict import Verdict
    from bimt_bench.leaderboard.withdrawing import Withdrawal, withdraw

_HOMES = {
    "BOARD": "board",
    "Author": "entry",
    "Board": "board",
    "Entry": "entry",
    "MemberRecord": "entry",
    "Submission": "reading",
    "Verdict": "verdict",
    "Withdrawal": "withdrawing",
    "add": "adding",
    "read": "reading",
    "schema": "schemas",
    "withdraw": "withdrawing",
}

__all__ = [
    "BOARD",
    "Author",
    "Board",
    "Entry",
    "MemberRecord",
    "Submission",
    "Verdict",
    "Withdrawal",
    "add",
    "read",
    "schema",
    "withdraw",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"bimt_bench.leaderboard.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
