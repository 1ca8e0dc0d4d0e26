"""An entry read from its folder: whatever lies there, it is read or refused in clear lines.

Nothing of a stranger is run, imported or unpickled. Sizes are bounded before a file is parsed, and
the weights must be exactly what the task's model has.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from bimt_bench import data as task_data
from bimt_bench.ground import InputError, fitting, listed
from bimt_bench.leaderboard import weights_file
from bimt_bench.leaderboard.consistency import entry_faults, foreign_kinds, member_faults
from bimt_bench.leaderboard.entry import (
    ENTRY,
    MEMBERS,
    MOST_MEMBERS,
    WEIGHTS,
    Entry,
    MemberRecord,
    Published,
)
from bimt_bench.leaderboard.outline import check_outline
from bimt_bench.leaderboard.strangers import file_names, parsed, read_file
from bimt_bench.network import Architecture, build, geometry
from bimt_bench.recipes import resolve
from bimt_bench.spec import (
    Configuration,
    GeometrySpec,
    Member,
    TaskSpec,
    catalog,
    fault_lines,
    kinds_in,
)

MOST_ENTRY = 2**16
MOST_RECORDS = 2**22
MOST_LINE = 2**16
Kind = TypeVar("Kind", bound=Published)


@dataclass(frozen=True, eq=False)
class Submission:
    """An entry as its folder holds it, checked for all that needs no training and no scoring.

    task: the published one; where the entry is not retrainable, with the entry's model. trained:
    the same with the training settings that the members share, as metrics are given it. content:
    SHA-256 over entry.json, members.jsonl and the sum of the weights: what a verdict is about.
    weights: arrays by member as they are stored, None where they lie at a URL and were not fetched.
    """

    folder: Path
    entry: Entry
    members: tuple[MemberRecord, ...]
    task: TaskSpec
    trained: TaskSpec
    content: str
    data: task_data.TaskData = field(repr=False)
    architecture: Architecture = field(repr=False)
    weights: Mapping[str, Mapping[str, np.ndarray]] | None = field(repr=False)

    @property
    def dtype(self) -> str:
        """That of the parameters while they were trained."""
        return self.trained.training.dtype

    def arrays(self, member: str) -> dict[str, np.ndarray]:
        """The arrays of a member as `Population.of` takes them; coordinates are derived.

        InputError for one that has none: it was lost, or the weights were not fetched.
        """
        if self.weights is None:
            raise InputError(f"weights: those of '{self.entry.name}' lie at a URL; fetch them")
        if member not in self.weights:
            raise InputError(f"weights: member {member} has none")
        return weights_file.completed(
            self.weights[member], self.geometry(), self.architecture.wiring, dtype=self.dtype
        )

    def geometry(self, record: MemberRecord | None = None) -> GeometrySpec:
        """Where neurons sit, which is the same for all members of an entry."""
        return place_of(self.entry, self.task)

    def configuration(self, record: MemberRecord) -> Configuration:
        """The recipe and settings of a member."""
        return self.entry.configuration(record.dial_value)

    def resolved(self, record: MemberRecord) -> Member:
        """The member whose digest the record has; InputError where an entry is not retrainable."""
        if not self.entry.retrainable:
            raise InputError(f"entry: '{self.entry.name}' is not retrainable")
        return resolve(self.task, self.configuration(record), record.seed)


def read(
    folder: Path,
    *,
    tasks_dir: Path | None = None,
    data_dir: Path | None = None,
    weights: bytes | None = None,
) -> Submission:
    """The entry in a folder. `weights`: what was fetched from its URL, where it has one.

    InputError, a line a fault, for whatever is not an entry of a task that is known here.
    """
    folder = Path(folder)
    files = _files(folder)
    entry = _entry(files[ENTRY])
    task = _task(entry, tasks_dir)
    _refuse(f"{ENTRY}: {fault}" for fault in entry_faults(entry, task, folder))
    members = _members(files[MEMBERS])
    _refuse(f"{MEMBERS}: {fault}" for fault in member_faults(entry, task, members))
    data = task_data.load(task.data, data_dir=data_dir)
    if not entry.retrainable:
        task = task.model_copy(update={"model": entry.model})
        ok = sum(one.status == "ok" for one in members)
        check_outline(entry.model, data, size=entry.weights.size, members=ok)
    architecture = build(task, data)
    place = place_of(entry, task)
    _refuse(f"{ENTRY}: settings.geometry: {fault}" for fault in foreign_kinds(kinds_in(place)))
    geometry.check(place, architecture.wiring)
    _refuse(_misplaced(entry, WEIGHTS in files))
    content = files.get(WEIGHTS, weights)
    arrays = None
    if content is not None:
        _check_sum(entry, content)
        own = weights_file.layout(architecture, entry.weights.dtype)
        wanted = {one.member: own for one in members if one.status == "ok"}
        arrays = weights_file.opened(content, wanted, WEIGHTS)
    digest = content_of(files[ENTRY], files[MEMBERS], entry.weights.sha256)
    return Submission(
        folder=folder,
        entry=entry,
        members=members,
        task=task,
        trained=entry.trained_on(task),
        content=digest,
        data=data,
        architecture=architecture,
        weights=arrays,
    )


def read_entry(folder: Path) -> Entry:
    """What entry.json of a folder says, checked by its schema alone; InputError."""
    return _entry(read_file(folder / ENTRY, most=MOST_ENTRY))


def read_members(folder: Path) -> tuple[MemberRecord, ...]:
    """What members.jsonl of a folder says, checked by its schema alone; InputError."""
    return _members(read_file(folder / MEMBERS, most=MOST_RECORDS))


def known(folder: Path) -> tuple[Entry, str]:
    """What entry.json of a folder says, by its schema alone, and the digest of the entry's content.

    InputError. The weights are not opened: their sum is what the entry says.
    """
    own = read_file(folder / ENTRY, most=MOST_ENTRY)
    entry = _entry(own)
    members = read_file(folder / MEMBERS, most=MOST_RECORDS)
    return entry, content_of(own, members, entry.weights.sha256)


def content_of(entry: bytes, members: bytes, weights: str) -> str:
    """SHA-256 over two files and the sum of the third: a verdict holds for this and no other."""
    sums = [hashlib.sha256(part).hexdigest() for part in (entry, members)]
    return hashlib.sha256("\n".join([*sums, weights]).encode()).hexdigest()


def place_of(entry: Entry, task: TaskSpec) -> GeometrySpec:
    """The geometry that an entry's settings name, else the task's; InputError."""
    given = entry.settings.get("geometry")
    if given is None:
        return task.geometry
    if isinstance(given, str):
        return geometry.named(given)
    try:
        return GeometrySpec.model_validate(given)
    except ValidationError as error:
        lines = fault_lines(error, GeometrySpec, given)
        raise InputError(listed([f"{ENTRY}: settings.geometry.{one}" for one in lines])) from None


# ------------------------------------------------------------------------- files


def _files(folder: Path) -> dict[str, bytes]:
    """The content of the files of an entry, no others being there."""
    limits = {ENTRY: MOST_ENTRY, MEMBERS: MOST_RECORDS, WEIGHTS: weights_file.MOST_BYTES}
    names = file_names(folder)
    others = [f"'{fitting(name)}' does not belong here" for name in names if name not in limits]
    absent = [f"{name}: is missing" for name in (ENTRY, MEMBERS) if name not in names]
    _refuse([*others, *absent])
    return {name: read_file(folder / name, most=limits[name]) for name in names}


def _misplaced(entry: Entry, held: bool) -> Iterator[str]:
    """Weights lie in the folder or at a URL, not at both and not at neither."""
    if entry.weights.url is None and not held:
        yield f"{WEIGHTS}: is missing; {ENTRY} names no URL where it lies"
    if entry.weights.url is not None and held:
        yield f"{WEIGHTS}: lies in the folder, but {ENTRY} says that it lies at a URL"


def _check_sum(entry: Entry, content: bytes) -> None:
    if len(content) != entry.weights.size:
        raise InputError(
            f"{WEIGHTS}: has {len(content):,} bytes; {ENTRY} says {entry.weights.size:,}"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != entry.weights.sha256:
        raise InputError(f"{WEIGHTS}: its SHA-256 is {found}; {ENTRY} says {entry.weights.sha256}")


def _entry(content: bytes) -> Entry:
    return _validated(content, Entry, ENTRY)


def _members(content: bytes) -> tuple[MemberRecord, ...]:
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    if len(lines) > MOST_MEMBERS:
        raise InputError(f"{MEMBERS}: has {len(lines):,} lines; at most {MOST_MEMBERS} members")
    return tuple(_record(line, number) for number, line in enumerate(lines, start=1))


def _record(line: bytes, number: int) -> MemberRecord:
    where = f"{MEMBERS}: line {number}"
    if len(line) > MOST_LINE:
        raise InputError(f"{where}: has {len(line):,} bytes; at most {MOST_LINE:,}")
    return _validated(line, MemberRecord, where)


def _validated(content: bytes, kind: type[Kind], where: str) -> Kind:
    raw = parsed(content, where)
    if not isinstance(raw, dict):
        raise InputError(f"{where}: holds no mapping of fields")
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        _refuse(f"{where}: {line}" for line in fault_lines(error, kind, raw))
        raise InputError(f"{where}: cannot be used") from None


def _task(entry: Entry, tasks_dir: Path | None) -> TaskSpec:
    task = catalog.task(entry.task, tasks_dir)
    told = (entry.task_version, entry.task_digest)
    if told != (task.version, task.digest()):
        raise InputError(
            f"{ENTRY}: task: '{task.name}' of version {told[0]}, digest {told[1]} given; here it "
            f"is version {task.version}, digest {task.digest()}"
        )
    return task


def _refuse(faults: Iterable[str]) -> None:
    """InputError that lists these faults, if there are any."""
    if lines := list(faults):
        raise InputError(listed(lines))
