"""Earlier verdicts: what they still say of an entry, its draws, and which entries have none."""

from pathlib import Path
from typing import Any

from bimt_bench.ground import InputError
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.checking import version_of
from bimt_bench.leaderboard.entry import ENTRY, MEMBERS
from bimt_bench.leaderboard.reading import (
    MOST_ENTRY,
    MOST_RECORDS,
    Submission,
    content_of,
    read_entry,
)
from bimt_bench.leaderboard.strangers import read_file
from bimt_bench.leaderboard.verdict import LEVELS, Draw, Level, ScoredMember, Verdict
from bimt_bench.spec import METRICS


def carried(verdict: Verdict, earlier: Verdict | None, tried: Level) -> Verdict:
    """The verdict with what an earlier one on the same entry knew of levels that were not tried.

    Only where all that was tried up to the level `tried` was passed. Metrics that were not
    measured now stay, if their definition has not changed since.
    """
    if earlier is None or earlier.entry != verdict.entry or verdict.level != tried:
        return verdict
    if LEVELS.index(earlier.level) <= LEVELS.index(tried):
        return verdict
    above = [one for one in earlier.findings if LEVELS.index(one.level) > LEVELS.index(tried)]
    kept = {
        name: version
        for name, version in earlier.metrics.items()
        if name not in verdict.metrics and name in METRICS and version_of(name) == version
    }
    same = all(earlier.metrics.get(name) == one for name, one in verdict.metrics.items())
    facts: dict[str, Any] = {
        "level": earlier.level,
        "findings": (*verdict.findings, *above),
        "fresh": earlier.fresh if same else (),
    }
    if verdict.members:
        facts |= {
            "metrics": {**verdict.metrics, **kept},
            "members": tuple(_with(one, earlier, kept) for one in verdict.members),
        }
    return verdict.model_copy(update=facts)


def _with(one: ScoredMember, earlier: Verdict, names: dict[str, int]) -> ScoredMember:
    before = {other.member: other.metrics for other in earlier.members}.get(one.member, {})
    further = {name: before[name] for name in names if name in before}
    return one.model_copy(update={"metrics": {**one.metrics, **further}})


def history(board: Board, submission: Submission) -> list[Draw]:
    """All earlier draws on an entry, and on others of its task that hold some of its members.

    So that a failed entry does not begin anew under another name.
    """
    entry, own = submission.entry, {one.member for one in submission.members}
    found: list[Draw] = []
    for file in sorted(board.verdict_file(entry.task, entry.name).parent.glob("*.json")):
        verdict = board.verdict(entry.task, file.stem)
        if verdict is not None:
            mine = file.stem == entry.name
            found += [one for one in verdict.draws if mine or own & {*one.members}]
    return found


def changed(board: Board) -> list[Path]:
    """The entries that no verdict is about as they are now: new ones, and those that differ."""
    return [folder for folder in board.entries() if not _is_known(board, folder)]


def _is_known(board: Board, folder: Path) -> bool:
    try:
        entry = read_entry(folder)
        held = board.verdict(entry.task, folder.name)
        own = read_file(folder / ENTRY, most=MOST_ENTRY)
        members = read_file(folder / MEMBERS, most=MOST_RECORDS)
    except InputError:
        return False
    return held is not None and held.entry == content_of(own, members, entry.weights.sha256)
