"""What a configuration means on a task: every setting with its value, checked."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from bimt_bench.engine import RECIPES, PenaltySettings, Recipe, own_settings
from bimt_bench.ground import InputError, Source, closest
from bimt_bench.network import Wiring, geometry
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
    kinds_in,
    plain,
    settings_of,
)

Owner = TypeVar("Owner", bound=Settings)
LARGEST = 2**63 - 1  # whole numbers of columns and tensors are signed and have 64 bits


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


def resolve(
    task: TaskSpec, configuration: Configuration, seed: int, *, held_out: float = 0.0
) -> Member:
    """What a configuration and a seed mean on a task, every setting explicit.

    A setting that does not apply (top_k under assignment) is empty, so that two configurations
    which train the same networks have the same digest. `held_out`: the share of the training data
    that it is not trained on, while it is searched. Raises InputError for an unknown recipe or
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
    empty = frozenset(name for name in own if not _applies(known[name], own))
    applies = {k: v for k, v in values.items() if k not in empty and v != known[k].traits.absent}
    sources = sources_of(task.model_copy(update={"geometry": place}), recipe.name)
    identity: dict[str, Any] = {
        "recipe": recipe.name,
        "settings": applies,
        "geometry": place.identity(),
        "task": task.digest(),
        **({"held_out": held_out} if held_out else {}),
        **({"source": "+".join(source.digest for source in sources)} if sources else {}),
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
        source=", ".join(f"{source}:{source.digest}" for source in sources),
        configuration=digest_of(identity),
        digest=digest_of({**identity, "seed": seed}),
        settings=values,
        empty=empty,
        cells={**cells, "geometry": place.name},
        held_out=held_out,
    )


def sources_of(task: TaskSpec, recipe: str) -> tuple[Source, ...]:
    """The plug-ins that numbers follow from: the recipe's, and those of what a task chooses."""
    used = [(RECIPES, recipe), *kinds_in(task)]
    found = dict.fromkeys(kinds.source_of(name) for kinds, name in used)
    return tuple(source for source in found if not source.built_in)


def check_fit(member: Member, wiring: Wiring) -> None:
    """Raises InputError if a member's geometry or recipe cannot be had on a network."""
    geometry.check(member.geometry, wiring)
    recipe = RECIPES[member.recipe]
    recipe().check(own_settings(recipe, member), wiring)


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
    raw |= {name: _given(one, given[name]) for name, one in declared.items() if name in given}
    checked = _checked(owner, raw)
    values = {name: plain(getattr(checked, name)) for name in declared}
    idle = {name for name, one in declared.items() if not _applies(one, values)}
    return {**values, **{name: published[name] for name in idle & published.keys()}}


def _applies(one: Setting, values: Mapping[str, object]) -> bool:
    """Whether a setting counts beside the other values of its owner."""
    return all(values[name] == value for name, value in one.traits.when.items())


def _checked(owner: type[Owner], raw: Mapping[str, object]) -> Owner:
    try:
        return owner.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise InputError("; ".join(fault_lines(error, owner, raw))) from None


def _given(one: Setting, value: object) -> Any:
    """A value that somebody gave in terms of JSON, NumPy's numbers as Python's."""
    found = plain(value)
    if hasattr(found, "item") and getattr(found, "ndim", 1) == 0:
        found = found.item()
    try:
        json.dumps(found)
    except (TypeError, ValueError):
        raise InputError(f"{one.name}: {value!r} given; allowed: {one.allowed}") from None
    if one.kind == "whole" and isinstance(found, int) and abs(found) > LARGEST:
        raise InputError(f"{one.name}: {found} given; the largest whole number is {LARGEST}")
    return found


def _place(task: TaskSpec, given: object) -> GeometrySpec:
    if given is None:
        return task.geometry
    place = _checked(GeometrySettings, {"geometry": plain(given)}).geometry
    return geometry.named(place) if isinstance(place, str) else place


def _check_steps(task: TaskSpec, steps: int) -> None:
    published = task.training.steps
    if steps > published:
        raise InputError(
            f"steps: {steps} given; '{task.name}' has {published} steps, and it can only be "
            "shortened"
        )
