"""What a configuration means on a task: every setting with its value, checked."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bimt_bench.engine import RECIPES, PenaltySettings, Recipe
from bimt_bench.errors import InputError, closest
from bimt_bench.network import geometry
from bimt_bench.spec import (
    Configuration,
    GeometrySettings,
    GeometrySpec,
    Member,
    Setting,
    Settings,
    TaskSpec,
    TrainingSpec,
    at_path,
    digest_of,
    fault_lines,
    plain,
    settings_of,
)


def settings_for(recipe: type[Recipe]) -> dict[str, Setting]:
    """Every setting that a configuration of this recipe has, by name: its own, then everyone's."""
    found: dict[str, Setting] = {}
    owners = ((recipe.Settings, recipe.name), (TrainingSpec, "training"), (GeometrySettings, ""))
    for owner, name in owners:
        for one in settings_of(owner, name=name or "geometry"):
            held = found.setdefault(one.name, one)
            if held is not one:
                raise InputError(
                    f"recipe '{recipe.name}': setting '{one.name}' has the name of one of "
                    f"{one.owner}; rename it"
                )
    return found


def resolve(task: TaskSpec, configuration: Configuration, seed: int) -> Member:
    """What a configuration and a seed mean on a task, every setting explicit.

    A setting that does not apply (top_k under assignment) is empty, so that two configurations
    which train the same networks have the same digest. Raises InputError for an unknown recipe or
    geometry, for a setting that the recipe does not have, and for a value that it cannot take.
    """
    recipe = RECIPES.get_kind(configuration.recipe)
    known, given = settings_for(recipe), configuration.settings
    for name in given:
        if name not in known:
            raise InputError(
                f"{name}: recipe '{recipe.name}' has no setting '{name}'{closest(name, known)} "
                f"(it has: {', '.join(known)})"
            )
    place = _place(task, given.get("geometry"))
    own = _values(recipe.Settings, given, task)
    training = _values(TrainingSpec, given, task, base=task.training.model_dump())
    _check_steps(task, training["steps"])
    values = {**own, **{k: v for k, v in training.items() if k in known}}
    empty = frozenset(
        name for name in own if any(own[k] != v for k, v in known[name].traits.when.items())
    )
    applies = {k: v for k, v in values.items() if k not in empty and v != known[k].traits.absent}
    source = RECIPES.source_of(recipe.name)
    identity: dict[str, Any] = {
        "recipe": recipe.name,
        "settings": applies,
        "geometry": place.identity(),
        "task": task.digest(),
        **({} if source.built_in else {"source": source.digest}),
    }
    penalised = issubclass(recipe.Settings, PenaltySettings)
    cells = {k: known[k].cell(v) for k, v in values.items()}
    return Member(
        task=task.name,
        recipe=recipe.name,
        dial=recipe.dial,
        lam=values["strength"] * task.penalty.lam if penalised else 0.0,
        geometry=place,
        seed=seed,
        source="" if source.built_in else f"{source}:{source.digest}",
        configuration=digest_of(identity),
        digest=digest_of({**identity, "seed": seed}),
        settings=values,
        empty=empty,
        cells={**cells, "geometry": place.name},
    )


def _values(
    owner: type[Settings],
    given: Mapping[str, object],
    task: TaskSpec,
    base: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The owner's settings: given, else the task's, else the default; checked, in terms of JSON."""
    declared = {one.name: one for one in settings_of(owner)}
    raw = {name: plain(value) for name, value in (base or {}).items()}
    for name, one in declared.items():
        if one.traits.of_task is not None:
            raw[name] = plain(at_path(task, one.traits.of_task))
    published = dict(raw)
    raw |= {name: _number(plain(given[name])) for name in declared if name in given}
    checked = _checked(owner, raw)
    idle = [k for k, one in declared.items() if not _applies(one, checked)]
    if idle:
        checked = _checked(
            owner,
            {k: published[k] if k in idle and k in published else raw[k] for k in raw},
        )
    return {name: plain(getattr(checked, name)) for name in declared}


def _applies(one: Setting, values: Settings) -> bool:
    return all(plain(getattr(values, k)) == v for k, v in one.traits.when.items())


def _checked(owner: type[Settings], raw: Mapping[str, object]) -> Settings:
    try:
        return owner.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise InputError("; ".join(fault_lines(error, owner, raw))) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"settings: {error}") from None


def _number(value: Any) -> Any:
    """The Python number of a NumPy one."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value


def _place(task: TaskSpec, given: object) -> GeometrySpec:
    if given is None:
        return task.geometry
    if isinstance(given, GeometrySpec):
        return given
    if isinstance(given, str):
        return geometry.named(given)
    try:
        return GeometrySpec.model_validate(given)
    except ValidationError as error:
        raise InputError(
            "; ".join(f"geometry.{line}" for line in fault_lines(error, GeometrySpec, given))
        ) from None


def _check_steps(task: TaskSpec, steps: int) -> None:
    published = task.training.steps
    if steps > published:
        raise InputError(
            f"steps: {steps} given; '{task.name}' has {published} steps, and it can only be "
            "shortened"
        )
