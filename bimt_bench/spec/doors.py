"""The open sets that task and sweep files choose from, and the fields that hold one kind of a set.

A kind is a class in a file of its own, with its settings inside; the folder that its set names as
home registers those that ship. A field marked `OneOf` holds the settings of the kind that a file
names, checked by that kind.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import core_schema

from bimt_bench.ground import Kinds, closest
from bimt_bench.spec.base import Seed, Spec
from bimt_bench.spec.faults import brief, faults


class KindSettings(Spec):
    """The settings of one kind of an open set; `kind` is the name of that kind.

    plain: whether the name alone may stand for them, in files and in digests, where every other
    setting has the value that digests leave out.
    """

    plain: ClassVar[bool] = False

    kind: str


class DataSettings(KindSettings):
    """The settings of a data kind; `seed` is that of what it draws and of the order of batches."""

    seed: Seed = 0


class ModelSettings(KindSettings):
    """The settings of a model kind."""


class PlacementSettings(KindSettings):
    """The settings of a placement."""


class DistanceSettings(KindSettings):
    """The settings of a distance."""

    plain: ClassVar[bool] = True


class LossSettings(KindSettings):
    """The settings of a loss."""

    plain: ClassVar[bool] = True


class MeasureSettings(KindSettings):
    """The settings of a performance measure."""

    plain: ClassVar[bool] = True


def _set(word: str, home: str, contract: str, group: str) -> Kinds[Any]:
    return Kinds(word, home=f"bimt_bench.{home}", contract=contract, group=f"bimt_bench.{group}")


RECIPES = _set("recipe", "recipes", "Recipe", "recipes")
DATA = _set("data kind", "data", "DataKind", "data")
MODELS = _set("model", "network", "ModelKind", "models")
PLACEMENTS = _set("placement", "network", "Placement", "placements")
DISTANCES = _set("distance", "network", "Distance", "distances")
LOSSES = _set("loss", "engine.objective", "Loss", "losses")
MEASURES = _set("performance measure", "engine.objective", "Measure", "measures")
METRICS = _set("metric", "metrics", "Metric", "metrics")
SETS = (RECIPES, DATA, MODELS, PLACEMENTS, DISTANCES, LOSSES, MEASURES, METRICS)
"""Every open set."""


class KindFault(ValueError):
    """A value that no kind of a set takes: one line a fault, each with its path below the field."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {line}" if path else line for path, line in lines))
        self.lines = tuple(lines)


def choose(
    kinds: Kinds[Any], value: object, *, context: Mapping[str, Any] | None = None
) -> KindSettings:
    """The settings that a mapping with `kind`, or a kind's name alone, stands for.

    `context` is passed on to validators: `folder` is that of the task file.

    KindFault if it is no such mapping, if there is no such kind, or if the kind refuses it.
    """
    if isinstance(value, KindSettings):
        held = kinds.get(value.kind)
        if held is not None and isinstance(value, held.Settings):
            return value
        value = value.model_dump(by_alias=True)
    if isinstance(value, str):
        return _checked(kinds, value, {"kind": value}, "", context)
    if not isinstance(value, Mapping):
        raise KindFault([("", f"{brief(value)} given; should be a mapping of fields")])
    if "kind" not in value:
        raise KindFault([("kind", "is missing")])
    return _checked(kinds, value["kind"], dict(value), "kind", context)


def _unknown(kinds: Kinds[Any], name: object) -> str:
    near = closest(str(name), kinds) + kinds.told_of_plugins(name)
    return f"{brief(name)} given; allowed are {', '.join(kinds)}{near}"


def _checked(
    kinds: Kinds[Any],
    name: object,
    given: dict[Any, Any],
    path: str,
    context: Mapping[str, Any] | None,
) -> KindSettings:
    if not isinstance(name, str) or name not in kinds:
        raise KindFault([(path, _unknown(kinds, name))])
    model = kinds.get_kind(name).Settings
    try:
        return model.model_validate(given, context=context)
    except ValidationError as error:
        raise KindFault(faults(error, model, given)) from None


@dataclass(frozen=True)
class OneOf:
    """Marks a field that holds one kind of a set: Annotated[ModelSettings, OneOf(MODELS)]."""

    kinds: Kinds[Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Whatever the field's declared type, the kind that is named checks the value."""
        return core_schema.with_info_plain_validator_function(
            lambda value, info: choose(self.kinds, value, context=info.context),
            serialization=core_schema.plain_serializer_function_ser_schema(written),
        )


def chosen(kinds: Kinds[Any], kind: str, **settings: Any) -> Any:
    """The default of such a field, looked up when it is first needed."""
    return Field(default_factory=lambda: choose(kinds, {"kind": kind, **settings}))


def kinds_in(spec: BaseModel) -> Iterator[tuple[Kinds[Any], str]]:
    """The kinds that a specification chooses, however deep, each with the set that it is of."""
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if isinstance(value, KindSettings):
            sets = [mark.kinds for mark in field.metadata if isinstance(mark, OneOf)]
            yield from ((kinds, value.kind) for kinds in sets)
        if isinstance(value, BaseModel):
            yield from kinds_in(value)


def named(value: KindSettings) -> str:
    """Settings as a column holds them: the name alone where that will do, else as JSON."""
    found = written(value)
    return found if isinstance(found, str) else json.dumps(found, sort_keys=True)


def briefly(value: KindSettings) -> str:
    """A kind and its settings that are not as usual: 'ring, radius: 0.4'."""
    given = value.model_dump(mode="json", exclude_defaults=True, exclude={"kind"})
    return ", ".join([value.kind, *(f"{name}: {one}" for name, one in given.items())])


def written(value: KindSettings) -> Any:
    """Settings in terms of JSON, as a file would have them; the name alone where that will do."""
    if value.plain and value.identity() == value.kind:
        return value.kind
    return value.model_dump(mode="json", by_alias=True)
