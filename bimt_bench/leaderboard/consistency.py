"""Whether the parts of an entry agree with each other, with the task and with the code here."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from bimt_bench.ground import InputError, Kinds, closest, fitting
from bimt_bench.leaderboard.entry import Entry, MemberRecord, folder_name
from bimt_bench.leaderboard.weights_file import MOST_BYTES, MOST_REMOTE
from bimt_bench.recipes import resolve
from bimt_bench.spec import METRICS, MODELS, RECIPES, TaskSpec, kinds_in

_NO_SETTINGS = ("recipe", "steps")


def entry_faults(entry: Entry, task: TaskSpec, folder: Path) -> Iterator[str]:
    """What in entry.json does not agree with its place, the task, or what ships with bimt_bench."""
    place = folder.resolve()
    named = (folder_name(entry.task), entry.name)
    if (place.parent.name, place.name) != named:
        yield f"name: it lies in '{place.parent.name}/{place.name}', not in '{'/'.join(named)}'"
    used = [*kinds_in(task), (MODELS, entry.model.kind)]
    yield from foreign_kinds([*used, (RECIPES, entry.recipe)] if entry.retrainable else used)
    for name in entry.metrics:
        if name not in METRICS or not METRICS.source_of(name).built_in:
            yield f"metrics.{fitting(name)}: is no metric that ships{closest(name, METRICS)}"
    try:
        yield from _weights(entry, entry.trained_on(task).training.dtype)
    except InputError as error:
        yield str(error)
    for name in (*_NO_SETTINGS, entry.dial):
        if name in entry.settings:
            yield f"settings.{name}: stands elsewhere in the entry; leave it out here"
    yield from _recipe(entry, task)


def member_faults(entry: Entry, task: TaskSpec, members: Sequence[MemberRecord]) -> Iterator[str]:
    """What in members.jsonl is missing, double, or not as the entry says."""
    wanted = set(product(entry.grid or (None,), range(entry.seeds)))
    held = Counter((one.dial_value, one.seed) for one in members)
    for value, seed in sorted(wanted - held.keys(), key=str):
        yield f"there is no member of {_words(entry, value, seed)}; no seed may be left out"
    for value, seed in sorted(held.keys() - wanted, key=str):
        yield f"a member of {_words(entry, value, seed)} is not in the grid or among the seeds"
    for (value, seed), count in held.items():
        if count > 1:
            yield f"there are {count} members of {_words(entry, value, seed)}"
    for digest, count in Counter(one.member for one in members).items():
        if count > 1:
            yield f"member {digest} stands there {count} times"
    for one in members:
        yield from (f"member {one.member}: {fault}" for fault in _record_faults(entry, one))
    if entry.retrainable:
        yield from _digests(entry, task, members)


# ------------------------------------------------------------------------- the entry


def foreign_kinds(used: Iterable[tuple[Kinds[Any], str]]) -> Iterator[str]:
    """Kinds that are unknown or do not ship: plug-ins are never loaded here."""
    for kinds, name in used:
        if name not in kinds:
            yield f"unknown {kinds.word} '{fitting(name)}'{closest(name, kinds)}"
        elif not kinds.source_of(name).built_in:
            yield f"{kinds.word} '{name}' is a plug-in's; only what ships can be entered"


def _recipe(entry: Entry, task: TaskSpec) -> Iterator[str]:
    ships = entry.recipe in RECIPES and RECIPES.source_of(entry.recipe).built_in
    if entry.retrainable:
        yield from _retrainable(entry, task)
    elif ships:
        yield (
            f"recipe: '{entry.recipe}' ships with bimt_bench, so its entries are retrainable; "
            "another method takes another name"
        )


def _weights(entry: Entry, trained: str) -> Iterator[str]:
    if entry.weights.dtype not in (trained, "float16"):
        yield (
            f"weights.dtype: {entry.weights.dtype} given; the members were trained in {trained}, "
            f"so {trained} or float16 is allowed"
        )
    most = MOST_BYTES if entry.weights.url is None else MOST_REMOTE
    if entry.weights.size > most:
        yield f"weights.size: {entry.weights.size:,} given; at most {most:,}"


def _retrainable(entry: Entry, task: TaskSpec) -> Iterator[str]:
    if entry.model.identity() != task.model.identity():
        yield "model: is not the task's; an entry with another is not retrainable"
    if entry.recipe not in RECIPES:
        return
    dial = RECIPES[entry.recipe].dial
    if entry.dial != dial:
        yield f"dial: {entry.dial!r} given; that of recipe '{entry.recipe}' is {dial!r}"


# ------------------------------------------------------------------------- members


def _record_faults(entry: Entry, one: MemberRecord) -> Iterator[str]:
    foreign = one.metrics.keys() - entry.metrics.keys()
    if foreign:
        yield f"metrics: {fitting(min(foreign))} is not among those that the entry names"
    steps = [point.step for point in one.curve]
    if any(before >= after for before, after in pairwise(steps)):
        yield "curve: its steps must rise"
    if steps and steps[-1] > entry.steps:
        yield f"curve: step {steps[-1]} given; the members were trained for {entry.steps}"
    if one.status != "ok" and any(value is not None for value in one.metrics.values()):
        yield f"metrics: a member that {one.status} has none"


def _digests(entry: Entry, task: TaskSpec, members: Sequence[MemberRecord]) -> Iterator[str]:
    """Members whose digests do not follow from the entry's settings."""
    for one in members:
        try:
            found = resolve(task, entry.configuration(one.dial_value), one.seed)
        except InputError as error:
            yield str(error)
            return
        if found.source:
            yield f"settings: name {found.source}; only what ships can be entered"
            return
        told = (one.configuration, one.member)
        if told != (found.configuration, found.digest):
            yield (
                f"member {one.member}: its settings and seed give member {found.digest} of "
                f"configuration {found.configuration}"
            )


def _words(entry: Entry, value: float | None, seed: int) -> str:
    return f"seed {seed}" if value is None else f"{entry.dial} {value:g}, seed {seed}"
