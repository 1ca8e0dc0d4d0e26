"""Whether a recipe keeps the contract, asked before anything of it is used."""

import inspect
import re
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from bimt_bench.engine.recipe import HOOKS, Recipe, RecipeSettings, Table
from bimt_bench.ground import InputError, closest
from bimt_bench.spec import (
    CIRCUMSTANCES,
    IDENTITY,
    RECIPES,
    SEARCHED,
    GeometrySettings,
    Setting,
    TaskSpec,
    TrainingSpec,
    settings_of,
)

# what a hook is called with, apart from the recipe itself
_CALLS = {
    **dict.fromkeys(("start", "prices", "events", "edges", "project"), ("m",)),
    "penalty": ("m", "theta"),
    "noise": ("m", "group", "active"),
    "check": ("settings", "wiring"),
    "working_bytes": ("settings", "wiring"),
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
COLUMNS = frozenset({*IDENTITY, *CIRCUMSTANCES, *SEARCHED, "pack"})
"""Columns of the frame that no setting can be called, besides the metrics'."""


def check_recipe(recipe: object, *, taken: Collection[str] = ()) -> None:
    """InputError that lists, in one line, everything about a recipe that breaks the contract.

    `taken`: names that no setting may have, besides the frame's other columns.
    """
    if not (inspect.isclass(recipe) and issubclass(recipe, Recipe)):
        raise InputError(f"recipe: {recipe!r} is not a subclass of Recipe")
    faults = [*_facts(recipe), *_settings(recipe, taken), *_tables(recipe), *_hooks(recipe)]
    if faults:
        named = getattr(recipe, "name", recipe.__name__)
        raise InputError(f"recipe '{named}': {'; '.join(faults)}")


def _facts(recipe: type[Recipe]) -> Iterator[str]:
    for fact in ("name", "title", "equation", "source"):
        value = getattr(recipe, fact, None)
        if not isinstance(value, str) or not value.strip():
            yield f"{fact} is missing" if value is None else f"{fact}: {value!r} is not a text"
    name = getattr(recipe, "name", "")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        yield f"name: '{name}' given; small letters, digits and _ are allowed"
    if recipe.charge not in ("gradient", "shrink"):
        yield f"charge: {recipe.charge!r} given; allowed: gradient, shrink"
    others = [other.name for other in RECIPES.values() if other.baseline and other is not recipe]
    if recipe.baseline and others:
        yield f"baseline: there is one already, '{others[0]}'"
    if recipe.__init__ is not object.__init__:
        yield "__init__: a recipe holds nothing of its own; what it must remember lies in tables"


# ------------------------------------------------------------------------------------ settings


def _settings(recipe: type[Recipe], taken: Collection[str]) -> Iterator[str]:
    owner = recipe.Settings
    if not (inspect.isclass(owner) and issubclass(owner, RecipeSettings)):
        yield "Settings is not a subclass of RecipeSettings"
        return
    own = {one.name: one for one in settings_of(owner)}
    for name in owner.model_fields:
        if name not in own:
            yield f"Settings.{name} is not made by setting(...)"
    everyones = {s.name for kind in (TrainingSpec, GeometrySettings) for s in settings_of(kind)}
    for name, one in own.items():
        if name in everyones:
            yield f"setting '{name}' has the name of one that every recipe has; rename it"
        if name in COLUMNS or name in taken:
            yield f"setting '{name}' has the name of another column of the frame; rename it"
        yield from _setting(owner, one, own)
        yield from _disagreement(recipe, one)
    yield from _defaults(owner)
    yield from _dial(recipe, own)


def _setting(owner: type[BaseModel], one: Setting, own: Collection[str]) -> Iterator[str]:
    path = one.traits.of_task
    if path is not None and not _in_task(path):
        yield f"setting '{one.name}': of_task: a task has no '{path}'"
    if path is None and owner.model_fields[one.name].is_required():
        yield f"setting '{one.name}' has neither a default nor of_task"
    for other in one.traits.when:
        if other not in own:
            yield f"setting '{one.name}': when: there is no setting '{other}'{closest(other, own)}"


def _in_task(path: str) -> bool:
    """Whether a task has a field at this dotted path."""
    here: Any = TaskSpec
    for part in path.split("."):
        if not (inspect.isclass(here) and issubclass(here, BaseModel)):
            return False
        if part not in here.model_fields:
            return False
        here = here.model_fields[part].annotation
    return True


def _disagreement(recipe: type[Recipe], one: Setting) -> Iterator[str]:
    """Settings of one name share a column, so they must mean the same sort of value."""
    for other in RECIPES.values():
        if other is recipe:
            continue
        for held in settings_of(other.Settings):
            if held.name != one.name or _sort(held) == _sort(one):
                continue
            yield (
                f"setting '{one.name}' is {_sort(one)}, but that of recipe '{other.name}' is "
                f"{_sort(held)}; rename it"
            )
            return


def _sort(one: Setting) -> str:
    return one.dtype + (f" in '{one.traits.unit}'" if one.traits.unit else "")


def _defaults(owner: type[BaseModel]) -> Iterator[str]:
    try:
        owner.model_validate({})
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            if fault["type"] != "missing":
                told = fault["msg"].replace("Input should", "should")
                yield f"setting '{'.'.join(map(str, fault['loc']))}': its default {told}"


def _dial(recipe: type[Recipe], own: dict[str, Setting]) -> Iterator[str]:
    dial = recipe.dial
    if dial is None:
        return
    if dial not in own:
        has = ", ".join(own) or "none"
        yield f"dial: there is no setting '{dial}'{closest(str(dial), own)} (settings: {has})"
    elif own[dial].kind not in ("real", "whole"):
        yield f"dial: setting '{dial}' is not a number"


# ------------------------------------------------------------------------------ state and hooks


def _tables(recipe: type[Recipe]) -> Iterator[str]:
    if not isinstance(recipe.tables, tuple) or not all(
        isinstance(table, Table) for table in recipe.tables
    ):
        yield "tables: must be a tuple of Table, such as (Table('mask', per='parameter'),)"
        return
    names = [table.name for table in recipe.tables]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"tables: '{name}' is there {names.count(name)} times"
    for table in recipe.tables:
        if not _NAME.fullmatch(str(table.name)):
            yield f"tables: '{table.name}': small letters, digits and _ are allowed"
        if table.per not in ("parameter", "neuron", "member"):
            yield f"tables: '{table.name}': per: {table.per!r} given; allowed: " + (
                "parameter, neuron, member"
            )
        if table.shape and table.per != "member":
            yield f"tables: '{table.name}': only a table per member has a shape"


def _hooks(recipe: type[Recipe]) -> Iterator[str]:
    for hook, arguments in _CALLS.items():
        found = inspect.getattr_static(recipe, hook)
        if not callable(getattr(recipe, hook)) or isinstance(found, staticmethod | classmethod):
            yield f"{hook} is not a method"
            continue
        signature = inspect.signature(getattr(recipe, hook))
        try:
            signature.bind(None, *arguments)
        except TypeError:
            yield f"{hook}{signature}: is called as {hook}({', '.join(('self', *arguments))})"
    known = set(dir(Recipe))
    methods = [name for name, _ in inspect.getmembers(recipe, inspect.isfunction)]
    for name in methods:
        near = "" if name in known or name.startswith("_") else closest(name, _CALLS)
        if near:
            yield f"'{name}' is not a hook{near} (begin the names of other methods with _)"
    if not recipe.baseline and not any(recipe.overrides(hook) for hook in HOOKS):
        yield f"has no hook, so that it does nothing; hooks are {', '.join(HOOKS)}"
