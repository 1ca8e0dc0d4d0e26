"""The plan of a sweep: tasks at their swept length, members, and the packs they travel in.

What is in a pack follows from the specification alone, never from the number of workers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bimt_bench.identity import pack_digest
from bimt_bench.spec import Configuration, Member, TaskSpec
from bimt_bench.tuning.proposals import Space

SMALL_WORK = 1_000_000
SMALL_PACK, LARGE_PACK = 64, 16
SECONDS_A_STEP, SECONDS_A_MULTIPLICATION = 2e-5, 6e-11


@dataclass(frozen=True)
class SweepTask:
    """A task as this sweep trains it.

    `spec`: with the swept number of steps. `published_steps`: what the task itself says.
    `space`: what varies. `work`: multiply-adds of one member's forward pass over one batch.
    """

    spec: TaskSpec
    published_steps: int
    space: Space
    work: float

    @property
    def recipes(self) -> tuple[str, ...]:
        """The recipes that it may train, by name."""
        listed = self.space.get("recipe", (Configuration().recipe,))
        return tuple(str(name) for name in listed)

    @property
    def shortened(self) -> bool:
        """Whether the sweep trains fewer steps than the task publishes."""
        return self.spec.training.steps < self.published_steps

    def expected_seconds(self, members: int) -> float:
        """Rough core-seconds for so many members; used for order and time left, not results."""
        a_step = SECONDS_A_STEP + SECONDS_A_MULTIPLICATION * self.work
        return members * self.spec.training.steps * a_step


@dataclass(frozen=True)
class Pack:
    """Members of one task trained as one population, addressed by the digest of all of it.

    `others`: its addresses where it was trained in other circumstances that this sweep allows.
    """

    digest: str
    task: str
    members: tuple[Member, ...] = field(repr=False)
    expected_seconds: float = field(repr=False, compare=False)
    others: tuple[str, ...] = field(default=(), repr=False)


def split(
    configurations: Sequence[Sequence[Member]], *, size: int | None, work: float
) -> list[tuple[Member, ...]]:
    """Members of each pack; `configurations` holds the members (seeds) of each configuration.

    `size` bounds a pack. Without it a pack has up to 64 members where one step of a member takes
    less than a million multiply-adds, up to 16 otherwise, and there are at least two packs where
    there are two configurations. A configuration's seeds stay together unless there are more of
    them than fit one pack. Configurations are dealt out in turn, so that dear recipes spread.
    """
    if not configurations:
        return []
    bound = size or (SMALL_PACK if work < SMALL_WORK else LARGE_PACK)
    seeds = max(len(members) for members in configurations)
    if seeds > bound:
        everyone = [member for members in configurations for member in members]
        parts = math.ceil(len(everyone) / bound)
        return [tuple(everyone[i::parts]) for i in range(parts)]
    parts = math.ceil(len(configurations) / (bound // seeds))
    if size is None:
        parts = max(parts, min(2, len(configurations)))
    return [
        tuple(member for members in configurations[i::parts] for member in members)
        for i in range(parts)
    ]


def compose(
    task: SweepTask,
    configurations: Sequence[Sequence[Member]],
    *,
    size: int | None,
    circumstances: Sequence[Mapping[str, str]],
) -> list[Pack]:
    """The packs of these configurations, in a fixed order.

    `circumstances`: those of now, then others whose packs are as good.
    """
    found: list[Pack] = []
    for members in split(configurations, size=size, work=task.work):
        now, *others = (pack_digest(task.spec, members, circumstances=c) for c in circumstances)
        seconds = task.expected_seconds(len(members))
        found.append(Pack(now, task.spec.name, members, seconds, tuple(others)))
    return found
