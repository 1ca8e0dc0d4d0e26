"""Turns pydantic's report on a specification into one line a fault, each with its dotted path."""

import re
from collections.abc import Iterator, Mapping, Sequence
from reprlib import Repr
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bimt_bench.ground import closest

Location = tuple[int | str, ...]
# kinds of fault that a fault further inside explains better: the value was meant for another of
# the allowed types, or pydantic dropped a faulty item and found the rest too short
_ECHOES = frozenset(
    {"tuple_type", "dict_type", "model_type", "string_type", "float_type", "too_short"}
)


class _Brief(Repr):
    """Enough of a value for a line, without writing out all of a large one."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxtuple = self.maxlist = self.maxset = self.maxdict = 30
        self.maxstring, self.maxlong, self.maxother = 120, 90, 90


_BRIEF = _Brief()


def fault_lines(error: ValidationError, model: type[BaseModel], raw: object) -> list[str]:
    """One line a fault: dotted path, what was given, what is allowed and the closest valid name.

    `raw` is what was validated against `model`. A value that fits none of several types is one
    fault that lists them, not one fault a type.
    """
    return [f"{path}: {line}" if path else line for path, line in faults(error, model, raw)]


def faults(error: ValidationError, model: type[BaseModel], raw: object) -> list[tuple[str, str]]:
    """The dotted path and the line of every fault; see `fault_lines`."""
    found: dict[tuple[str, str], list[str]] = {}
    details = error.errors(include_url=False)
    paths = [_path(raw, detail) for detail in details]
    above = {parent for path in set(paths) for parent in _parents(path)}
    for path, detail in zip(paths, details, strict=True):
        inner = getattr(detail.get("ctx", {}).get("error"), "lines", None)
        if inner is not None:  # of a kind, which knows its own fields
            for below, line in inner:
                found[(".".join(part for part in (path, below) if part), line)] = [""]
            continue
        if detail["type"] in _ECHOES and path in above:
            continue
        before, after = _describe(detail, model)
        dotted = f"{path}.kind" if detail["type"].startswith("union_tag") else path
        messages = found.setdefault((dotted, before), [])
        if after not in messages:
            messages.append(after)
    return [(path, before + _joined(after)) for (path, before), after in found.items()]


def _joined(messages: list[str]) -> str:
    first, *others = messages
    return " or ".join([first, *(other.removeprefix("should be ") for other in others)])


def _describe(detail: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    """What is wrong, and what is allowed."""
    kind, given, location = detail["type"], detail["input"], detail["loc"]
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _field_names(_models_at(model, location[:-1]))
        word = str(location[-1])
        return "", f"unknown field{closest(word, allowed) or '; fields are ' + _listed(allowed)}"
    if kind == "missing":
        return "", "is missing"
    if kind == "union_tag_not_found":
        return "", "is missing"
    if kind == "value_error":
        return "", str(context.get("error", detail["msg"]))
    if kind in ("literal_error", "union_tag_invalid"):
        word = str(context.get("tag", given))
        expected = str(context.get("expected", context.get("expected_tags", "")))
        allowed = re.findall(r"'([^']*)'", expected)
        if location[-1:] == ("[key]",):
            return "", f"unknown field{closest(word, allowed)}; fields are {_listed(allowed)}"
        return f"{brief(word)} given; ", f"allowed are {_listed(allowed)}{closest(word, allowed)}"
    return f"{brief(given)} given; ", _plain(detail["msg"])


def _plain(message: str) -> str:
    """Pydantic's message in words of YAML."""
    message = re.sub(r"valid dictionary( or instance of \w+)?", "mapping of fields", message)
    message = message.replace("an object", "a mapping of fields")  # what JSON calls it
    return re.sub(r"(valid )?([Tt]uple|array)", "list", message).replace("Input should", "should")


def brief(value: object) -> str:
    """A value as a message names it, in at most 80 characters."""
    text = _BRIEF.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _parents(path: str) -> Iterator[str]:
    """The dotted paths above a path."""
    while path:
        path = path.rpartition(".")[0]
        yield path


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _path(raw: object, detail: Mapping[str, Any]) -> str:
    """The dotted path in the file: pydantic's location without its names of types."""
    steps: list[str] = []
    here = raw
    location: Location = detail["loc"]
    for i, step in enumerate(location):
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, Sequence) and not isinstance(here, str) and isinstance(step, int):
            here = here[step] if step < len(here) else None
        elif detail["type"] != "missing" or i < len(location) - 1:
            continue  # the name of a type, or the tag of a union
        steps.append(str(step))
    return ".".join(steps)


def _models_at(model: type[BaseModel], location: Location) -> list[type[BaseModel]]:
    """The models that may stand at a location: several within an untagged union."""
    models = [model]
    for step in location:
        inner = [m for model in models for m in _inner_models(model, step)]
        if inner:
            models = inner
            continue
        named = [m for m in models if step == _tag(m) or f" {m.__name__}]" in str(step)]
        models = named or models
    return models


def _inner_models(model: type[BaseModel], step: int | str) -> Iterator[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if step in (name, field.alias):
            yield from _models_in(field.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _tag(model: type[BaseModel]) -> str | None:
    """The tag by which a union tells this model from others: its `kind`, if there is just one."""
    field = model.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal:
        return None
    tags = get_args(field.annotation)
    return str(tags[0]) if len(tags) == 1 else None


def _field_names(models: Sequence[type[BaseModel]]) -> list[str]:
    names = [f.alias or name for m in models for name, f in m.model_fields.items()]
    return list(dict.fromkeys(names))
