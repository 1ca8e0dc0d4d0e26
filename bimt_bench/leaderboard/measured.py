"""What verdicts measured of entries: as a frame, as trade-offs, and as contenders for places."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bimt_bench.leaderboard.candidates import Candidate
from bimt_bench.leaderboard.entry import folder_name
from bimt_bench.leaderboard.field import Contender
from bimt_bench.leaderboard.kept import Kept, key_of, sources
from bimt_bench.leaderboard.verdict import ScoredMember
from bimt_bench.metrics import direction
from bimt_bench.results.tradeoff import (
    Hypervolume,
    Plane,
    Point,
    TradeOff,
    common_seeds,
    tradeoff,
)
from bimt_bench.spec import TaskSpec

GOAL = "performance"


@dataclass(frozen=True)
class Figures:
    """What follows from one verdict alone, on its task's axes.

    points: configurations, fresh those of fresh seeds, lost how many members count as trivial.
    """

    points: tuple[Point, ...]
    fresh: tuple[Point, ...]
    volume: Hypervolume
    lost: int
    trivial: float


@dataclass(frozen=True)
class Judged:
    """A candidate with its figures, and as contender.

    points: those of its figures, which may be marked for the front of all entries.
    """

    candidate: Candidate
    figures: Figures
    points: tuple[Point, ...]
    contender: Contender


def frame_of(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """One row a member of the candidates, from verdicts alone, with all metrics as columns.

    `recipe` is the candidate's name; digests begin with it, as two entries may have one
    configuration.
    """
    return pd.concat([_rows(one, one.verdict.members) for one in candidates], ignore_index=True)


def _rows(one: Candidate, members: Sequence[ScoredMember]) -> pd.DataFrame:
    identity = [
        {
            "task": one.verdict.task,
            "recipe": one.name,
            "dial": one.dial,
            "dial_value": member.dial_value,
            "configuration": f"{one.name}:{member.configuration}",
            "member": f"{one.name}:{member.member}",
            "seed": member.seed,
            "status": member.status,
            "trivial_performance": one.verdict.trivial_performance,
        }
        for member in members
    ]
    names = dict.fromkeys(name for member in members for name in member.metrics)
    metrics = {
        name: pd.array([member.metrics.get(name) for member in members], dtype="Float64")
        for name in names
    }
    return pd.DataFrame(identity).assign(**metrics)


def judged(
    candidates: Sequence[Candidate], task: TaskSpec, kept: Kept | None = None
) -> list[Judged]:
    """The candidates on their task's axes; points of entries are marked for the front of all.

    kept: where figures were kept, and are.
    """
    found = [_judged(one, task, kept) for one in candidates]
    entries = [p for one in found if one.candidate.control is None for p in one.points]
    plane = plane_of(task, task.reference.performance)
    marked = {p.settings.configuration: p for p in plane.mark(entries)}
    return [
        replace(
            one, points=tuple(marked.get(p.settings.configuration, _off(p)) for p in one.points)
        )
        for one in found
    ]


def _off(point: Point) -> Point:
    return replace(point, on_front=False)


def plane_of(task: TaskSpec, trivial: float) -> Plane:
    """The plane of a task's axes, counted from its corner."""
    measure = task.performance.kind
    rising = [direction(name, measure) == "higher" for name in (task.modularity_axis, GOAL)]
    return Plane((rising[0], rising[1]), task.reference, trivial)


def _judged(one: Candidate, task: TaskSpec, kept: Kept | None) -> Judged:
    if kept is None:
        found = _figures(one, task)
    else:
        name = f"{folder_name(task.name)}-{one.name}"
        key = _key(one, task)
        found = kept.found("figures", name, key, Figures, lambda: _figures(one, task))
    return Judged(one, found, found.points, _contender(one, found, task))


def _key(one: Candidate, task: TaskSpec) -> str:
    """What the figures of a candidate follow from."""
    axes = (task.modularity_axis, GOAL)
    slim = [
        (m.configuration, m.dial_value, m.seed, m.status, *map(m.metrics.get, axes))
        for m in (*one.verdict.members, *one.verdict.fresh)
    ]
    parts = (one.name, one.recipe, one.dial, one.verdict.trivial_performance)
    split = len(one.verdict.members)
    return key_of(sources(), task.name, task.digest(), task.reference, axes, parts, split, slim)


def _figures(one: Candidate, task: TaskSpec) -> Figures:
    found = _tradeoff(one, one.verdict.members, task)
    fresh = one.verdict.fresh
    return Figures(
        points=found.points,
        fresh=_tradeoff(one, fresh, task).points if fresh else (),
        volume=found.hypervolume,
        lost=found.lost,
        trivial=found.trivial,
    )


def _tradeoff(one: Candidate, members: Sequence[ScoredMember], task: TaskSpec) -> TradeOff:
    measure, axis = task.performance.kind, task.modularity_axis
    slim = [_only(member, (axis, GOAL)) for member in members]
    return tradeoff(
        _rows(one, slim),
        x=axis,
        x_direction=direction(axis, measure),
        y=GOAL,
        y_direction=direction(GOAL, measure),
        reference=task.reference,
        corner="the task's",
        trivial=one.verdict.trivial_performance,
    )


def _only(member: ScoredMember, names: Sequence[str]) -> ScoredMember:
    """A member with these metrics alone."""
    return member.model_copy(update={"metrics": {n: member.metrics.get(n) for n in names}})


def _contender(one: Candidate, found: Figures, task: TaskSpec) -> Contender:
    clean = None if one.control is None else one.control.clean
    competes = one.control is None
    if not found.points:  # all were lost: each counts as the trivial predictor at the corner
        seeds = tuple(sorted({member.seed for member in one.verdict.members}))
        nothing = np.zeros((1, len(seeds)))
        return Contender(one.name, seeds, nothing, nothing, competes, clean)
    seeds = tuple(common_seeds(found.points))
    x, y = plane_of(task, found.trivial).grid(found.points, seeds)
    return Contender(one.name, seeds, x, y, competes, clean)
