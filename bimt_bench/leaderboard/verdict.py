"""A verdict: what we found when we measured and trained an entry again, and by what machine.

    <board>/verdicts/<task>/<name>.json

A submission may not touch it: it is written where an entry is verified. Ranks and pages are made
of the numbers in it, never of those that an entry claims.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from bimt_bench.leaderboard.entry import DialValue, Digest, Finite, Published, Sha256
from bimt_bench.spec import Prose, Title

FORMAT = 1
LEVELS = ("none", "checked", "rescored", "replayed", "retrained")
Level = Literal["none", "checked", "rescored", "replayed", "retrained"]
Weight = Literal["fault", "flag", "note"]
OUTSTANDING = "outstanding"
"""Code of the note that some members are still to be trained again."""
BEYOND = ("beyond_time", "beyond_memory")
"""Codes of faults that say nothing against an entry: verifying it took more than it might."""


class Finding(Published):
    """One thing that was found; a fault stops at its level, a flag is shown, a note explains."""

    level: Level
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    weight: Weight
    told: Prose
    member: Digest | None = None

    @property
    def ran_out(self) -> bool:
        """Whether it says no more than that verifying ran past a limit."""
        return self.code in BEYOND


def fault(level: Level, code: str, told: str, member: str | None = None) -> Finding:
    """What keeps an entry from a level."""
    return Finding(level=level, code=code, weight="fault", told=told, member=member)


def flag(level: Level, code: str, told: str, member: str | None = None) -> Finding:
    """What looks wrong and keeps it from nothing; it is shown."""
    return Finding(level=level, code=code, weight="flag", told=told, member=member)


def note(level: Level, code: str, told: str, member: str | None = None) -> Finding:
    """What explains the verdict."""
    return Finding(level=level, code=code, weight="note", told=told, member=member)


class Draw(Published):
    """Members that were drawn to be replayed or trained again, and how it went.

    entropy: what the operating system gave, as hex digits; the draw follows from it.
    """

    level: Level
    entropy: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    members: tuple[Digest, ...]
    passed: tuple[Digest, ...]
    by: Literal["bits", "bands", "curve"] = Field(description="what told that it is the same run")
    when: datetime


class ScoredMember(Published):
    """A member as we measured it; metrics are None where they are undefined, or it was lost."""

    member: Digest
    configuration: Digest
    dial_value: DialValue | None
    seed: int
    status: Literal["ok", "diverged"]
    metrics: dict[str, Finite | None]


class Sketch(Published):
    """Some answers of a member, enough to see that another one does not answer alike.

    spreads: how far each of those outputs varies. of: how many answers it has in all.
    """

    answers: tuple[Finite, ...]
    spreads: tuple[Finite, ...]
    of: Annotated[int, Field(ge=1)]


class Machine(Published):
    """Where it was verified, and with what."""

    processor: Title
    cpu_features: Title
    kernels: dict[Title, Title]
    libraries: dict[Title, Title]
    python: Title
    bimt_bench: Title
    scoring_digest: Digest


class Verdict(Published):
    """The highest level that an entry reached, why it got no further, and our own numbers."""

    format: Literal[1]
    task: str
    task_digest: Digest
    name: str
    entry: Sha256 = Field(description="of entry.json, members.jsonl and the sum of the weights")
    level: Level
    findings: tuple[Finding, ...] = ()
    draws: tuple[Draw, ...] = Field(default=(), description="all there were, failed ones too")
    members: tuple[ScoredMember, ...] = ()
    fresh: tuple[ScoredMember, ...] = Field(
        default=(), description="seeds that the entry does not have, on its best dial values"
    )
    sketches: dict[Digest, Sketch] = Field(
        default_factory=dict, description="of members that were not lost"
    )
    trivial_performance: Finite | None = None
    operations: Finite | None = None
    metrics: dict[str, int] = Field(default_factory=dict, description="each with its version")
    machine: Machine | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    when: datetime

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What keeps the entry from the next level."""
        return tuple(one for one in self.findings if one.weight == "fault")

    @property
    def against(self) -> tuple[Finding, ...]:
        """The faults that speak against the entry: not that verifying it ran past a limit."""
        return tuple(one for one in self.faults if not one.ran_out)

    @property
    def flags(self) -> tuple[Finding, ...]:
        """What a table shows beside a badge: flags, and that verifying ran past a limit."""
        return tuple(one for one in self.findings if one.weight == "flag" or one.ran_out)
