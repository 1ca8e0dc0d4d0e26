"""Recipes: how modularity is encouraged, and what a configuration means on a task."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bimt_bench.errors import InputError, closest
from bimt_bench.network import geometry
from bimt_bench.spec import Configuration, Member, TaskSpec, digest_of


@dataclass(frozen=True)
class Recipe:
    """One way of encouraging modularity (arXiv 2305.08746, sections 2 and 4)."""

    name: str
    title: str
    description: str
    penalised: bool
    local: bool
    relocates: bool


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            Recipe("vanilla", "Vanilla", "the task loss alone", False, False, False),
            Recipe("l1", "L1", "a charge on every weight, wherever it runs", True, False, False),
            Recipe("l1_local", "L1 + locality", "long wires cost more", True, True, False),
            Recipe("l1_swap", "L1 + swap", "L1, and neurons swap places", True, False, True),
            Recipe("bimt", "BIMT", "long wires cost more, and neurons swap", True, True, True),
        )
    }
)


def recipe(name: str) -> Recipe:
    """The recipe of that name; InputError if there is none."""
    if name not in RECIPES:
        allowed = ", ".join(RECIPES)
        raise InputError(
            f"recipe: unknown recipe '{name}'{closest(name, RECIPES)} (allowed: {allowed})"
        )
    return RECIPES[name]


def resolve(task: TaskSpec, configuration: Configuration, seed: int) -> Member:
    """What a configuration and a seed mean on a task, settings without effect set to neutral.

    Two configurations that train the same networks resolve to the same digest: strength and
    spacing do not count under vanilla, locality only where the recipe is local, the swap
    settings only where it relocates, top_k only where relocation is greedy. Raises InputError
    for an unknown recipe or geometry.
    """
    chosen = recipe(configuration.recipe)
    strength = configuration.strength if chosen.penalised else 0.0
    penalised = strength > 0.0
    settings = {
        "recipe": chosen.name,
        "strength": strength,
        "lam": strength * task.penalty.lam,
        "locality": _given(configuration.locality, task.penalty.locality)
        if chosen.local and penalised
        else 0.0,
        "spacing": _given(configuration.spacing, task.penalty.spacing)
        if penalised
        else task.penalty.spacing,
        "learning_rate": _given(configuration.learning_rate, task.training.learning_rate),
        **(_relocation(task, configuration) if chosen.relocates else _NO_RELOCATION),
    }
    place = configuration.geometry
    if place is None:
        place = task.geometry
    elif isinstance(place, str):
        place = geometry.named(place)
    identity = {**settings, "geometry": place.model_dump(mode="json"), "task": task.digest()}
    return Member(
        task=task.name,
        geometry=place,
        seed=seed,
        configuration=digest_of(identity),
        digest=digest_of({**identity, "seed": seed}),
        **settings,
    )


_NO_RELOCATION = {"swap_every": 0, "top_k": 0, "relocation": "off", "moments": "stay"}


def _relocation(task: TaskSpec, configuration: Configuration) -> dict[str, Any]:
    """The swap settings; assignment considers all neurons, so top_k has no effect on it."""
    method = configuration.relocation or task.relocation.method
    top_k = int(_given(configuration.top_k, task.relocation.top_k))
    return {
        "swap_every": int(_given(configuration.swap_every, task.relocation.every)),
        "top_k": top_k if method == "greedy" else 0,
        "relocation": method,
        "moments": configuration.moments or task.relocation.moments,
    }


def _given(value: float | None, default: float) -> float:
    return default if value is None else value
