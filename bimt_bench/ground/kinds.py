"""The registry behind every open set of kinds: recipes, models, data, metrics, placements, ...

A kind is a class (or another named thing) that registers itself in its own file. Built-in kinds
and a stranger's enter through the same call; each remembers which file or package it came from.
"""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Generic, Protocol, TypeVar

from bimt_bench.ground.errors import InputError
from bimt_bench.ground.nearest import closest
from bimt_bench.ground.sources import (
    BUILT_IN,
    Source,
    entering,
    lies_in,
    may_enter,
    module_of,
    origin,
    written_as,
)
from bimt_bench.ground.text import fitting, unfit

# Enters what is installed. It stands far above this floor, as the homes of kinds do.
_PLUGINS = "bimt_bench.plugins"


class Named(Protocol):
    """All that a registry asks of a kind."""

    name: str


Kind = TypeVar("Kind")


class Kinds(Mapping[str, Kind], Generic[Kind]):
    """Kinds of one sort by name, in the order in which they were registered.

    When somebody first asks for one, those that ship are registered, then those of packages that
    are installed. `left_out` are the lines of installed plug-ins that could not be had.
    """

    def __init__(self, word: str, *, home: str = "", contract: str = "", group: str = "") -> None:
        """`word` is what one of them is called: 'recipe'. Importing `home` registers ours.

        `contract` names the class there that each of them fills in; `group` is that of the entry
        points of installed packages.
        """
        self.word, self.group = word, group
        self.left_out: list[str] = []
        self._home, self._contract = home, contract
        self._has_ours, self._has_installed = not home, not group
        self._held: dict[str, Kind] = {}
        self._sources: dict[str, Source] = {}

    @property
    def contract(self) -> Any:
        """The class that each of them fills in; ours are registered then."""
        return getattr(importlib.import_module(self._home), self._contract)

    @property
    def _kinds(self) -> dict[str, Kind]:
        """All kinds, ours among them; while these are being imported, those so far."""
        if not self._has_ours:
            self._has_ours = True
            try:
                with entering(BUILT_IN):
                    importlib.import_module(self._home)
            except BaseException:
                self._has_ours = False
                raise
        if not self._has_installed and may_enter():
            self._has_installed = True
            if metadata.entry_points(group=self.group):
                importlib.import_module(_PLUGINS).enter_installed(self)
        return self._held

    def register(self, kind: Kind, *, name: str | None = None) -> Kind:
        """Adds a kind under `name` (its own, if absent) and returns it; serves as a decorator.

        InputError if it has no name, or if there is another kind of that name. The same class may
        be registered again: a module that is loaded twice, a cell of a notebook that was edited.
        """
        name = name if name is not None else getattr(kind, "name", None)
        source = origin(kind)
        if not isinstance(name, str) or not name:
            raise InputError(f"{self.word}: {kind!r} of {source} has no name")
        for field, text in (("name", name), ("title", getattr(kind, "title", ""))):
            if isinstance(text, str) and (told := unfit(text)) is not None:
                raise InputError(f"{self.word}: the {field} '{fitting(text)}' of {source} {told}")
        kinds = self._held if source.built_in else self._kinds  # ours come first
        held = self._sources.get(name)
        same = held is not None and _place(kinds[name]) == _place(kind)
        if held is not None and held != source and not (same and held.name == source.name):
            raise InputError(
                f"{self.word}: '{name}' of {source} has the name of one of {held}; rename it"
            )
        if held is not None and not same:
            raise InputError(f"{self.word}: {source} has two of the name '{name}'; rename one")
        kinds[name], self._sources[name] = kind, source
        return kind

    def get_kind(self, name: str) -> Kind:
        """The kind of that name; InputError with the nearest name if there is none."""
        if name not in self._kinds:
            raise InputError(
                f"{self.word}: unknown {self.word} '{name}'{closest(name, self._kinds)} "
                f"(allowed: {', '.join(self._kinds)}){self.told_of_plugins(name)}"
            )
        return self._kinds[name]

    def told_of_plugins(self, name: object) -> str:
        """How a kind that is not known might come, to add to a message.

        That there are plug-ins of one's own, unless one of that name has brought kinds of other
        names; and which installed plug-ins are left out and why.
        """
        left_out = "".join(f"; left out: {line}" for line in self.left_out)
        known = any(source.name == name for source in self.sources())
        return left_out if known else f" (one of your own comes with --plugin FILE){left_out}"

    def source_of(self, name: str) -> Source:
        """Where the kind of that name came from; InputError if there is none."""
        self.get_kind(name)
        return self._sources[name]

    def of(self, source: Source) -> dict[str, Kind]:
        """What a source registered, by name."""
        return {name: self._held[name] for name, held in self._sources.items() if held == source}

    def sources(self) -> tuple[Source, ...]:
        """Where kinds came from, each source once."""
        return tuple(dict.fromkeys(self._sources.values()))

    @contextmanager
    def unless_refused(self, module: str = "") -> Iterator[None]:
        """What is dropped within, or registered by a plug-in, is undone if an error is raised.

        Of what is registered only that which is written in `module` or below it, if given.
        """
        before = dict(self._foreign())
        try:
            yield
        except BaseException:
            for name, (kind, _) in dict(self._foreign()).items():
                if not module or lies_in(module_of(kind), module):
                    del self._held[name], self._sources[name]
            for name, (kind, source) in before.items():
                self._held[name], self._sources[name] = kind, source
            raise

    def drop(self, source: Source) -> None:
        """Takes out what a source registered; built-in kinds stay."""
        if source.built_in:
            return
        for name in self.of(source):
            del self._held[name], self._sources[name]

    def _foreign(self) -> Iterator[tuple[str, tuple[Kind, Source]]]:
        for name, source in self._sources.items():
            if not source.built_in:
                yield name, (self._held[name], source)

    def __getitem__(self, name: str) -> Kind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def _place(kind: object) -> tuple[object, object]:
    """Where a class or function was written, or that which an instance wraps."""
    return module_of(kind), getattr(written_as(kind), "__qualname__", None)
