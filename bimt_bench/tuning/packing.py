"""How the members of a sweep are divided into packs.

What is in a pack follows from the specification alone, never from the number of workers.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bimt_bench.identity import pack_digest
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.spec import Member, TaskSpec
from bimt_bench.tuning.plan import Pack
from bimt_bench.tuning.spaces import RecipeSpace

SMALL_WORK = 1_000_000
SMALL_PACK, LARGE_PACK = 64, 16
SECONDS_A_STEP, SECONDS_A_MULTIPLICATION = 2e-5, 6e-11
# A task of so many packs at least, of which the first takes so long, is opened by a small one: an
# eighth of it, which is there four times as soon and costs the sweep less than a hundredth.
OPENED_PACKS, OPENED_SECONDS, OPENING_PART = 8, 2.0, 8


@dataclass(frozen=True)
class SweepTask:
    """A task of a sweep.

    `spec`: as published. `spaces`: what varies, recipe by recipe. `sample_work`: multiply-adds of
    one member's forward pass over one sample. `samples`: of training, a batch where none is said.
    `members`, `seconds`: how many there are and the core-seconds they are expected to take, exact
    for a grid, the most there can be for Optuna.
    """

    spec: TaskSpec
    spaces: tuple[RecipeSpace, ...]
    sample_work: float
    samples: int
    members: int = 0
    seconds: float = 0.0

    @property
    def recipes(self) -> tuple[str, ...]:
        """The recipes that it may train, by name."""
        return tuple(dict.fromkeys(space.recipe for space in self.spaces))

    def work(self, member: Member) -> float:
        """Multiply-adds of one of the member's forward passes over one batch."""
        return self.sample_work * (member["batch_size"] or self.samples)

    def seconds_of(self, members: Sequence[Member]) -> float:
        """Rough core-seconds of these members; used for order and time left, not results."""
        return sum(
            member["steps"] * (SECONDS_A_STEP + SECONDS_A_MULTIPLICATION * self.work(member))
            for member in members
        )


def split(
    configurations: Sequence[Sequence[Member]], *, size: int | None, work: float, least: int = 2
) -> list[tuple[Member, ...]]:
    """Members of each pack; `configurations` holds the members (seeds) of each configuration.

    `size` bounds a pack. Without it a pack has up to 64 members where one step of a member takes
    less than a million multiply-adds, up to 16 otherwise, and there are at least `least` packs if
    there are as many configurations. A configuration's seeds stay together unless there are more
    of them than fit one pack. Configurations are dealt out in turn, so that dear recipes spread.
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
        parts = max(parts, min(least, len(configurations)))
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
    validation: tuple[str, ...] = (),
) -> list[Pack]:
    """The packs of these configurations, in a fixed order; recipes mix, shared settings do not.

    `circumstances`: those of now, then others whose packs are as good. `validation`: see `Pack`.
    """
    groups: dict[str, list[Sequence[Member]]] = {}
    for members in configurations:
        groups.setdefault(_shared(members[0]), []).append(members)
    least = 2 if len(groups) == 1 else 1
    found: list[Pack] = []
    for group in groups.values():
        parts = split(group, size=size, work=task.work(group[0][0]), least=least)
        found += [_pack(task, members, circumstances, validation) for members in parts]
    return found


def opening(
    task: SweepTask, packs: Sequence[Pack], *, circumstances: Sequence[Mapping[str, str]]
) -> list[Pack]:
    """The first of a task's packs in two, of which the small one is taken before all others.

    Empty where that would be felt in the whole, or where the first pack is of one configuration.
    A configuration's seeds stay together. Of a member's results nothing depends on it.
    """
    if len(packs) < OPENED_PACKS or packs[0].expected_seconds < OPENED_SECONDS:
        return []
    whole = packs[0]
    configurations = list(dict.fromkeys(member.configuration for member in whole.members))
    chosen = set(configurations[: max(1, len(configurations) // OPENING_PART)])
    if len(chosen) == len(configurations):
        return []
    small, rest = (
        _pack(
            task,
            tuple(one for one in whole.members if (one.configuration in chosen) is is_chosen),
            circumstances,
            whole.validation,
        )
        for is_chosen in (True, False)
    )
    return [replace(small, opens=True), rest]


def _pack(
    task: SweepTask,
    members: tuple[Member, ...],
    circumstances: Sequence[Mapping[str, str]],
    validation: tuple[str, ...],
) -> Pack:
    now, *others = (
        pack_digest(task.spec, members, circumstances=c, searched=bool(validation))
        for c in circumstances
    )
    seconds = task.seconds_of(members)
    return Pack(now, task.spec.name, members, seconds, tuple(others), validation)


def _shared(member: Member) -> str:
    """Equal for members that may travel together: the values of their shared settings."""
    known = settings_for(RECIPES[member.recipe]).values()
    return json.dumps({s.name: member[s.name] for s in known if s.traits.shared}, sort_keys=True)
