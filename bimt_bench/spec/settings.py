"""Settings: declared once, as a field of what owns them.

A setting is a field made by `setting`. From that one line follow its check in a task or sweep file,
its range for a searcher, its column in the frame, its MLflow parameter, its `--set name=value` and
its row in the docs. Nothing else lists it.
"""

import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from bimt_bench.spec.base import ALWAYS, Spec

_KEY = "bimt_bench.setting"


@dataclass(frozen=True)
class Traits:
    """What a setting is, apart from its type, limits, default and description.

    of_task: dotted path of the task's published value, taken where nothing is given. absent: the
    value that digests leave out, written when the setting is born and never edited. unit: of its
    values. log: whether searchers draw it on a logarithmic scale if they are not told. shared:
    whether it is one for all members of a pack. when: other settings of the same owner and the
    value that each must have for this one to apply; where it does not apply it is empty.
    """

    of_task: str | None = None
    absent: Any = ALWAYS
    unit: str = ""
    log: bool = False
    shared: bool = False
    when: Mapping[str, object] = field(default_factory=dict)


def setting(
    default: Any = ...,
    doc: str = "",
    *,
    of_task: str | None = None,
    absent: Any = ALWAYS,
    unit: str = "",
    log: bool = False,
    shared: bool = False,
    when: Mapping[str, object] | None = None,
    **limits: Any,
) -> Any:
    """A field that is a setting; `limits` are those of pydantic's `Field` (ge, gt, le, lt, ...).

    See `Traits` for the rest. A field with `of_task` needs no default: it takes the task's value.
    """
    extra: Any = {_KEY: Traits(of_task, absent, unit, log, shared, dict(when or {}))}
    if absent is not ALWAYS:
        extra["bimt_bench.absent"] = absent
    return Field(default, description=doc or None, json_schema_extra=extra, **limits)


class Settings(Spec):
    """A set of settings: frozen, strict about keys and about values ("0.5" is no number here)."""

    model_config = ConfigDict(strict=True, validate_default=True)


@dataclass(frozen=True)
class Setting:
    """One setting as everything generic reads it.

    `kind` is the type of a value: 'real', 'whole', 'word', 'flag', or 'other' for what has parts.
    `choices` lists a word's allowed values, `low` and `high` bound a number (`low_open`,
    `high_open`: they are not allowed themselves).
    """

    name: str
    owner: str
    doc: str
    kind: Literal["real", "whole", "word", "flag", "other"]
    traits: Traits
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def dtype(self) -> str:
        """The pandas dtype of its column, in which a missing value is missing and not NaN."""
        return {"real": "Float64", "whole": "Int64", "flag": "boolean"}.get(self.kind, "string")

    @property
    def allowed(self) -> str:
        """Its values in words: 'greedy, assignment' or 'a number > 0'."""
        if self.choices:
            return ", ".join(self.choices)
        word = {"real": "a number", "whole": "a whole number", "flag": "true or false"}.get(
            self.kind, "text" if self.kind == "word" else "as in a task file"
        )
        bounds = []
        if self.low is not None:
            bounds.append(f"{'>' if self.low_open else '>='} {self.low:g}")
        if self.high is not None:
            bounds.append(f"{'<' if self.high_open else '<='} {self.high:g}")
        return " ".join([word, " and ".join(bounds)]).strip()

    def cell(self, value: object) -> object:
        """A value as the frame, MLflow and files hold it: what has parts becomes JSON."""
        if value is None or self.kind in ("real", "whole", "word", "flag"):
            return value
        return json.dumps(plain(value), sort_keys=True)


def settings_of(owner: type[BaseModel], *, name: str = "") -> tuple[Setting, ...]:
    """The settings that a class declares, in order; fields that are no settings are left out."""
    return tuple(_settings(owner, name or owner.__name__))


def plain(value: object) -> Any:
    """A value in terms of JSON: specifications as mappings, tuples as lists."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    return value


def at_path(spec: object, path: str) -> Any:
    """The value at a dotted path of a specification."""
    for part in path.split("."):
        spec = getattr(spec, part)
    return spec


def _settings(owner: type[BaseModel], name: str) -> Iterator[Setting]:
    for field_name, info in owner.model_fields.items():
        extra = info.json_schema_extra
        if not isinstance(extra, dict) or _KEY not in extra:
            continue
        traits: Any = extra[_KEY]
        kind, choices = _kind(info.annotation)
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        yield Setting(
            name=field_name,
            owner=name,
            doc=info.description or "",
            kind=kind,
            traits=traits,
            default=default,
            choices=choices,
            **_bounds(info),
        )


def _kind(annotation: Any) -> tuple[Any, tuple[str, ...]]:
    """The kind of a value of this type, and the words it may be."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(annotation) if arg is not type(None)]
        return _kind(inner[0]) if len(inner) == 1 else ("other", ())
    if origin is Literal:
        return "word", tuple(str(choice) for choice in get_args(annotation))
    kinds = {float: "real", int: "whole", str: "word", bool: "flag"}
    return kinds.get(annotation, "other"), ()


def _bounds(info: FieldInfo) -> dict[str, Any]:
    """The limits among a field's metadata, and within Annotated and `X | None`."""
    found: dict[str, Any] = {}
    for limit in [*info.metadata, *_inner_metadata(info.annotation)]:
        for name, end, is_open in (
            ("ge", "low", False),
            ("gt", "low", True),
            ("le", "high", False),
            ("lt", "high", True),
        ):
            value = getattr(limit, name, None)
            if value is not None and found.get(end) is None:
                found |= {end: float(value), f"{end}_open": is_open}
    return found


def _inner_metadata(annotation: Any) -> Iterator[Any]:
    for argument in get_args(annotation):
        if get_origin(argument) is Annotated:
            for extra in get_args(argument)[1:]:
                yield extra
                yield from getattr(extra, "metadata", ())
