"""What is timed: a task a regime, how many members, and what is aimed at."""

from collections.abc import Sequence
from dataclasses import dataclass

from bimt_bench.ground import InputError, closest
from bimt_bench.spec import Phase, TaskSpec, catalog

S4 = "groups/s4_sized"


@dataclass(frozen=True)
class Case:
    """One regime: steps of each side (multiples of the task's relocation interval), and members.

    `aim`: how many times the member-steps of the plain loop a second of one core should hold.
    """

    task: str
    plain_steps: int
    pack_steps: int
    pack: int
    aim: float


CASES = (
    Case("symbolic/independence", plain_steps=2000, pack_steps=2000, pack=64, aim=60),
    Case("modular/addition_59", plain_steps=200, pack_steps=200, pack=16, aim=6),
    Case(S4, plain_steps=400, pack_steps=400, pack=16, aim=10),
    Case("vision/mnist", plain_steps=1000, pack_steps=2000, pack=16, aim=8.5),
)


def chosen(names: Sequence[str]) -> tuple[Case, ...]:
    """The cases of these names, all of them if none is named; InputError for another name."""
    by_name = {case.task: case for case in CASES}
    for name in names:
        if name not in by_name:
            raise InputError(
                f"case: unknown case '{name}'{closest(name, by_name)} "
                f"(allowed: {', '.join(by_name)})"
            )
    return tuple(by_name[name] for name in names) or CASES


def task_of(case: Case) -> TaskSpec:
    """The case's task with its published settings."""
    return s4_sized() if case.task == S4 else catalog.task(case.task)


def s4_sized() -> TaskSpec:
    """A task of the size and settings of the published permutation group S4.

    All 24^2 pairs of 24 elements, embedding 32, 64-50-50-24, float64: arXiv 2305.08746, section
    3.3. Its table is addition modulo 24, as the time of a step does not depend on the answers.
    """
    like = catalog.task("modular/addition_59")
    changes = {
        "name": S4,
        "title": "Of the size of the permutation group S4",
        "data": like.data.model_copy(update={"modulus": 24}),
        "penalty": like.penalty.model_copy(
            update={"lam": 0.5, "phases": (Phase(start=0.0, factor=1.0),), "locality": 1.0}
        ),
        "training": like.training.model_copy(update={"dtype": "float64", "learning_rate": 2e-3}),
    }
    return like.model_copy(update=changes)


def shortened(task: TaskSpec, steps: int) -> TaskSpec:
    """The task with fewer steps, its intervals of relocation and evaluation unchanged."""
    training = task.training.model_copy(update={"steps": steps})
    return task.model_copy(update={"training": training})
