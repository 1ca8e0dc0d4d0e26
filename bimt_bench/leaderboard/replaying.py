"""Level `replayed`: the first tenth of a member's schedule is trained again, beside its curve.

The same run stays within 1.2e-2 of its test loss on other machines; another seed is 0.025 to 0.47
away, less where the schedule is short. Where processor, kernels, libraries and code are those of
the entry it is the same. What came later is not seen: that is for `retrained`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bimt_bench.engine import Run, start
from bimt_bench.leaderboard.checking import first_tenth
from bimt_bench.leaderboard.entry import MemberRecord
from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.same_run import why_not_bits
from bimt_bench.leaderboard.verdict import Finding, fault

SAME_RUN = 1.2e-2
SAME_HERE = 1e-4
"""Where nothing differs from where the entry was trained: equal, but for how it is written."""
_TINY = 1e-12


@dataclass(frozen=True)
class Replayed:
    """Which members were the same run, and what is found.

    seconds: what a step of one of them took, once training had begun.
    """

    passed: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float = 0.0


def replay(submission: Submission, members: Sequence[str]) -> Replayed:
    """Trains members for the first tenth of their full schedule, all together."""
    records = [one for one in submission.members if one.member in members]
    until = first_tenth(submission.trained)
    curves, seconds = _curves(submission, records, until)
    differing = {*why_not_bits(submission)} - {"weights"}  # rounding them leaves curves as they are
    most = SAME_RUN if differing else SAME_HERE
    findings = []
    for one in records:
        apart = _apart(one, curves[curves["member"] == one.member], until)
        if apart is None or apart > most:
            far = "has no points there" if apart is None else f"is up to {apart:.2g} of it away"
            told = (
                f"curve: up to step {until} the published test loss {far}; the same run "
                f"is at most {most:g} away"
            )
            findings.append(fault("replayed", "another_run", told, one.member))
    failed = {one.member for one in findings}
    passed = tuple(one for one in members if one not in failed)
    return Replayed(passed, tuple(findings), seconds / max(len(records), 1))


def _curves(
    submission: Submission, records: Sequence[MemberRecord], until: int
) -> tuple[pd.DataFrame, float]:
    """The curves up to a step of these members, trained from their seeds; seconds of a step."""
    members = tuple(submission.resolved(one) for one in records)
    task, data = submission.trained, submission.data
    run = Run(task, data, members, start(task, data, members))
    first, began = 0, 0.0
    for _ in run.steps():
        if not first:  # what is loaded or compiled for the first step is no part of the others
            first, began = run.done, time.monotonic()
        if run.done > until:
            break
    seconds = (time.monotonic() - began) / max(run.done - first, 1)
    return run.history.frame(members), seconds


def _apart(one: MemberRecord, again: pd.DataFrame, until: int) -> float | None:
    """How far the published test losses lie from these, as a share; None if none can be told."""
    here = dict(zip(again["step"], again["test_loss"], strict=True))
    pairs = [
        (point.test_loss, here.get(point.step))
        for point in one.curve
        if point.step <= until and point.test_loss is not None
    ]
    if len(pairs) < 2 or any(other is None for _, other in pairs):
        return None
    return max(abs(told - float(now)) / max(abs(told), _TINY) for told, now in pairs if now)
