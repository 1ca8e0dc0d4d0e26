"""Whether a network that was trained again is the published one: to the bit, or by bands.

To the bit where processor, kernels, libraries and code are those of the entry. Elsewhere weights
drift apart, and the median over the scorecard of the difference, in standard deviations over
seeds, tells: the same run stays within 0.2 in 96 cases of 100, another seed in less than one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from bimt_bench.identity import training_digest
from bimt_bench.leaderboard import circumstances
from bimt_bench.leaderboard.drawing_lots import passes
from bimt_bench.leaderboard.entry import MemberRecord
from bimt_bench.leaderboard.reading import Submission
from bimt_bench.leaderboard.rescoring import Rescored
from bimt_bench.leaderboard.verdict import Draw, Finding, fault, note
from bimt_bench.packs import PackResult

SAME_RUN = 0.2
"""The median over metrics of |difference| / standard deviation over seeds."""
_CURVE = 1e-4
_TINY = 1e-9


def why_not_bits(submission: Submission) -> tuple[str, ...]:
    """What differs from where the entry was trained, so that weights cannot be equal to the bit."""
    told, here = submission.entry.environment, circumstances.here()
    digest = training_digest(submission.trained, submission.entry.recipe)
    pairs = {
        "code": (told.training_digest, digest),
        "processor": (told.cpu_features, here.cpu_features),
        "kernels": (told.kernels, here.kernels),
        "libraries": (told.libraries, here.libraries),
        "device": (told.device, "cpu"),
        "weights": (submission.entry.weights.dtype, submission.dtype),
    }
    return tuple(name for name, (before, now) in pairs.items() if before != now)


@dataclass(frozen=True, eq=False)
class Judge:
    """Members trained again, beside those that were published."""

    submission: Submission
    found: Rescored
    pack: PackResult
    why_not_bits: tuple[str, ...]

    def draw(self, members: Sequence[str], entropy: str, when: datetime) -> Draw:
        """Which of the drawn members are the same run."""
        equal = [one for one in members if self._equal_bits(one)]
        by_bits = not self.why_not_bits or len(equal) == len(members)
        passed = equal if by_bits else [one for one in members if self.apart(one) <= SAME_RUN]
        return Draw(
            level="retrained",
            entropy=entropy,
            members=tuple(members),
            passed=tuple(passed),
            by="bits" if by_bits else "bands",
            when=when,
        )

    def draw_lost(self, members: Sequence[str], entropy: str, when: datetime) -> Draw:
        """Which of the members that diverged do so here."""
        return Draw(
            level="retrained",
            entropy=entropy,
            members=tuple(members),
            passed=tuple(one for one in members if self.status(one) != "ok"),
            by="curve",
            when=when,
        )

    def failures(self, draw: Draw) -> Iterator[Finding]:
        """Of each member that is another one; faults where there are too many."""
        say = note if passes(draw) else fault
        for one in draw.members:
            if one not in draw.passed:
                yield say("retrained", "another_network", self._told(draw, one), one)
            elif draw.by == "bits" and (told := self._curve_differs(one)) is not None:
                yield fault("retrained", "another_curve", told, one)

    def not_lost(self, draw: Draw) -> Iterator[Finding]:
        """Of each member that is said to have diverged, and does not."""
        for one in sorted({*draw.members} - {*draw.passed}):
            told = "status: said to have diverged, but it trains to its end here"
            yield fault("retrained", "not_lost", told, one)

    def notes(self, draw: Draw) -> Iterator[Finding]:
        """Why networks are not compared to the bit."""
        if draw.by == "bands":
            told = f"not compared to the bit, as these differ: {', '.join(self.why_not_bits)}"
            yield note("retrained", "not_by_bits", told)

    def apart(self, member: str) -> float:
        """The median over metrics of how far a member lies from itself, in seeds' deviations."""
        if self.status(member) != "ok":
            return math.inf
        card = self.card(member)
        names = [name for name in self.found.names if name in card]
        before = np.array([self.found.cards[member][name] for name in names])
        now = np.array([card[name] for name in names])
        spread = _deviations(self.submission, self.found, self._record(member), names)
        apart = np.abs(now - before)
        apart[np.isnan(before) != np.isnan(now)] = math.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(apart == 0, 0.0, apart / spread)
        told = ratios[~np.isnan(ratios)]
        return float(np.median(told)) if len(told) else math.inf

    def card(self, member: str) -> dict[str, float]:
        """The metrics of a member that was trained again."""
        row = self._rows[member]
        return {
            name: math.nan if row[name] is None else float(row[name])
            for name in self.found.names
            if name in row
        }

    def status(self, member: str) -> str:
        """Whether it diverged."""
        return str(self._rows[member]["status"])

    @cached_property
    def _rows(self) -> dict[str, dict[str, Any]]:
        rows = self.pack.frame.astype(object).to_dict("records")
        return {str(row["member"]): {str(k): v for k, v in row.items()} for row in rows}

    @cached_property
    def _curves(self) -> dict[tuple[str, int], dict[str, Any]]:
        rows = self.pack.curves.to_dict("records")
        return {
            (str(row["member"]), int(row["step"])): {str(k): v for k, v in row.items()}
            for row in rows
        }

    def _told(self, draw: Draw, member: str) -> str:
        if draw.by == "bits":
            return "trained again it has other weights, on the same processor with the same code"
        return (
            f"trained again the median of its metrics is {self.apart(member):.2g} standard "
            f"deviations over seeds away; the same run is at most {SAME_RUN:g}"
        )

    def _equal_bits(self, member: str) -> bool:
        ours, theirs = self.pack.weights[member], self.submission.arrays(member)
        return self.submission.entry.weights.dtype != "float16" and all(
            np.array_equal(ours[name], theirs[name]) for name in ours
        )

    def _curve_differs(self, member: str) -> str | None:
        for point in self._record(member).curve:
            now = self._curves.get((member, point.step), {})
            for name in ("train_loss", "test_loss", "performance", "cost"):
                told, again = getattr(point, name), float(now.get(name, math.nan))
                if told is not None and not abs(again - told) <= _TINY + _CURVE * abs(told):
                    return f"curve: {name} {told:g} at step {point.step}, trained again {again:g}"
        return None

    def _record(self, member: str) -> MemberRecord:
        return next(one for one in self.submission.members if one.member == member)


def _deviations(
    submission: Submission, found: Rescored, record: MemberRecord, names: Sequence[str]
) -> np.ndarray:
    """The standard deviation over the seeds of a member's configuration, of each metric.

    The median of the entry's configurations, where fewer than two of its seeds were measured.
    """
    held: dict[str, list[list[float]]] = {}
    for one in submission.members:
        if one.status == "ok":
            card = found.cards[one.member]
            held.setdefault(one.configuration, []).append([card[name] for name in names])
    with np.errstate(invalid="ignore"):
        spreads = {
            key: np.std(np.array(rows), axis=0, ddof=1)
            for key, rows in held.items()
            if len(rows) > 1
        }
    own = spreads.get(record.configuration, np.full(len(names), math.nan))
    if not spreads:
        return own
    usual = np.array([_median(column) for column in np.stack([*spreads.values()], axis=1)])
    return np.where(np.isnan(own), usual, own)


def _median(values: np.ndarray) -> float:
    held = values[~np.isnan(values)]
    return float(np.median(held)) if len(held) else math.nan
