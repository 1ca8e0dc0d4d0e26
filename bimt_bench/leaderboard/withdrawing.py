"""Withdrawing an entry: a mark with a reason. The entry stays, since what is published stays.

<board>/withdrawn/<task>/<name>.json    this module's `Withdrawal`
<board>/maintainers.json                ["account", ...]: who may withdraw any entry
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from bimt_bench.ground import InputError, fitting, listed
from bimt_bench.leaderboard.entry import Account, Note, Published, Slug
from bimt_bench.leaderboard.reading import read_entry
from bimt_bench.leaderboard.strangers import parsed, read_file
from bimt_bench.spec import fault_lines

if TYPE_CHECKING:
    from bimt_bench.leaderboard.board import Board

MAINTAINERS = "maintainers.json"
MOST_MARK = 2**16
_ACCOUNTS = TypeAdapter(list[Account])


class Withdrawal(Published):
    """That an entry was withdrawn: why, by whom and when."""

    format: Literal[1]
    task: Annotated[str, Field(max_length=100)]
    name: Slug
    reason: Annotated[Note, Field(min_length=1)]
    by: Account
    when: datetime


def withdraw(board: "Board", task: str, name: str, *, reason: str, by: str) -> Withdrawal:
    """Marks an entry as withdrawn; only an account of one of its authors or of a maintainer may.

    InputError for an entry that is not there or is withdrawn already, for anybody else and for a
    reason that says nothing.
    """
    board.entry(task, name)
    held = board.withdrawn(task, name)
    if held is not None:
        raise InputError(f"withdraw: '{name}' was withdrawn by {held.by} on {held.when:%Y-%m-%d}")
    check_allowed(board, task, name, by=by)
    if not reason.strip():
        raise InputError("reason: is empty; say in a sentence why the entry is withdrawn")
    try:
        mark = Withdrawal(
            format=1, task=task, name=name, reason=reason, by=by, when=datetime.now(UTC)
        )
    except ValidationError as error:
        told = {"reason": reason, "by": by}
        raise InputError(listed(fault_lines(error, Withdrawal, told))) from None
    parsed(mark.model_dump_json().encode(), "withdraw")
    board.mark(mark)
    return mark


def check_allowed(board: "Board", task: str, name: str, *, by: str) -> None:
    """InputError unless an account is that of one of an entry's authors, or of a maintainer."""
    entry = read_entry(board.entry(task, name))
    allowed = [one.account for one in entry.authors if one.account is not None]
    if by not in (*allowed, *maintainers(board)):
        raise InputError(
            f"withdraw: '{fitting(by)}' given; must be the account of one of the entry's authors "
            f"({', '.join(allowed) or 'none has one'}) or of a maintainer ({MAINTAINERS})"
        )


def maintainers(board: "Board") -> list[str]:
    """The accounts that may withdraw any entry; InputError if their file is damaged."""
    file = board.folder / MAINTAINERS
    if not file.exists():
        return []
    found = parsed(read_file(file, most=MOST_MARK), MAINTAINERS)
    try:
        return list(_ACCOUNTS.validate_python(found, strict=True))
    except ValidationError:
        raise InputError(f'{MAINTAINERS}: must be a list of accounts, as ["somebody"]') from None
