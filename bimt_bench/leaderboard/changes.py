"""What a branch changes on the board: entries may be added and withdrawn, and nothing else.

What is published stays. Verdicts are written where entries are verified, never by a submission.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bimt_bench.ground import InputError, fitting, listed
from bimt_bench.leaderboard import weights_file
from bimt_bench.leaderboard.board import VERDICTS, WITHDRAWN, Board
from bimt_bench.leaderboard.entry import ENTRY, MEMBERS, WEIGHTS
from bimt_bench.leaderboard.reading import MOST_ENTRY, MOST_RECORDS
from bimt_bench.leaderboard.repository import Repository, taken
from bimt_bench.leaderboard.withdrawing import MAINTAINERS, MOST_MARK, check_allowed

MOST_ADDED = 20
MOST_BYTES = {ENTRY: MOST_ENTRY, MEMBERS: MOST_RECORDS, WEIGHTS: weights_file.MOST_BYTES}
_PARTS = 3  # of the path of an entry's file below the board: task, name, file
_SHOWN = 30
_ADDED = "A"
_TASK = re.compile(r"[a-z0-9_]+-[a-z0-9_]+")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Changes:
    """The folders of entries that a branch adds, and the marks of withdrawal, as paths."""

    added: tuple[Path, ...]
    withdrawn: tuple[Path, ...]


def changes(
    board: Board,
    base: str,
    *,
    head: str = "HEAD",
    by: str | None = None,
    take: Path | None = None,
) -> Changes:
    """What a commit, `head`, adds to the board since it left `base`, a commit or a branch.

    by: the account that asks for it, who must be the one that marks of withdrawal name. take: a
    new folder for the board with what is added, of which the folders told then are; without it,
    `head` must be checked out. InputError, a line a fault, where what is published is changed or
    removed, verdicts are written, or more than 20 entries are added; where a branch to be taken
    changes anything besides the board, or adds what is no file of its size; and where git cannot
    tell.
    """
    repository = Repository(board.folder, base, head)
    files = [(status, PurePosixPath(name)) for status, name in repository.changed()]
    faults = [fault for status, path in files for fault in _faults(status, path)]
    if take is not None:
        faults = [*_beside(repository), *faults]
    _refuse(faults)
    marks = [path for _, path in files if path.parts[0] == WITHDRAWN]
    own = [path for _, path in files if path.parts[0] != WITHDRAWN]
    added = list(dict.fromkeys(path.parent for path in own))
    faults = [
        f"{folder}: is published already; files are not added to it"
        for folder in added
        if folder / ENTRY not in own
    ]
    if len(added) > MOST_ADDED:
        faults.append(f"{len(added)} entries are added; at most {MOST_ADDED} at a time")
    _refuse(faults)
    if take is not None:
        limits = {path: MOST_MARK if path in marks else MOST_BYTES[path.name] for _, path in files}
        board = Board(taken(repository, limits, take))
    _refuse([fault for path in marks for fault in _mark_faults(board, path, by)])
    return Changes(
        tuple(board.folder / one for one in added), tuple(board.folder / one for one in marks)
    )


def _beside(repository: Repository) -> Iterator[str]:
    """What a branch changes that is not of the board."""
    for name in repository.beside():
        yield f"{fitting(name)}: is not of the board; hand in entries by themselves"


def _refuse(faults: Sequence[str]) -> None:
    if len(faults) > _SHOWN:
        faults = [*faults[:_SHOWN], f"and {len(faults) - _SHOWN} more"]
    if faults:
        raise InputError(listed(faults))


def _faults(status: str, path: PurePosixPath) -> Iterator[str]:
    """Why a file may not be changed so."""
    told, parts = fitting(str(path)), path.parts
    if status != _ADDED:
        yield f"{told}: is published already; what is published is never changed or removed"
    elif parts[0] == VERDICTS:
        yield f"{told}: verdicts are written where entries are verified, not by a submission"
    elif parts == (MAINTAINERS,):
        yield f"{told}: is written by maintainers, not by a submission"
    elif parts[0] == WITHDRAWN:
        named = len(parts) == _PARTS and path.suffix == ".json"
        if not named or not _TASK.fullmatch(parts[1]) or not _NAME.fullmatch(path.stem):
            yield f"{told}: is no mark of withdrawal ({WITHDRAWN}/TASK/NAME.json)"
    elif (
        len(parts) != _PARTS
        or not _TASK.fullmatch(parts[0])
        or not _NAME.fullmatch(parts[1])
        or parts[2] not in (ENTRY, MEMBERS, WEIGHTS)
    ):
        yield f"{told}: does not belong to an entry (TASK/NAME/{ENTRY}, {MEMBERS}, {WEIGHTS})"


def _mark_faults(board: Board, path: PurePosixPath, by: str | None) -> Iterator[str]:
    """Why somebody may not withdraw an entry so."""
    task, name = path.parts[1].replace("-", "/", 1), path.stem
    try:
        mark = board.withdrawn(task, name)
        if mark is None:
            raise InputError("there is no such file")
        check_allowed(board, task, name, by=mark.by)
    except InputError as error:
        yield f"{path}: {error}"
        return
    if by is not None and mark.by != by:
        yield f"{path}: by: '{mark.by}' given, but it is '{fitting(by)}' who asks"
