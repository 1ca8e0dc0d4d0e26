"""Verifying an entry: level by level, from what is cheap to what is dear, to a verdict.

    checked      what can be seen without asking its networks anything
    rescored     every metric measured again; tricks and copies looked for
    replayed     the first tenth of a drawn member's schedule trained again
    retrained    drawn members trained again, and fresh seeds

A fault ends it: the entry keeps the level before. No code of the entry is run, and its numbers
are ours. `bimt-bench leaderboard verify` and this module are one code, here and anywhere.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bimt_bench import data as task_data
from bimt_bench.ground import InputError, __version__
from bimt_bench.identity import scoring_digest
from bimt_bench.leaderboard import checking, circumstances, drawing_lots, fetching, rescoring
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.budget import Budget
from bimt_bench.leaderboard.copies import Gathering, alike, may_be_alike, sketches, twins
from bimt_bench.leaderboard.earlier import carried, history
from bimt_bench.leaderboard.isolation import Limits, Overrun, in_own_process
from bimt_bench.leaderboard.operations import operations
from bimt_bench.leaderboard.reading import Submission, known, read, read_entry
from bimt_bench.leaderboard.replaying import replay
from bimt_bench.leaderboard.rescoring import Rescored
from bimt_bench.leaderboard.retraining import draw_lots, retrain
from bimt_bench.leaderboard.verdict import (
    FORMAT,
    LEVELS,
    Draw,
    Finding,
    Level,
    Machine,
    Verdict,
    fault,
    flag,
    note,
)
from bimt_bench.spec import catalog

_UNREAD = "0"


@dataclass(frozen=True)
class Asked:
    """How far to verify an entry, and with what.

    retrain: members drawn to be trained again; fresh: new seeds. axes_only: performance and the
    task's axis alone are measured. budget: seconds, by which fewer are trained again (`budget.py`).
    """

    up_to: Level = "retrained"
    retrain: int = 3
    fresh: int = 3
    axes_only: bool = False
    budget: Budget = field(default_factory=Budget)
    tasks_dir: Path | None = None
    data_dir: Path | None = None
    limits: Limits = field(default_factory=Limits)

    def reaches(self, level: Level) -> bool:
        """Whether this level is to be tried."""
        return LEVELS.index(level) <= LEVELS.index(self.up_to)


def verify(folder: Path, *, board: Board, asked: Asked | None = None) -> Verdict:
    """The verdict on the entry in a folder, found in a process of its own with limits.

    Nothing is written. An entry that runs past a limit keeps the levels that it had reached, now
    or, once it is measured again, before.
    InputError where there is no such folder, or where this machine lacks what the task needs.
    """
    asked = asked or Asked()
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise InputError(f"entry: there is no folder '{folder}'")
    last, began = None, time.monotonic()
    try:
        for text in in_own_process(_as_texts, (folder, board, asked), asked.limits):
            last = Verdict.model_validate_json(text)
    except Overrun as stop:
        if last is None:
            return _stopped(_unread(folder, [], began), stop, time.monotonic() - began)
        earlier = board.verdict(last.task, last.name) if last.members else None
        stopped = _stopped(last, stop, time.monotonic() - began)
        return carried(stopped, earlier, last.level)
    assert last is not None
    return last


def verified(folder: Path, *, board: Board, asked: Asked | None = None) -> Verdict:
    """The same in this process, without limits."""
    return list(levels(Path(folder).resolve(), board, asked or Asked()))[-1]


def levels(folder: Path, board: Board, asked: Asked) -> Iterator[Verdict]:
    """The verdict after each level that is tried; the last one is what is known of the entry."""
    began = time.monotonic()
    _have_data(folder, asked)
    try:
        submission = read(folder, tasks_dir=asked.tasks_dir, data_dir=asked.data_dir)
        unfetched = None
        if submission.weights is None and asked.reaches("rescored"):
            submission, unfetched = _fetched(submission, asked)
    except InputError as error:
        yield _unread(folder, str(error).splitlines(), began)
        return
    case = _Case(submission, board, asked, began, unfetched)
    for step in (case.check, case.rescore, case.replay, case.retrain):
        going_on = step()
        yield case.verdict()
        if not going_on:
            return


def _as_texts(folder: Path, board: Board, asked: Asked) -> Iterator[str]:
    """The verdicts as text; what the process of an entry runs."""
    import torch

    # as sweeps train; and a second thread would not take denormal numbers as zero
    torch.set_num_threads(1)
    for one in levels(folder, board, asked):
        yield one.model_dump_json()


# ------------------------------------------------------------------------------ one entry


@dataclass(eq=False)
class _Case:
    """An entry on its way through the levels, and what is known of it so far."""

    submission: Submission
    board: Board
    asked: Asked
    began: float
    unfetched: str | None = None
    level: Level = "none"
    facts: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    found: Rescored | None = None
    tried: Level | None = None
    pace: float = 0.0

    def __post_init__(self) -> None:
        entry = self.submission.entry
        self.earlier = self.board.verdict(entry.task, entry.name)
        self.when = datetime.now(UTC)

    # each returns whether to go on

    def check(self) -> bool:
        """Level `checked`."""
        entry = self.submission.entry
        self.facts["operations"] = operations(
            self.submission.trained,
            self.submission.data,
            self.submission.architecture,
            members=entry.members,
        )
        return self._passed("checked", checking.checked(self.submission), then="rescored")

    def rescore(self) -> bool:
        """Level `rescored`."""
        if self.submission.weights is None:
            told = f"no network was measured: {self.unfetched}"
            self.findings.append(flag("rescored", "weights_elsewhere", told))
            return False
        names = rescoring.names_of(self.submission, axes_only=self.asked.axes_only)
        began = time.monotonic()
        self.found = rescoring.rescore(self.submission, names)
        self.pace = (time.monotonic() - began) / max(len(self.found.gathering.members), 1)
        self.facts |= {
            "members": self.found.members(self.submission.members),
            "sketches": sketches(self.found.gathering),
            "trivial_performance": self.found.trivial,
            "metrics": {name: checking.version_of(name) for name in self.found.names},
        }
        pairs = alike(self.found.gathering, self._others())
        self.twins = twins(pairs, self.found.gathering.entry)
        told = rescoring.findings(self.submission, self.found, pairs)
        going_on = self._passed("rescored", told, then="replayed")
        if going_on and not self.submission.entry.retrainable:
            told = "retrainable: false; a method that does not ship is measured, never trained"
            self.findings.append(note("rescored", "not_retrainable", told))
            return False
        return going_on

    def replay(self) -> bool:
        """Level `replayed`."""
        assert self.found is not None
        pool = [one.member for one in self.submission.members if one.status == "ok"]
        entropy = drawing_lots.entropy()
        count = drawing_lots.how_many(1, history(self.board, self.submission), "replayed")
        members = drawing_lots.drawn(pool, count, level="replayed", entropy=entropy)
        found = replay(self.submission, members)
        self.pace += found.seconds * self.submission.entry.steps
        if members:
            self.draws.append(
                Draw(
                    level="replayed",
                    entropy=entropy,
                    members=members,
                    passed=found.passed,
                    by="curve",
                    when=self.when,
                )
            )
        return self._passed("replayed", found.findings, then="retrained")

    def retrain(self) -> bool:
        """Level `retrained`."""
        assert self.found is not None
        lots = draw_lots(
            self.submission,
            self.found,
            entropy=drawing_lots.entropy(),
            count=self.asked.retrain,
            fresh=self.asked.fresh,
            twins=self.twins,
            earlier=history(self.board, self.submission),
        )
        found = retrain(
            self.submission,
            self.found,
            lots,
            when=self.when,
            most=self.asked.budget.members(self.pace, used=time.monotonic() - self.began),
            data_dir=self.asked.data_dir,
            memory_limit=self.asked.limits.memory // 2,
        )
        self.draws += found.draws
        self.facts["fresh"] = found.fresh
        if self.asked.retrain and found.whole:
            return self._passed("retrained", found.findings, then=None)
        self.findings += found.findings
        if not any(one.weight == "fault" for one in found.findings):
            self.tried = self.level
        return False

    def verdict(self) -> Verdict:
        """What is known by now, with what an earlier verdict on the same entry knew further."""
        entry = self.submission.entry
        before = () if self.earlier is None else self.earlier.draws
        facts: dict[str, Any] = {
            "format": FORMAT,
            "task": entry.task,
            "task_digest": entry.task_digest,
            "name": entry.name,
            "entry": self.submission.content,
            "level": self.level,
            "findings": tuple(self.findings),
            "draws": (*before, *self.draws),
            "machine": machine(),
            "seconds": time.monotonic() - self.began,
            "when": self.when,
            **self.facts,
        }
        tried = self.tried or self.asked.up_to
        return carried(Verdict.model_validate(facts), self.earlier, tried)

    # ------------------------------------------------------------------ parts

    def _passed(self, level: Level, findings: Sequence[Finding], then: Level | None) -> bool:
        """Takes up what is found at a level; whether the next one is to be tried."""
        self.findings += findings
        if any(one.weight == "fault" for one in findings):
            return False
        self.level = level
        return then is not None and self.asked.reaches(then)

    def _others(self) -> Iterator[Gathering]:
        """The networks of the task's other entries, as far as they can be read."""
        if self.asked.axes_only:
            return
        own = self.submission.folder.resolve()
        for folder in self.board.entries(self.submission.entry.task):
            if folder.resolve() == own or not self._may_be_alike(folder):
                continue
            try:
                other = read(folder, tasks_dir=self.asked.tasks_dir, data_dir=self.asked.data_dir)
            except InputError:
                continue
            if other.weights is not None:
                yield rescoring.gathered(other)

    def _may_be_alike(self, folder: Path) -> bool:
        """Whether the networks of another entry have to be asked, by what its verdict keeps."""
        assert self.found is not None
        try:
            entry, content = known(folder)
            verdict = self.board.verdict(entry.task, entry.name)
        except InputError:
            return True
        if verdict is None or verdict.machine is None or verdict.entry != content:
            return True
        ok = [one.member for one in verdict.members if one.status == "ok"]
        whole = bool(ok) and {*ok} == {*verdict.sketches}
        if not whole or verdict.machine.scoring_digest != scoring_digest():
            return True
        return may_be_alike(self.found.gathering, verdict.sketches)


def machine() -> Machine:
    """This machine, and what scores here."""
    here = circumstances.here()
    return Machine(
        processor=here.processor,
        cpu_features=here.cpu_features,
        kernels=here.kernels,
        libraries=here.libraries,
        python=here.python,
        bimt_bench=__version__,
        scoring_digest=scoring_digest(),
    )


# ------------------------------------------------------------------------------ what cannot be read


def _fetched(submission: Submission, asked: Asked) -> tuple[Submission, str | None]:
    """The entry with the weights from its URL, or why they are not to be had.

    InputError where what was fetched is not what the entry says.
    """
    try:
        content = fetching.fetched(submission.entry.weights)
    except InputError as error:
        return submission, str(error)
    read_again = read(
        submission.folder, tasks_dir=asked.tasks_dir, data_dir=asked.data_dir, weights=content
    )
    return read_again, None


def _have_data(folder: Path, asked: Asked) -> None:
    """InputError where the data of the task cannot be had here: no fault of the entry's."""
    try:
        task = catalog.task(read_entry(folder).task, asked.tasks_dir)
    except InputError:
        return
    task_data.load(task.data, data_dir=asked.data_dir)


def _unread(folder: Path, lines: Sequence[str], began: float) -> Verdict:
    """The verdict on what is no entry: of its place alone it is known what it is."""
    task = folder.parent.name.replace("-", "/", 1)
    return Verdict(
        format=FORMAT,
        task=task,
        task_digest=_UNREAD * 12,
        name=folder.name,
        entry=_UNREAD * 64,
        level="none",
        findings=tuple(fault("checked", "unreadable", line) for line in lines),
        machine=machine(),
        seconds=time.monotonic() - began,
        when=datetime.now(UTC),
    )


def _stopped(last: Verdict, stop: Overrun, seconds: float) -> Verdict:
    """The last verdict before a limit, and which one it was."""
    place = min(LEVELS.index(last.level) + 1, len(LEVELS) - 1)
    end = fault(LEVELS[place], stop.code, str(stop))
    return last.model_copy(update={"findings": (*last.findings, end), "seconds": seconds})
