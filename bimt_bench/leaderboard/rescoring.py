"""Level `rescored`: every metric is measured again from the weights; ranks are made of these.

Claims must agree within 1e-6 + 1e-4 of the value, which is what other machines, packs and threads
were seen to change, and more: a metric of drawn networks within four of its own errors.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bimt_bench.engine import Population
from bimt_bench.leaderboard.checking import shipped_metrics, version_of
from bimt_bench.leaderboard.copies import Gathering, answers_of, copies, sizes
from bimt_bench.leaderboard.entry import SHUFFLES, MemberRecord
from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.suspicion import Signs, joined, signs, suspicions
from bimt_bench.leaderboard.verdict import Finding, ScoredMember, fault
from bimt_bench.metrics import Scored, measured
from bimt_bench.packs import trivial_performance
from bimt_bench.spec import METRICS

ABSOLUTE, RELATIVE = 1e-6, 1e-4
ERRORS = 4.0
_TOGETHER = 16
_ERROR = "_error"
_NAMED = 10


Card = Mapping[str, float]
"""The metrics of a member by name, NaN where one is undefined or the member was lost."""


@dataclass(frozen=True, eq=False)
class Rescored:
    """The members of an entry as we measured them.

    names: of what was measured. cards: of every member, by digest. gathering: those that were not
    lost, to be held against others.
    """

    names: tuple[str, ...]
    cards: Mapping[str, Card]
    gathering: Gathering
    signs: Signs
    trivial: float

    def members(self, records: Sequence[MemberRecord]) -> tuple[ScoredMember, ...]:
        """The same as a verdict has them."""
        return tuple(
            ScoredMember(
                member=one.member,
                configuration=one.configuration,
                dial_value=one.dial_value,
                seed=one.seed,
                status=one.status,
                metrics=cells(self.cards[one.member]),
            )
            for one in records
        )


def names_of(submission: Submission, *, axes_only: bool = False) -> list[str]:
    """The metrics to measure: all that ship; of weights in float16 no more than are claimed.

    axes_only: performance, the task's axis and their errors.
    """
    shipped = shipped_metrics()
    axes = {"performance", submission.task.modularity_axis}
    axes |= {name for name in shipped if any(error_of(axis) == name for axis in axes)}
    if axes_only:
        return [name for name in shipped if name in axes]
    if submission.entry.weights.dtype == "float16":
        return [name for name in shipped if name in axes | submission.entry.metrics.keys()]
    return shipped


def rescore(submission: Submission, names: Sequence[str]) -> Rescored:
    """These metrics of all members, and what the checks for tricks and copies go by."""
    lost = dict.fromkeys(names, math.nan)
    cards: dict[str, Card] = {one.member: lost for one in submission.members}
    found, answers = [], []
    for records in _parts(submission):
        scored = scored_of(submission, records)
        rows = measured(scored, names)[0].to_numpy()
        for one, row in zip(records, rows, strict=True):
            cards[one.member] = dict(zip(names, row.tolist(), strict=True))
        found.append(signs(scored))
        answers.append(answers_of(scored))
    return Rescored(
        names=tuple(names),
        cards=cards,
        gathering=_gathering(submission, answers),
        signs=joined(found),
        trivial=trivial_performance(submission.task, submission.data),
    )


def findings(
    submission: Submission, found: Rescored, others: Iterable[Gathering] = ()
) -> list[Finding]:
    """What is found; the entry is `rescored` where nothing of it is a fault."""
    return [
        *_claims(submission, found),
        *_undefined(submission, found),
        *suspicions(found.gathering.members, found.signs),
        *copies(found.gathering, others),
    ]


def gathered(submission: Submission) -> Gathering:
    """The members of another entry, to hold an entry against."""
    parts = _parts(submission)
    return _gathering(submission, [answers_of(scored_of(submission, part)) for part in parts])


def scored_of(submission: Submission, records: Sequence[MemberRecord]) -> Scored:
    """Some members, ready to be measured: null models draw by their seeds."""
    population = Population.of(
        submission.architecture,
        [submission.arrays(one.member) for one in records],
        [submission.geometry(one) for one in records],
    )
    seeds = tuple(one.seed for one in records)
    return Scored(submission.trained, submission.data, population, seeds, SHUFFLES)


def cells(card: Card) -> dict[str, float | None]:
    """A card with None for what is undefined."""
    return {name: value if math.isfinite(value) else None for name, value in card.items()}


def error_of(name: str) -> str | None:
    """The metric that says how much another varies by what was drawn for it, if there is one."""
    parts = name.split("_")
    likely = ("_".join(parts[:count]) + _ERROR for count in range(len(parts), 0, -1))
    return next((one for one in likely if one in METRICS and one != name), None)


def _parts(submission: Submission) -> list[list[MemberRecord]]:
    """The members that were not lost, so many at a time that memory stays bounded."""
    ok = [one for one in submission.members if one.status == "ok"]
    return [ok[begin : begin + _TOGETHER] for begin in range(0, len(ok), _TOGETHER)]


def _gathering(submission: Submission, answers: Sequence[np.ndarray]) -> Gathering:
    ok = [one for part in _parts(submission) for one in part]
    return Gathering(
        entry=submission.entry.name,
        members=tuple(one.member for one in ok),
        seeds=tuple(one.seed for one in ok),
        answers=np.concatenate(answers) if answers else np.zeros((0, 1, 1)),
        sizes=tuple(sizes(submission.arrays(one.member)) for one in ok),
    )


# ------------------------------------------------------------------------------ claims


def _claims(submission: Submission, found: Rescored) -> Iterator[Finding]:
    """Claimed metrics that are not what we measure, a line a metric."""
    wrong: dict[str, list[MemberRecord]] = {}
    for name, version in submission.entry.metrics.items():
        if name in found.names and version == version_of(name):
            members = [one for one in submission.members if _differs(one, name, found)]
            wrong |= {name: members} if members else {}
    for name, members in list(wrong.items())[:_NAMED]:
        first = members[0]
        ours = cells(found.cards[first.member])[name]
        told = (
            f"metrics.{name}: of {len(members)} members another value; "
            f"{first.metrics.get(name)} claimed, {ours} measured"
        )
        yield fault("rescored", "metric_differs", told, first.member)
    if len(wrong) > _NAMED:
        yield fault("rescored", "metric_differs", f"and {len(wrong) - _NAMED} metrics more")


def _differs(one: MemberRecord, name: str, found: Rescored) -> bool:
    if one.status != "ok":
        return False
    card = found.cards[one.member]
    ours, claimed = card[name], one.metrics.get(name)
    if claimed is None or not math.isfinite(ours):
        return not (claimed is None and not math.isfinite(ours))
    return abs(ours - claimed) > tolerance(name, card)


def tolerance(name: str, card: Card) -> float:
    """How far a claim may lie from what we measure."""
    error = error_of(name)
    drawn = card.get(error, 0.0) if error is not None else 0.0
    return ABSOLUTE + RELATIVE * abs(card[name]) + ERRORS * (drawn if math.isfinite(drawn) else 0.0)


def _undefined(submission: Submission, found: Rescored) -> Iterator[Finding]:
    """Members that are said to be well, but whose performance is no number."""
    for one in submission.members:
        if one.status == "ok" and not math.isfinite(found.cards[one.member]["performance"]):
            yield fault("rescored", "not_finite", "answers what is no finite number", one.member)
