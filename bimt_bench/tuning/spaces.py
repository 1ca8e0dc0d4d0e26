"""What a sweep varies of each recipe on a task, read from its file."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bimt_bench.ground import InputError, closest
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.spec import Configuration, Range, Setting, SweepSpec, Values
from bimt_bench.tuning.faults import Faults

_RECIPE = "recipe"


@dataclass(frozen=True)
class Option:
    """A value of a swept setting, or an end of its range, and where it stands in the file."""

    value: Any
    path: str


@dataclass(frozen=True)
class Swept:
    """A setting that a sweep varies: the values it may take, or the range and its two ends."""

    setting: Setting
    options: tuple[Option, ...]
    range: Range | None = None


@dataclass(frozen=True)
class RecipeSpace:
    """What varies of one recipe, in order of the declaration of its settings.

    `path`: where the file names the recipe.
    """

    recipe: str
    path: str
    fields: tuple[Swept, ...]

    def configuration(self, values: Mapping[str, Any]) -> Configuration:
        """The configuration of the recipe with these settings."""
        return Configuration.model_validate({_RECIPE: self.recipe, **values})


def spaces_of(spec: SweepSpec, index: int, faults: Faults) -> tuple[RecipeSpace, ...]:
    """The spaces of a sweep's task, in order of its recipes; what is wrong goes into `faults`.

    A setting in `space` is one of every swept recipe that has it, and one must have it; what
    stands under `recipes` takes its place.
    """
    at, space = spec.space_of(index)
    common = {name: _Given(f"{at}.{name}", v) for name, v in space.items() if name != _RECIPE}
    fixed = spec.tasks[index].fixed
    short = {name: _Given(f"tasks.{index}.{name}", v, short=True) for name, v in fixed.items()}
    own_at, own = spec.recipes_of(index)
    found, names, unknown = [], set[str](), False
    for recipe, path in _recipes(spec, index).items():
        try:
            known = settings_for(RECIPES.get_kind(recipe))
        except InputError as error:
            faults.add(path, f": {str(error).removeprefix('recipe: ')}")
            unknown = True
            continue
        names |= known.keys()
        its = {k: _Given(f"{own_at}.{recipe}.{k}", v) for k, v in own.get(recipe, {}).items()}
        _refuse(its, known, f"recipe '{recipe}' has no", faults)
        given = {**common, **short, **its}
        fields = [_swept(known[name], given[name], faults) for name in known if name in given]
        found.append(RecipeSpace(recipe, path, tuple(field for field in fields if field)))
    if not unknown:
        _refuse(common, names, "no recipe of this sweep has a", faults)
    return tuple(found)


@dataclass(frozen=True)
class _Given:
    """Values and where they stand in the file; `short`: the one value itself stands there."""

    path: str
    values: Values
    short: bool = False


def _refuse(
    given: Mapping[str, _Given], known: Collection[str], whose: str, faults: Faults
) -> None:
    for name in [name for name in given if name not in known]:
        faults.add(given[name].path, f": {whose} setting '{name}'{closest(name, known)}")


def _recipes(spec: SweepSpec, index: int) -> dict[str, str]:
    """The recipes of a task and where each is named: the list in `space`, then `recipes`."""
    at, space = spec.space_of(index)
    own_at, own = spec.recipes_of(index)
    listed = space.get(_RECIPE, ())
    named: dict[str, str] = {}
    if isinstance(listed, tuple):
        for i, name in enumerate(listed):
            named.setdefault(str(name), f"{at}.{_RECIPE}.{i}")
    for name in own:
        named.setdefault(name, f"{own_at}.{name}")
    return named or {Configuration().recipe: at}


def _swept(setting: Setting, given: _Given, faults: Faults) -> Swept | None:
    """None if it is at fault."""
    path, values = given.path, given.values
    if not isinstance(values, Range):
        places = (path if given.short else f"{path}.{i}" for i in range(len(values)))
        return Swept(setting, tuple(map(Option, values, places)))
    log = setting.traits.log if values.log is None else values.log
    if (told := _range_fault(setting, values, log=log)) is not None:
        faults.add(path, f": {told}")
        return None
    number = int if setting.kind == "whole" else float
    ends = (Option(number(getattr(values, end)), f"{path}.{end}") for end in ("low", "high"))
    return Swept(setting, tuple(ends), values.model_copy(update={"log": log}))


def _range_fault(setting: Setting, values: Range, *, log: bool) -> str | None:
    if setting.kind not in ("real", "whole"):
        return "needs a list of values, not a range"
    bounds = f"low={values.low:g}, high={values.high:g}"
    if setting.kind == "whole" and not (values.low.is_integer() and values.high.is_integer()):
        return f"needs whole bounds, but {bounds}"
    if log and values.low <= 0.0:
        return f"a logarithmic range must begin above 0, but {bounds}; 'log: false' makes it linear"
    return None
