"""Controls: trivial and doctored entries, made from a board's own ones and measured like them.

Trivial ones are worth nothing by themselves; doctored ones are entries to whose weights something
was done that would raise raw figures of structure. They stand in the table of their task, and none
may stand above the entry that it was made from.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from bimt_bench.engine import Population
from bimt_bench.ground import InputError, closest
from bimt_bench.leaderboard import control as kept_controls
from bimt_bench.leaderboard import doctoring
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.checking import version_of
from bimt_bench.leaderboard.control import Control
from bimt_bench.leaderboard.doctoring import Subject
from bimt_bench.leaderboard.entry import SHUFFLES, MemberRecord
from bimt_bench.leaderboard.ranking import asked, task_table
from bimt_bench.leaderboard.reading import Submission, read
from bimt_bench.leaderboard.rescoring import cells, scored_of
from bimt_bench.leaderboard.standings import Standing, TaskTable
from bimt_bench.leaderboard.verdict import FORMAT, ScoredMember, Verdict
from bimt_bench.leaderboard.verifying import machine
from bimt_bench.metrics import Scored, measured
from bimt_bench.packs import trivial_performance
from bimt_bench.results import is_baseline
from bimt_bench.spec import catalog

ONE_IN = 8
"""Of so many hidden neurons one is given up to be doctored: those that carry least."""
_TOGETHER = 16


@dataclass(frozen=True)
class Trivial:
    """A kind of control that needs no entry but for its shape; changes members at their start."""

    title: str
    change: Callable[[Subject], None]


@dataclass(frozen=True)
class Tampered:
    """A kind of control that does something to the members of an entry.

    gives_up: whether spare neurons are given up first. embedded: only for models with an embedding.
    """

    title: str
    change: Callable[[Subject], None]
    gives_up: bool = True
    embedded: bool = False


def _all_zero(subject: Subject) -> None:
    subject.population.flat.zero_()


def _untouched(_: Subject) -> None:
    pass


def _shuffled(subject: Subject) -> None:
    """The weights of each connection at other places."""
    generator = torch.Generator().manual_seed(1)
    for weight in subject.population.weights.values():
        for row in weight:
            order = torch.randperm(row.numel(), generator=generator)
            row.copy_(row.reshape(-1)[order].view(row.shape))


def _permuted(subject: Subject) -> None:
    doctoring.shuffle_neurons(subject, torch.Generator().manual_seed(1))


TRIVIAL = {
    "untrained": Trivial("untrained", _untouched),
    "block_start": Trivial("untrained, started in blocks", doctoring.in_blocks),
    "all_zero": Trivial("all weights zero", _all_zero),
}
PREDICTOR = "trivial_predictor"
TAMPERED = {
    "permuted": Tampered("its neurons in another order", _permuted, gives_up=False),
    "shuffled": Tampered("its weights at other places", _shuffled, gives_up=False),
    "useless_wires": Tampered("useless wires", doctoring.useless_wires),
    "dead_module": Tampered("a module of dead neurons", doctoring.dead_module),
    "split_neurons": Tampered("neurons split in two", doctoring.split_neurons),
    "rescaled": Tampered("embedding rescaled", doctoring.rescaled, gives_up=False, embedded=True),
}


@dataclass(frozen=True)
class Made:
    """The files of a task's controls, and what could not be made."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def make_controls(
    board: Board,
    tasks: Sequence[str] = (),
    *,
    of: Sequence[str] = (),
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
) -> Iterator[Made]:
    """Makes the controls of some tasks, or of all on the board, anew; one at a time.

    Of a task the best baseline entry and the best other one are doctored, as they are ranked now,
    or those of the names `of`; where none is ranked, there are no controls. InputError for a task
    without entries, and for a name that no ranked entry of a task has.
    """
    for task in asked(board, tasks):
        yield _made(board, task, of, data_dir, tasks_dir)


def _made(
    board: Board,
    task: str,
    of: Sequence[str],
    data_dir: Path | None,
    tasks_dir: Path | None,
) -> Made:
    table = task_table(board, catalog.task(task, tasks_dir))
    chosen = _cleans(table, of)
    for one in kept_controls.files(board, task):
        one.unlink()
    if not chosen:
        return Made((), (f"{task}: no entry is ranked yet, so there is nothing to make from",))
    files, left = [], []
    for place, one in enumerate(chosen):
        submission = read(board.entry(task, one.name), tasks_dir=tasks_dir, data_dir=data_dir)
        if submission.weights is None:
            left.append(f"{task}: the weights of '{one.name}' lie at a URL; nothing is made of it")
            continue
        if place == 0:
            files += [kept_controls.keep(board, made) for made in _trivial(submission)]
        for kind in TAMPERED:
            made = _tampered(submission, kind)
            if made is None:
                left.append(f"{task}: {kind} does not apply to the networks of '{one.name}'")
            else:
                files.append(kept_controls.keep(board, made))
    return Made(tuple(files), tuple(left))


def _cleans(table: TaskTable, of: Sequence[str]) -> list[Standing]:
    """The entries that are doctored: those asked for, else the best baseline and the best other."""
    if of:
        held = {one.name: one for one in table.entries}
        for name in of:
            if name not in held:
                told = f"of: no entry '{name}' is ranked on '{table.task}'{closest(name, held)}"
                raise InputError(told)
        return [held[name] for name in of]
    baselines = [one for one in table.entries if is_baseline(one.recipe)]
    others = [one for one in table.entries if not is_baseline(one.recipe)]
    return [*baselines[:1], *others[:1]]


# ----------------------------------------------------------------------------- trivial ones


def _trivial(submission: Submission) -> Iterator[Control]:
    """The trivial controls of a task, with as many seeds as an entry has."""
    seeds = range(submission.entry.seeds)
    for kind, one in TRIVIAL.items():
        began = time.monotonic()
        population = Population(
            submission.architecture, [submission.geometry()] * len(seeds), dtype=_dtype(submission)
        )
        population.start(submission.task.name, seeds)
        with torch.no_grad():
            one.change(Subject.of(population, submission.data, one_in=ONE_IN))
        scored = Scored(submission.trained, submission.data, population, tuple(seeds), SHUFFLES)
        members = _members(kind, scored)
        yield _control(submission, kind, f"trivial+{kind}", one.title, members, began=began)
    yield _predictor(submission)


def _dtype(submission: Submission) -> torch.dtype:
    return torch.float64 if submission.dtype == "float64" else torch.float32


def _predictor(submission: Submission) -> Control:
    """The trivial predictor: its performance is known, and it has the corner's modularity."""
    began = time.monotonic()
    axis, corner = submission.task.modularity_axis, submission.task.reference.modularity
    metrics: dict[str, float | None] = {
        "performance": trivial_performance(submission.trained, submission.data),
        axis: corner,
    }
    members = tuple(_scored(PREDICTOR, seed, metrics) for seed in range(submission.entry.seeds))
    name, title = f"trivial+{PREDICTOR}", "the trivial predictor"
    return _control(submission, PREDICTOR, name, title, members, began=began)


def _members(kind: str, scored: Scored) -> tuple[ScoredMember, ...]:
    """Members of one configuration, measured on their task's axes."""
    cards = zip(scored.seeds, _cards(scored), strict=True)
    return tuple(_scored(kind, seed, card) for seed, card in cards)


def _cards(scored: Scored) -> list[dict[str, float | None]]:
    """Performance and modularity of members, each."""
    names = _axes(scored.task.modularity_axis)
    rows = measured(scored, names)[0][names].to_numpy(float).tolist()
    return [cells(dict(zip(names, row, strict=True))) for row in rows]


def _axes(axis: str) -> list[str]:
    return ["performance", axis]


def _scored(kind: str, seed: int, metrics: dict[str, float | None]) -> ScoredMember:
    return ScoredMember(
        member=_digest(kind, seed),
        configuration=_digest(kind),
        dial_value=None,
        seed=seed,
        status="ok",
        metrics=metrics,
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


# ----------------------------------------------------------------------------- doctored ones


def _tampered(submission: Submission, kind: str) -> Control | None:
    """The entry with all its members doctored; None where its networks cannot be."""
    began, one = time.monotonic(), TAMPERED[kind]
    ok = [record for record in submission.members if record.status == "ok"]
    if not ok or not _applies(one, submission):
        return None
    found: dict[str, dict[str, float | None]] = {}
    for begin in range(0, len(ok), _TOGETHER):
        part = ok[begin : begin + _TOGETHER]
        found |= _doctored(submission, part, one)
    members = tuple(
        ScoredMember(
            member=record.member,
            configuration=record.configuration,
            dial_value=record.dial_value,
            seed=record.seed,
            status=record.status,
            metrics=found.get(record.member, {}),
        )
        for record in submission.members
    )
    name = f"{submission.entry.name}+{kind}"
    title = f"{submission.entry.title}, {one.title}"
    return _control(
        submission, kind, name, title[:200], members, began=began, clean=submission.entry.name
    )


def _applies(one: Tampered, submission: Submission) -> bool:
    population = Population(submission.architecture, [submission.geometry()])
    subject = Subject.of(population, submission.data, one_in=ONE_IN)
    if one.embedded:
        return subject.embedded
    return subject.layered or not one.gives_up


def _doctored(
    submission: Submission, records: Sequence[MemberRecord], one: Tampered
) -> dict[str, dict[str, float | None]]:
    """Some members doctored and measured, by digest."""
    scored = scored_of(submission, records)
    subject = Subject.of(scored.population, submission.data, one_in=ONE_IN)
    with torch.no_grad():
        if one.gives_up:
            doctoring.give_up_spare(subject)
        one.change(subject)
    cards = zip(records, _cards(scored), strict=True)
    return {record.member: card for record, card in cards}


def _control(
    submission: Submission,
    kind: str,
    name: str,
    title: str,
    members: tuple[ScoredMember, ...],
    *,
    began: float,
    clean: str | None = None,
) -> Control:
    entry = submission.entry
    axes = _axes(submission.task.modularity_axis)
    verdict = Verdict(
        format=FORMAT,
        task=entry.task,
        task_digest=entry.task_digest,
        name=name,
        entry=submission.content,
        level="rescored",
        members=members,
        trivial_performance=trivial_performance(submission.trained, submission.data),
        metrics={axis: version_of(axis) for axis in axes},
        machine=machine(),
        seconds=time.monotonic() - began,
        when=datetime.now(UTC),
    )
    return Control(
        kind=kind,
        title=title,
        clean=clean,
        content=None if clean is None else submission.content,
        recipe=entry.recipe,
        dial=None if clean is None else entry.dial,
        steps=entry.steps if clean is not None or kind == PREDICTOR else 0,
        verdict=verdict,
    )
