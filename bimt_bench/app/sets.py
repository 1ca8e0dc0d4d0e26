"""What there is of an open set, for the terminal: a row a kind, or one kind with its settings."""

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bimt_bench.ground import InputError, Kinds, closest
from bimt_bench.network import GEOMETRIES
from bimt_bench.spec import DISTANCES, PLACEMENTS, GeometrySpec, briefly

_ROW = ("title", "direction", "unit", "source")
_TITLES = {"data kind": "Kinds of data", "loss": "Losses"}


def of_set(kinds: Kinds[Any]) -> Table:
    """The kinds of a set, a row each; where they come from, if any is a plug-in's."""
    foreign = any(not source.built_in for source in _sources(kinds).values())
    stated = [fact for fact in _ROW if any(_fact(kind, fact) for kind in kinds.values())]
    title = _TITLES.get(kinds.word, f"{kinds.word.capitalize()}s")
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("name", no_wrap=True)
    for heading in ("what it is", *stated, *(["from"] if foreign else [])):
        table.add_column(heading, overflow="fold")
    for name, kind in kinds.items():
        row = [name, _summary(kind), *(_fact(kind, fact) for fact in stated)]
        table.add_row(*map(Text, [*row, *([str(kinds.source_of(name))] if foreign else [])]))
    if kinds.left_out:
        table.caption = Text("\n".join(f"left out: {line}" for line in kinds.left_out))
    return table


def of_kind(kinds: Kinds[Any], name: str) -> Group:
    """One kind with all that it states and its settings; InputError with the nearest name."""
    kind = kinds.get_kind(name)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    if _summary(kind):
        facts.add_row("what it is", Text(_summary(kind)))
    for fact in inspect.get_annotations(kinds.contract):
        if fact != "name" and _fact(kind, fact):
            facts.add_row(fact.replace("_", " "), Text(_fact(kind, fact)))
    facts.add_row("from", Text(_from(kinds, name)))
    rows = list(_settings(getattr(kind, "Settings", None)))
    parts = [Text(name, style="bold"), facts]
    if rows:
        table = Table(title="Settings", title_justify="left")
        table.add_column("setting", no_wrap=True)
        for heading in ("allowed", "default", "what it is"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        parts.append(table)
    return Group(*parts)


def of_geometries() -> Group:
    """The named geometries, and what others can be made of: placements and distances."""
    table = Table(title="Geometries", title_justify="left")
    table.add_column("name", no_wrap=True)
    for heading in ("input", "hidden", "output", "distance"):
        table.add_column(heading, overflow="fold")
    for name, one in GEOMETRIES.items():
        table.add_row(*map(Text, [name, *_parts(one).values()]))
    return Group(table, of_set(PLACEMENTS), of_set(DISTANCES))


def of_geometry(name: str) -> Group:
    """A named geometry, a placement or a distance; InputError with the nearest name."""
    if name in GEOMETRIES:
        grid = Table.grid(padding=(0, 2))
        for part, kind in _parts(GEOMETRIES[name]).items():
            grid.add_row(Text(part, style="dim"), Text(kind))
        return Group(Text(name, style="bold"), grid)
    for kinds in (PLACEMENTS, DISTANCES):
        if name in kinds:
            return of_kind(kinds, name)
    known = [*GEOMETRIES, *PLACEMENTS, *DISTANCES]
    raise InputError(
        f"geometry: no geometry, placement or distance has the name '{name}'"
        f"{closest(name, known)} (allowed: {', '.join(dict.fromkeys(known))})"
    )


def _parts(one: GeometrySpec) -> dict[str, str]:
    return {part: briefly(getattr(one, part)) for part in ("input", "hidden", "output", "distance")}


def _sources(kinds: Kinds[Any]) -> dict[str, Any]:
    return {name: kinds.source_of(name) for name in kinds}


def _from(kinds: Kinds[Any], name: str) -> str:
    source = kinds.source_of(name)
    return str(source) + (f" (digest {source.digest})" if source.digest else "")


def _summary(kind: Any) -> str:
    """The first line of its docstring; of something that wraps a function, of that one's."""
    kind = inspect.unwrap(kind)
    text = inspect.getdoc(kind) if inspect.isclass(kind) or inspect.isroutine(kind) else ""
    return (text or "").partition("\n")[0]


def _fact(kind: Any, fact: str) -> str:
    """What a kind states, as text; empty if it states nothing that can be read."""
    value = getattr(kind, fact, None)
    if value is None or value == "" or inspect.isroutine(value) or inspect.isclass(value):
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(getattr(value, "what", value))


# ------------------------------------------------------------------------------ settings


def _settings(owner: Any) -> Iterator[tuple[str, str, str, str]]:
    """Name, values, default and description of every setting but `kind`."""
    if owner is None:
        return
    schema = owner.model_json_schema()
    for name, field in schema["properties"].items():
        if name != "kind":
            default = "none: must be given" if "default" not in field else _plain(field["default"])
            yield name, _allowed(field, schema), default, field.get("description", "")


def _plain(value: Any) -> str:
    return "empty" if value is None else value if isinstance(value, str) else json.dumps(value)


_WORDS = {
    "number": "a number", "integer": "a whole number", "string": "text",
    "boolean": "true or false", "null": "empty", "object": "a mapping",
}  # fmt: skip
_BOUNDS = {
    "minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<",
}  # fmt: skip


def _allowed(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The values of a field, in words, from its JSON schema."""
    if "$ref" in field:
        return _allowed(schema["$defs"][field["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in field:
        return " or ".join(_allowed(one, schema) for one in field["anyOf"])
    if "enum" in field or "const" in field:
        return ", ".join(map(_plain, field.get("enum", [field.get("const")])))
    if field.get("type") == "array":
        item = field.get("items", {})
        return f"a list of: {_allowed(item, schema)}" if item else "a list"
    bounds = [f"{sign} {field[name]:g}" for name, sign in _BOUNDS.items() if name in field]
    word = _WORDS.get(field.get("type", ""), "as in a task file")
    return " ".join([word, " and ".join(bounds)]).strip()
