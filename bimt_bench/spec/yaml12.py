"""Reads and writes YAML by the core schema of YAML 1.2, within limits of size.

PyYAML finds the structure; what a word means is said here. `010` is ten and `0o10` eight; `yes`,
`1:00` and dates are words; tags of other schemas and control characters are refused by line and
column. Merge keys (`<<`) are the one thing that is kept of YAML 1.1.
"""

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from bimt_bench.ground import fitting, unprintable

MOST_CHARACTERS = 4_000_000
MOST_NODES = 100_000  # with aliases written out; the largest table of an operation has 65,536
MOST_DEPTH = 50
_LONGEST_NUMBER = 100  # characters
_LONGEST_KEY = 200
_CHARACTERS_A_NODE = 64  # long text counts as several nodes, so that aliases cannot repeat it
_CORE = "tag:yaml.org,2002:"
_MERGE = "<<"
_SCALARS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "null": (r"~|null|Null|NULL|", "~nN"),
        "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
        "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        "float": (
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
            "-+.0123456789",
        ),
    }
)


class YamlFault(ValueError):
    """What cannot be read; the text begins with line and column where there are any."""


class Dumper(yaml.SafeDumper):
    """Quotes what any version of YAML might read as something else than a word."""


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """From text to nodes, within the limits; aliases count as what they stand for."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._nodes = self._depth = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node and what is in it."""
        event: Any = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._sizes:
                _refuse(event.start_mark, f"*{event.anchor} stands within what it names")
            self._count(self._sizes[id(node)], event.start_mark)
            return node
        before, self._depth = self._nodes, self._depth + 1
        if self._depth > MOST_DEPTH:
            _refuse(event.start_mark, f"lists and fields are more than {MOST_DEPTH} deep")
        self._count(1 + len(getattr(event, "value", "")) // _CHARACTERS_A_NODE, event.start_mark)
        node = super().compose_node(parent, index)
        self._sizes[id(node)] = self._nodes - before
        self._depth -= 1
        return node

    def _count(self, more: int, mark: Any) -> None:
        self._nodes += more
        if self._nodes > MOST_NODES:
            _refuse(mark, f"more than {MOST_NODES:,} values, with aliases written out")


for _name, (_pattern, _first) in _SCALARS.items():
    _pattern_of = re.compile(rf"(?:{_pattern})\Z")
    _letters: Any = [*_first, *([""] if _name == "null" else [])]
    _Loader.add_implicit_resolver(f"{_CORE}{_name}", _pattern_of, _letters)
    Dumper.add_implicit_resolver(f"{_CORE}{_name}", _pattern_of, _letters)


def load(text: str) -> tuple[Any, list[str]]:
    """The value that the text writes, and one line for every key that is given twice.

    YamlFault, with line and column, for what is no YAML, is not of the core schema or is beyond a
    limit.
    """
    if len(text) > MOST_CHARACTERS:
        raise YamlFault(f"{len(text):,} characters; at most {MOST_CHARACTERS:,} are read")
    repeated: list[str] = []
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        told = " ".join(str(part) for part in (error.context, error.problem) if part)
        mark: Any = error.problem_mark or error.context_mark
        raise YamlFault(f"{_place(mark)}{' '.join(told.split())}") from None
    except yaml.reader.ReaderError as error:
        raise YamlFault(
            f"{_place_of(text, error.position)}the character {chr(error.character)!a} "
            "is not allowed"
        ) from None
    except yaml.YAMLError as error:
        raise YamlFault(" ".join(str(error).split())) from None
    return (None if node is None else _value(node, repeated)), repeated


def dump(content: object) -> str:
    """Mappings, lists and scalars as text that `load` reads back."""
    return yaml.dump(content, Dumper=Dumper, sort_keys=False)


def _value(node: Any, repeated: list[str]) -> Any:
    """What a node means, by its tag."""
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    kind = "map" if isinstance(node, yaml.MappingNode) else "seq"
    if node.tag != f"{_CORE}{kind}":
        _refuse_tag(node)
    if kind == "seq":
        return [_value(one, repeated) for one in node.value]
    merged, found = dict[str, Any](), dict[str, Any]()
    for key, value in node.value:
        if key.value == _MERGE and getattr(key, "style", "") is None:
            merged |= _merged(value, repeated)
            continue
        name = _key(key)
        if name in found:
            line = key.start_mark.line + 1
            repeated.append(f"line {line}: key '{name}' is given twice; keep one")
        found[name] = _value(value, repeated)
    return merged | found


def _merged(node: Any, repeated: list[str]) -> dict[str, Any]:
    """What a merge key brings: the fields of one mapping or several, the earlier before later."""
    found = dict[str, Any]()
    for one in reversed(node.value if isinstance(node, yaml.SequenceNode) else [node]):
        if not isinstance(one, yaml.MappingNode):
            _refuse(one.start_mark, "<< takes fields, or a list of such")
        found |= _value(one, repeated)
    return found


def _key(node: Any) -> str:
    """A field's name; nothing else can be one."""
    name = _scalar(node) if isinstance(node, yaml.ScalarNode) else None
    if not isinstance(name, str):
        given = f"{node.value!r}" if isinstance(node, yaml.ScalarNode) else "a list or fields"
        _refuse(node.start_mark, f"{fitting(given)} given as a name; names are words")
    if len(name) > _LONGEST_KEY:
        _refuse(node.start_mark, f"a name of {len(name):,} characters; at most {_LONGEST_KEY}")
    return name


def _scalar(node: yaml.ScalarNode) -> Any:
    tag, text = node.tag, node.value
    if (told := unprintable(text)) is not None:
        _refuse(node.start_mark, f"{told}, which is not allowed")
    if tag == f"{_CORE}str":
        return text
    kind = tag.removeprefix(_CORE)
    if not tag.startswith(_CORE) or kind not in _SCALARS:
        _refuse_tag(node)
    if len(text) > _LONGEST_NUMBER:
        _refuse(node.start_mark, f"a number of {len(text):,} characters; at most {_LONGEST_NUMBER}")
    whole = kind == "float" and re.fullmatch(_SCALARS["int"][0], text)
    if not whole and not re.fullmatch(_SCALARS[kind][0], text):
        _refuse(node.start_mark, f"!!{kind} {text!r} given, which is none")
    return _MEANINGS[kind](text, node.start_mark)


def _whole(text: str, mark: Any) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    found = int(text if base == 10 else text[2:], base)
    if not -(2**63) <= found < 2**63:
        _refuse(mark, f"{fitting(text)} is beyond whole numbers of 64 bits")
    return found


def _real(text: str, mark: Any) -> float:
    if text[:2] in ("0o", "0x"):
        return float(_whole(text, mark))
    found = float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
    if math.isinf(found) and "inf" not in text.lower():
        _refuse(mark, f"{fitting(text)} is beyond numbers of 64 bits")
    return found


_MEANINGS: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType(
    {
        "null": lambda _text, _mark: None,
        "bool": lambda text, _mark: text.lower() == "true",
        "int": _whole,
        "float": _real,
    }
)


def _refuse_tag(node: Any) -> NoReturn:
    tag = f"!!{node.tag.removeprefix(_CORE)}" if node.tag.startswith(_CORE) else node.tag
    sort = {yaml.MappingNode: ("map",), yaml.SequenceNode: ("seq",)}.get(type(node))
    allowed = ", ".join(f"!!{name}" for name in sort or ("str", *_SCALARS))
    _refuse(node.start_mark, f"tag {fitting(tag)} given; allowed here: {allowed}")


def _refuse(mark: Any, told: str) -> NoReturn:
    raise YamlFault(f"{_place(mark)}{told}")


def _place(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "


def _place_of(text: str, position: int) -> str:
    before = text[:position]
    return f"line {before.count(chr(10)) + 1}, column {position - before.rfind(chr(10))}: "
