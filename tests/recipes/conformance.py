"""What every recipe must stand, as functions that raise where it breaks a rule.

Recipes must be registered (`RECIPES.register`); a task should be small and short.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Checkpoints, Run, Trained, start, train_population
from bimt_bench.engine import loop as engine_loop
from bimt_bench.engine.cohorts import Cohort
from bimt_bench.spec import Configuration, Member, Setting, TaskSpec, catalog


def short_task(name: str, *, steps: int, log_every: int = 9, **training: object) -> TaskSpec:
    """A task of the catalogue with fewer steps."""
    task = catalog.task(name)
    changed = {**task.training.model_dump(), "steps": steps, "log_every": log_every, **training}
    return task.model_copy(update={"training": type(task.training).model_validate(changed)})


def configurations(recipe: str, task: TaskSpec) -> list[Configuration]:
    """Two of a recipe: its defaults with events every few steps, and all else changed."""
    own = {
        name: one
        for name, one in recipes.settings_for(recipes.RECIPES[recipe]).items()
        if one.owner == recipe
    }
    soon = {
        name: 7 for name, one in own.items() if one.kind == "whole" and one.traits.unit == "steps"
    }
    plain = recipes.resolve(task, Configuration(recipe=recipe, **soon), 0)
    other = {name: _another(one, plain[name]) for name, one in own.items()}
    changed = {name: value for name, value in other.items() if value is not None} | soon
    return [
        Configuration(recipe=recipe, **soon),
        Configuration(recipe=recipe, learning_rate=4e-3, geometry="ring", **changed),
    ]


def _another(one: Setting, value: object) -> object:
    """Another value of a setting; None where none can be made up."""
    if one.kind == "word" and one.choices:
        return next(choice for choice in reversed(one.choices) if choice != value)
    if one.kind != "real":
        return None
    assert isinstance(value, float)
    return (value + one.high) / 2 if one.high is not None else 3.0 * value + 0.25


def members_of(recipe: str, task: TaskSpec, seeds: Sequence[int] = (0, 1)) -> list[Member]:
    """Both configurations of a recipe with every seed."""
    return [
        recipes.resolve(task, one, seed) for one in configurations(recipe, task) for seed in seeds
    ]


def trained(task: TaskSpec, members: Sequence[Member], **options: object) -> Trained:
    """The members trained on the task as it is."""
    return train_population(task, data.load(task.data), members, **options)


def same_member(
    found: Trained, row: int, expected: Trained, other: int, *, mates: bool = False
) -> None:
    """One member has the bits of another run's: parameters, places, what became of it.

    Its curves are computed for all members at once: to the bit only where `mates` are the same.
    """
    member = found.members[row]
    one, two = found.population, expected.population
    assert torch.equal(one.flat[row], two.flat[other]), f"parameters of {member}"
    for name, labels in one.labels.items():
        assert torch.equal(labels[row], two.labels[name][other]), f"labels of {member}"
    assert (found.status[row], found.reason[row]) == (
        expected.status[other],
        expected.reason[other],
    )
    exactly = {"check_exact": True} if mates else {"rtol": 1e-6, "atol": 1e-9}
    pd.testing.assert_frame_equal(_curve(found, member), _curve(expected, member), **exactly)


def _curve(found: Trained, member: Member) -> pd.DataFrame:
    return found.curves[found.curves.member == member.digest].reset_index(drop=True)


# --------------------------------------------------------------------------- interruptions


class Interrupted(Exception):
    pass


def interrupted_at(step: int, steps: int) -> Callable[[float], None]:
    """Raises at the first evaluation after a step."""

    def stop(fraction: float) -> None:
        if fraction * steps >= step:
            raise Interrupted

    return stop


def resumed(
    task: TaskSpec, members: Sequence[Member], stops: Sequence[int], folder: Path
) -> Trained:
    """Trained with interruptions after the steps `stops`, each time from the newest checkpoint."""
    for stop in stops:
        with pytest.raises(Interrupted):
            trained(
                task,
                members,
                checkpoints=Checkpoints(folder, every=10**6),
                on_progress=interrupted_at(stop, task.training.steps),
            )
    return trained(task, members, checkpoints=Checkpoints(folder, every=10**6))


def final_state(task: TaskSpec, members: Sequence[Member], folder: Path) -> dict[str, torch.Tensor]:
    """All that a run kept at its end, the recipes' tables with it."""
    loaded = data.load(task.data)
    run = Run(task, loaded, tuple(members), start(task, loaded, members))
    found = Checkpoints(folder).latest(run.identity())
    assert found is not None and found.step == task.training.steps
    return found.tensors


# --------------------------------------------------------------------------- rules


def steps_of(task: TaskSpec, members: Sequence[Member]) -> Iterator[tuple[Run, int]]:
    """A run, after every step."""
    loaded = data.load(task.data)
    run = Run(task, loaded, tuple(members), start(task, loaded, members))
    for _ in run.steps():
        yield run, run.done


def prices_read_only_what_events_wrote(task: TaskSpec, members: Sequence[Member]) -> int:
    """Prices asked for at any time are those of the phase; how many times they were asked."""
    asked = 0
    for run, done in steps_of(task, members):
        cohort: Cohort
        for cohort in () if done in run.cohorts.edges else run.cohorts.priced:
            now = cohort.prices()
            assert now is not None
            assert torch.equal(now, run.cohorts.prices[cohort.rows]), (cohort.recipe.name, done)
            asked += 1
    return asked


def remembers_nothing_on_itself(task: TaskSpec, members: Sequence[Member]) -> None:
    """The instances of recipes that a run holds have no attributes."""
    for run, _ in steps_of(task, members):
        for cohort in run.cohorts:
            assert vars(cohort.recipe) == {}, cohort.recipe.name


@contextmanager
def small_tiles(monkeypatch: pytest.MonkeyPatch, members: int) -> Iterator[None]:
    """Within, a step takes at most so many members at a time."""
    with monkeypatch.context() as patch:
        patch.setattr(engine_loop, "members_at_a_time", lambda *_, **__: members)
        yield
