"""Earlier verdicts: what they still say of an entry, its draws, and which entries have none."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bimt_bench.ground import InputError
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.checking import version_of
from bimt_bench.leaderboard.reading import Submission, known
from bimt_bench.leaderboard.verdict import (
    LEVELS,
    OUTSTANDING,
    Draw,
    Finding,
    Level,
    ScoredMember,
    Verdict,
)
from bimt_bench.spec import METRICS


def carried(verdict: Verdict, earlier: Verdict | None, tried: Level) -> Verdict:
    """The verdict with what an earlier one on the same entry knew of levels that were not tried.

    Only where all that was tried up to the level `tried` was passed. A fault above it stays until
    that level is passed as a whole. Metrics that were not measured now stay, if their definition
    has not changed since.
    """
    if earlier is None or earlier.entry != verdict.entry or verdict.level != tried:
        return verdict
    above = [one for one in earlier.findings if LEVELS.index(one.level) > LEVELS.index(tried)]
    if not above and LEVELS.index(earlier.level) <= LEVELS.index(tried):
        return verdict
    kept = {
        name: version
        for name, version in earlier.metrics.items()
        if name not in verdict.metrics and name in METRICS and version_of(name) == version
    }
    same = all(earlier.metrics.get(name) == one for name, one in verdict.metrics.items())
    facts: dict[str, Any] = {
        "level": max(earlier.level, verdict.level, key=LEVELS.index),
        "findings": tuple(_joined(verdict, above, retrained=earlier.level == LEVELS[-1])),
        "fresh": verdict.fresh or (earlier.fresh if same else ()),
    }
    if verdict.members:
        facts |= {
            "metrics": {**verdict.metrics, **kept},
            "members": tuple(_with(one, earlier, kept) for one in verdict.members),
        }
    return verdict.model_copy(update=facts)


def _joined(verdict: Verdict, above: Sequence[Finding], *, retrained: bool) -> Iterator[Finding]:
    """What was found now and before, each once; what is outstanding is what the last one says."""
    outstanding = any(one.code == OUTSTANDING for one in verdict.findings)
    now = [one for one in verdict.findings if not (retrained and one.code == OUTSTANDING)]
    before = [one for one in above if retrained or not (outstanding and one.code == OUTSTANDING)]
    yield from dict.fromkeys((*now, *before))


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
        entry, content = known(folder)
        held = board.verdict(entry.task, folder.name)
    except InputError:
        return False
    return held is not None and held.entry == content
