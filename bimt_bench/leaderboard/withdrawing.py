"""Withdrawing an entry: a mark with a reason. The entry stays, since what is published stays.

<board>/withdrawn/<task>/<name>.json    this module's `Withdrawal`
<board>/maintainers.json                ["account", ...]: who may withdraw any entry
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from bimt_bench.ground import InputError, fitting
from bimt_bench.leaderboard.entry import Account, Note, Published, Slug
from bimt_bench.leaderboard.reading import read_entry
from bimt_bench.leaderboard.strangers import parsed, read_file

if TYPE_CHECKING:
    from bimt_bench.leaderboard.board import Board

MAINTAINERS = "maintainers.json"
_MOST_BYTES = 2**16
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
    folder = board.entry(task, name)
    held = board.withdrawn(task, name)
    if held is not None:
        raise InputError(f"withdraw: '{name}' was withdrawn by {held.by} on {held.when:%Y-%m-%d}")
    entry = read_entry(folder)
    allowed = [one.account for one in entry.authors if one.account is not None]
    if by not in (*allowed, *maintainers(board)):
        raise InputError(
            f"withdraw: '{fitting(by)}' given; must be the account of one of the entry's authors "
            f"({', '.join(allowed) or 'none has one'}) or of a maintainer ({MAINTAINERS})"
        )
    if not reason.strip():
        raise InputError("reason: is empty; say in a sentence why the entry is withdrawn")
    try:
        mark = Withdrawal(
            format=1, task=task, name=name, reason=reason, by=by, when=datetime.now(UTC)
        )
    except ValidationError as error:
        raise InputError(f"withdraw: {error.errors()[0]['msg']}") from None
    board.mark(mark)
    return mark


def maintainers(board: "Board") -> list[str]:
    """The accounts that may withdraw any entry; InputError if their file is damaged."""
    file = board.folder / MAINTAINERS
    if not file.exists():
        return []
    found = parsed(read_file(file, most=_MOST_BYTES), MAINTAINERS)
    try:
        return list(_ACCOUNTS.validate_python(found, strict=True))
    except ValidationError:
        raise InputError(f'{MAINTAINERS}: must be a list of accounts, as ["somebody"]') from None
