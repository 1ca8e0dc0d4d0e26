"""The agenda of a sweep: which pack is next, what came of it, which round follows.

It knows nothing of Ray: whoever computes packs takes them with `take` and hands the outcome
back with `done` or `failed`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import pandas as pd
from pandas.api.types import is_numeric_dtype

from bimt_bench.contents import holds
from bimt_bench.identity import is_scored_by
from bimt_bench.recipes import resolve
from bimt_bench.spec import (
    FINAL,
    PHASE,
    SEARCH,
    SEARCHED_ON,
    Configuration,
    Member,
    of_validation,
    searched_on,
)
from bimt_bench.store import CorruptPack, Store, StoredPack
from bimt_bench.tuning.finals import finals
from bimt_bench.tuning.packing import SweepTask, compose, opening
from bimt_bench.tuning.plan import Pack
from bimt_bench.tuning.proposals import Proposals, Scores


class Listener(Protocol):
    """Hears what happens in a sweep, in the driver's main thread."""

    def pack_taken(self, pack: Pack) -> None:
        """A pack is about to be computed."""
        ...

    def pack_done(self, task: SweepTask, pack: Pack, results: StoredPack, *, found: bool) -> None:
        """A pack's results are in the store; `found` if they were there before this sweep."""
        ...

    def pack_failed(self, task: SweepTask, pack: Pack, reason: str) -> None:
        """A pack could not be computed."""
        ...

    def note(self, line: str) -> None:
        """Something the user should read."""
        ...


@dataclass(frozen=True)
class Validation:
    """What a search does to leave the test data alone.

    held_out: the share of the training data that it looks at; 0 where points are drawn anew, and
    what it trained is a result. finals: how many configurations of each recipe at most are trained
    again where data are held out. directions: 'higher' or 'lower' is better, by objective.
    """

    held_out: float
    finals: int
    directions: tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """How one task is searched: proposals, the metrics they are told, seeds, size of packs.

    `metrics`: what is measured of members, objectives among it. `scoring`: the digest of the
    metrics. `circumstances`: see `packing.compose`. `validation`: how validation data are had, None
    where no result is read before the end.
    """

    task: SweepTask
    proposals: Proposals
    objectives: tuple[str, ...]
    seeds: tuple[int, ...]
    pack_size: int | None
    shuffles: int
    scoring: str
    circumstances: Sequence[Mapping[str, str]]
    metrics: Sequence[str] = ()
    validation: Validation | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of frames that proposals are told."""
        return tuple(map(of_validation, self.objectives)) if self.validation else self.objectives


@dataclass
class _Progress:
    """Where one task's search stands; `scores` by configuration digest, in order of proposal.

    `searched`: what was proposed, by digest. `is_final`: whether the search is over and the
    configurations that it found are trained on all data. `count`: members whose results are in.
    """

    search: Search
    round: list[str] = field(default_factory=list)
    open: dict[str, Pack] = field(default_factory=dict)
    members: dict[str, list[Member]] = field(default_factory=dict)
    scores: dict[str, Scores | None] = field(default_factory=dict)
    frames: list[pd.DataFrame] = field(default_factory=list)
    packs: list[str] = field(default_factory=list)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)
    searched: dict[str, Configuration] = field(default_factory=dict)
    is_final: bool = False
    count: int = 0
    finished: bool = False

    @property
    def held_out(self) -> float:
        """The share of the training data that the round's members do not see."""
        validation = self.search.validation
        return 0.0 if validation is None or self.is_final else validation.held_out

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that are read of the round's frames."""
        return () if self.is_final else self.search.read

    def marked(self) -> dict[str, str]:
        """What is said of the round's members beside what their pack says."""
        validation = self.search.validation
        if validation is None:
            return {}
        phase = SEARCH if self.held_out else FINAL
        return {PHASE: phase, SEARCHED_ON: searched_on(validation.held_out)}

    def finals(self) -> list[Configuration]:
        """What the search found, to be trained on all data; nothing where it was already."""
        validation = self.search.validation
        if validation is None or not validation.held_out or self.is_final:
            return []
        return finals(
            self.searched,
            self.scores,
            directions=validation.directions,
            most=validation.finals,
        )


class Agenda:
    """Packs of all tasks of a sweep, each task's rounds one after the other.

    A small one opens a long sweep, then the dearest comes first.
    """

    def __init__(self, searches: Sequence[Search], *, store: Store, listener: Listener) -> None:
        self._tasks = {search.task.spec.name: _Progress(search) for search in searches}
        self._store = store
        self._listener = listener
        self._waiting: list[Pack] = []
        self._is_opened = False
        self.failures: dict[str, str] = {}
        self.stopped: str | None = None

    def take(self) -> Pack | None:
        """The next pack to compute; None if there is none now (see `finished`)."""
        if not self.has_work():
            return None
        first = max(self._waiting, key=lambda pack: (pack.opens, pack.expected_seconds))
        self._waiting.remove(first)
        self._listener.pack_taken(first)
        return first

    def has_work(self) -> bool:
        """Whether a pack can be taken now; tells and opens the rounds that are due."""
        if self.stopped is not None:
            return False
        for progress in self._tasks.values():
            self._advance(progress)
        return bool(self._waiting)

    def done(self, pack: Pack) -> None:
        """The pack's results are in the store; a corrupt file counts as failure."""
        progress = self._tasks[pack.task]
        try:
            results = self._read(progress, pack, pack.digest)
        except CorruptPack as error:
            self.failed(pack, str(error))
            return
        self._record(progress, pack, results, found=False)

    def stop(self, reason: str) -> None:
        """Nothing more can be kept: no pack is handed out, and what comes of others is lost."""
        self.stopped = self.stopped or reason
        self._waiting.clear()

    def failed(self, pack: Pack, reason: str) -> None:
        """The pack was given up; its configurations have no score."""
        if self.stopped is not None:
            return
        progress = self._tasks[pack.task]
        del progress.open[pack.digest]
        self.failures[pack.digest] = reason
        self._listener.pack_failed(progress.search.task, pack, reason)

    @property
    def finished(self) -> bool:
        """Whether every pack of every round was taken and handed back, or the sweep was stopped."""
        return self.stopped is not None or (
            not self._waiting and all(p.finished for p in self._tasks.values())
        )

    @property
    def waiting(self) -> tuple[Pack, ...]:
        """The packs of open rounds that nobody has taken."""
        return tuple(self._waiting)

    def ended(self) -> dict[str, tuple[list[str], list[str]]]:
        """Of tasks of which all is in, by name: digests of packs, and of members in order."""
        return {
            name: ([*progress.packs], _digests(progress))
            for name, progress in self._tasks.items()
            if progress.finished and len(_digests(progress)) == progress.count
        }

    def packs(self) -> list[str]:
        """Digests of the packs whose results are in, task by task."""
        return [digest for progress in self._tasks.values() for digest in progress.packs]

    def marks(self) -> dict[str, dict[str, str]]:
        """What is said of the members of a pack beside what it says itself, by its digest."""
        return {digest: one for p in self._tasks.values() for digest, one in p.marks.items()}

    def members(self) -> list[str]:
        """Digests of all members in canonical order: task, proposal, seed."""
        return [digest for progress in self._tasks.values() for digest in _digests(progress)]

    def _advance(self, progress: _Progress) -> None:
        while not progress.finished and not progress.open:
            if progress.round:
                self._tell(progress)
            asked = [] if progress.is_final else progress.search.proposals.ask()
            if not asked and (asked := self._finals(progress)):
                progress.is_final = True
            if asked:
                self._open_round(progress, asked)
            else:
                progress.finished = True

    def _finals(self, progress: _Progress) -> list[Configuration]:
        """What is trained on all data now that the search is over."""
        found = progress.finals()
        if progress.held_out and not found:
            self._listener.note(
                f"{progress.search.task.spec.name}: no configuration was measured in the search, "
                "so that none is trained on all data"
            )
        return found

    def _open_round(self, progress: _Progress, asked: Sequence[Configuration]) -> None:
        search = progress.search
        is_first = not progress.searched
        new: list[list[Member]] = []
        for configuration in asked:
            members = [
                resolve(search.task.spec, configuration, seed, held_out=progress.held_out)
                for seed in search.seeds
            ]
            digest = members[0].configuration
            progress.round.append(digest)
            progress.searched.setdefault(digest, configuration)
            if digest not in progress.members:
                progress.members[digest] = members
                new.append(members)
        packs = compose(
            search.task,
            new,
            size=search.pack_size,
            circumstances=search.circumstances,
            validation=search.objectives if search.validation and progress.read else (),
        )
        if is_first:
            packs = self._opened(search, packs)
        progress.open.update({pack.digest: pack for pack in packs})
        for pack in packs:
            self._find_or_queue(progress, pack)

    def _opened(self, search: Search, packs: list[Pack]) -> list[Pack]:
        """A task's first packs, the first of them in two if it opens the sweep.

        Or if it was in two before, in a sweep that had other tasks; not if it was whole.
        """
        parts = opening(search.task, packs, circumstances=search.circumstances)
        if not parts or self._has(packs[0]):
            return packs
        if self._is_opened and not any(map(self._has, parts)):
            return packs
        self._is_opened = True
        return [*parts, *packs[1:]]

    def _has(self, pack: Pack) -> bool:
        return any(map(self._store.has, (pack.digest, *pack.others)))

    def _find_or_queue(self, progress: _Progress, pack: Pack) -> None:
        for digest in filter(self._store.has, (pack.digest, *pack.others)):
            try:
                results = self._read(progress, pack, digest)
            except CorruptPack as error:
                self._listener.note(f"{error}; computing it again")
                continue
            del progress.open[pack.digest]
            pack = progress.open[digest] = replace(pack, digest=digest)
            if _is_scored(results.frame, progress):
                self._record(progress, pack, results, found=True)
                return
            self._listener.note(
                f"{pack.task}: pack {digest} was scored by other metrics or with other shuffles, "
                "or lacks some that are asked for; its networks are scored again, not trained"
            )
            break
        self._waiting.append(pack)

    def _read(self, progress: _Progress, pack: Pack, digest: str) -> StoredPack:
        """What the store has under a digest, if it is of the pack's members; else CorruptPack."""
        results = self._store.read(digest)
        rows = results.frame
        if not holds(rows, pack.configurations):
            raise CorruptPack(f"pack {digest} holds other members than it should")
        for name in progress.read:
            if name in rows and not is_numeric_dtype(rows[name].dtype):
                raise CorruptPack(f"pack {digest}: column '{name}' holds no numbers")
        return results

    def _record(self, progress: _Progress, pack: Pack, results: StoredPack, *, found: bool) -> None:
        del progress.open[pack.digest]
        progress.packs.append(pack.digest)
        progress.count += len(pack.members)
        if progress.read:
            columns = ["configuration", "status", *progress.read]
            progress.frames.append(results.frame[columns])
        if marks := progress.marked():
            progress.marks[pack.digest] = marks
            results = replace(results, frame=results.frame.assign(**marks))
        self._listener.pack_done(progress.search.task, pack, results, found=found)

    def _tell(self, progress: _Progress) -> None:
        search = progress.search
        if progress.read:
            progress.scores.update(
                seed_means(progress.frames, objectives=progress.read, seeds=len(search.seeds))
            )
            progress.frames.clear()
        if not progress.is_final:
            search.proposals.tell([progress.scores.get(digest) for digest in progress.round])
        progress.round.clear()


def _digests(progress: _Progress) -> list[str]:
    """The members of a task in canonical order: proposal, seed."""
    return [member.digest for members in progress.members.values() for member in members]


def _is_scored(frame: pd.DataFrame, progress: _Progress) -> bool:
    """Whether a stored frame holds what this sweep's metrics would say of its networks."""
    search = progress.search
    return {*progress.read, *search.metrics} <= {*frame} and is_scored_by(
        frame, search.scoring, search.shuffles
    )


def seed_means(
    frames: Sequence[pd.DataFrame], *, objectives: Sequence[str], seeds: int
) -> Mapping[str, Scores | None]:
    """Mean of each objective over a configuration's seeds, by configuration digest.

    None where a seed is missing, has diverged, or was not measured: a mean over an incomplete
    set of seeds would not compare with the others.
    """
    if not frames:
        return {}
    scores: dict[str, Scores | None] = {}
    for digest, rows in pd.concat(frames).groupby("configuration"):
        values = rows[list(objectives)].astype(float)
        whole = (
            len(rows) == seeds
            and (rows["status"] == "ok").all()
            and bool(values.notna().to_numpy().all())
        )
        # Sorted before the mean: packs finish in any order, and a sum depends on it.
        means = tuple(float(values[name].sort_values().mean()) for name in objectives)
        scores[str(digest)] = means if whole else None
    return scores
