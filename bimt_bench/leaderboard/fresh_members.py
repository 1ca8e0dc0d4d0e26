"""Fresh seeds: members that no entry has, beside those that were published."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from bimt_bench.leaderboard import best_values
from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.rescoring import Card, Rescored, cells
from bimt_bench.leaderboard.verdict import Finding, ScoredMember, flag
from bimt_bench.metrics import direction
from bimt_bench.recipes import resolve
from bimt_bench.spec import Member

BEST_VALUES = 3
SHORT = 2.0
"""Standard errors that fresh seeds may lie below the published ones, the median of all axes."""
_TINY = 1e-9


def new_members(submission: Submission, found: Rescored, seeds: Sequence[int]) -> list[Member]:
    """A member for each of these seeds at each of the three best dial values."""
    values = best_values.best(submission, found, BEST_VALUES) if seeds else ()
    entry, task = submission.entry, submission.task
    return [resolve(task, entry.configuration(value), seed) for value in values for seed in seeds]


def scored(member: Member, card: Card, status: str, found: Rescored) -> ScoredMember:
    """A fresh member with the metrics that the published ones have."""
    return ScoredMember(
        member=member.digest,
        configuration=member.configuration,
        dial_value=None if member.dial is None else float(member[member.dial]),
        seed=member.seed,
        status="ok" if status == "ok" else "diverged",
        metrics=cells({name: card[name] for name in found.names if name in card}),
    )


def short_of(
    submission: Submission, found: Rescored, fresh: Sequence[ScoredMember]
) -> Iterator[Finding]:
    """Whether fresh seeds fall short of the published ones: a sign that seeds were chosen for."""
    measure, far = submission.task.performance.kind, []
    for axis in ("performance", submission.task.modularity_axis):
        sign = 1.0 if direction(axis, measure) == "higher" else -1.0
        for configuration in dict.fromkeys(one.configuration for one in fresh):
            own = [one.member for one in submission.members if one.configuration == configuration]
            before = _finite(sign * found.cards[one][axis] for one in own)
            now = [one.metrics[axis] for one in fresh if one.configuration == configuration]
            after = _finite(sign * one for one in now if one is not None)
            if min(len(before), len(after)) > 1:
                error = np.sqrt(before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after))
                far.append((before.mean() - after.mean()) / max(float(error), _TINY))
    if far and (middle := float(np.median(far))) > SHORT:
        told = (
            f"fresh seeds lie {middle:.1f} standard errors below the published ones, the median "
            f"over axes and dial values"
        )
        yield flag("retrained", "fresh_seeds_fall_short", told)


def _finite(values: Iterable[float]) -> np.ndarray:
    held = np.array(list(values), dtype=float)
    return held[np.isfinite(held)]
