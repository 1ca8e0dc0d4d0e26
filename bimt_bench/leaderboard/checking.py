"""Level `checked`: what can be seen of an entry without asking its networks anything.

Reading has refused already what is no entry: files, schema, digests, seeds, shapes. Here it is
whether weights, curves, metrics and cost can be what they are said to be.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping

import numpy as np

from bimt_bench.ground import closest
from bimt_bench.leaderboard.entry import MemberRecord
from bimt_bench.leaderboard.operations import operations
from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.verdict import Finding, fault, flag, note
from bimt_bench.spec import METRICS, TaskSpec

LARGEST = 1e6
"""Of a weight: no network that works has one that is larger."""
_OPERATIONS = 1e-6


def checked(submission: Submission) -> list[Finding]:
    """What is found; the entry is `checked` where nothing of it is a fault."""
    return [
        *_metrics(submission),
        *_cost(submission),
        *(f for one in submission.members for f in _curve(submission, one)),
        *_weights(submission),
    ]


def version_of(metric: str) -> int:
    """The version of a metric that ships; its numbers are comparable within one."""
    return METRICS.get_kind(metric).version


def shipped_metrics() -> list[str]:
    """The metrics that ship: no other ones are claimed or measured here."""
    return [name for name in METRICS if METRICS.source_of(name).built_in]


def logged_steps(task: TaskSpec) -> list[int]:
    """The steps at which training evaluates; `task` as members are trained on it."""
    training = task.training
    return sorted({*range(0, training.steps, training.log_every), training.steps - 1})


def first_tenth(task: TaskSpec) -> int:
    """The last step of the first tenth of a schedule at which training evaluates, after step 0."""
    logged = logged_steps(task)[1:] or [0]
    return max([step for step in logged if step <= task.training.steps // 10], default=logged[0])


# ------------------------------------------------------------------------------ parts


def _metrics(submission: Submission) -> Iterator[Finding]:
    claimed = submission.entry.metrics
    for name, version in claimed.items():
        here = version_of(name)
        if version > here:
            told = f"metrics.{name}: version {version} given; the newest here is {here}"
            yield fault("checked", "metric_version", told)
        if version < here:
            told = f"metrics.{name}: claimed in version {version}, measured here in {here}"
            yield note("checked", "metric_dated", told)
    if "performance" not in claimed:
        yield fault("checked", "metric_missing", "metrics: performance is not claimed")
    for one in submission.members:
        missing = sorted(claimed.keys() - one.metrics.keys())
        if one.status == "ok" and missing:
            told = f"metrics.{missing[0]}: the entry names it, but the member has none"
            yield fault("checked", "metric_missing", told, one.member)


def _cost(submission: Submission) -> Iterator[Finding]:
    claimed = submission.entry.cost.operations
    found = operations(
        submission.trained,
        submission.data,
        submission.architecture,
        members=submission.entry.members,
    )
    if not math.isclose(found, claimed, rel_tol=_OPERATIONS):
        yield fault(
            "checked", "operations", f"cost.operations: {claimed:g} given; counted here {found:g}"
        )
    seconds = sum(one.seconds for one in submission.members)
    if submission.entry.cost.seconds < 0.99 * seconds:
        told = f"cost.seconds: {submission.entry.cost.seconds:g} given; its members say {seconds:g}"
        yield fault("checked", "seconds", told)


def _curve(submission: Submission, one: MemberRecord) -> Iterator[Finding]:
    """Whether a curve has points where training evaluates, from the start to the end."""
    if not submission.entry.retrainable:
        return
    task, steps = submission.trained, [point.step for point in one.curve]
    logged = logged_steps(task)
    others = sorted(set(steps) - set(logged))
    if others:
        near = closest(str(others[0]), [str(step) for step in logged])
        told = f"curve: step {others[0]} given, at which training does not evaluate{near}"
        yield fault("checked", "curve_steps", told, one.member)
    early = [step for step in steps if 0 < step <= first_tenth(task)]
    if one.status == "ok" and (not steps or steps[-1] != logged[-1] or not early):
        told = (
            f"curve: must reach from the first tenth (step {first_tenth(task)}) to the last step, "
            f"{logged[-1]}"
        )
        yield fault("checked", "curve_steps", told, one.member)
    if one.status != "ok" and steps and steps[-1] == task.training.steps - 1:
        last = one.curve[-1].train_loss
        if last is not None and last < 1e6:
            told = "status: a member that diverged has a curve to the end that is sound"
            yield fault("checked", "not_diverged", told, one.member)
    if one.status == "ok" and any(None in (p.train_loss, p.test_loss) for p in one.curve):
        yield fault(
            "checked", "curve_not_finite", "curve: a member that is ok has losses", one.member
        )


def _weights(submission: Submission) -> Iterator[Finding]:
    if submission.weights is None:
        return
    known: dict[str, str] = {}
    for one in submission.members:
        arrays = submission.weights.get(one.member)
        if arrays is None:
            continue
        yield from (fault("checked", "weights", told, one.member) for told in _array_faults(arrays))
        told = _sum(arrays)
        if told in known:
            words = f"weights: those of member {known[told]} to the bit"
            yield from _twice(submission, known[told], one, words)
        known.setdefault(told, one.member)


def _twice(submission: Submission, first: str, one: MemberRecord, words: str) -> Iterator[Finding]:
    """Equal weights of one seed may come of settings that do nothing; of two seeds they cannot."""
    seed = next(other.seed for other in submission.members if other.member == first)
    same = seed == one.seed
    yield (flag if same else fault)("checked", "weights_twice", words, one.member)


def _array_faults(arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
    for name, one in arrays.items():
        if name.startswith("labels."):
            if not np.array_equal(np.sort(one), np.arange(len(one))):
                yield f"weights.{name}: is no permutation of 0 to {len(one) - 1}"
        elif not np.isfinite(one).all():
            yield f"weights.{name}: holds what is no finite number"
        elif np.abs(one).max(initial=0.0) >= LARGEST:
            largest = float(np.abs(one).max())
            yield f"weights.{name}: {largest:g} given; must be below {LARGEST:g} in size"


def _sum(arrays: Mapping[str, np.ndarray]) -> str:
    held = hashlib.sha256()
    for name in sorted(arrays):
        held.update(name.encode())
        held.update(np.ascontiguousarray(arrays[name]).tobytes())
    return held.hexdigest()
