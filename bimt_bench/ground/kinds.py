"""The registry behind every open set of kinds: recipes, models, data, metrics, placements, ...

A kind is a class (or another named thing) that registers itself in its own file. Built-in kinds
and a stranger's enter through the same call; each remembers which file or package it came from.
"""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bimt_bench.ground.errors import InputError
from bimt_bench.ground.nearest import closest
from bimt_bench.ground.version import __version__


@dataclass(frozen=True)
class Source:
    """Where kinds come from: the name of a plug-in, its version, and the digest of its file.

    `version` is empty for a plug-in that states none. `digest` is empty for what ships with
    bimt_bench, whose own digests cover it.
    """

    name: str
    version: str
    digest: str = ""

    @property
    def built_in(self) -> bool:
        """Whether it ships with bimt_bench."""
        return not self.digest

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


BUILT_IN = Source("bimt_bench", __version__)
_entering: ContextVar[Source] = ContextVar("entering", default=BUILT_IN)


@contextmanager
def entering(source: Source) -> Iterator[None]:
    """What is registered within comes from `source`."""
    token = _entering.set(source)
    try:
        yield
    finally:
        _entering.reset(token)


class Named(Protocol):
    """All that a registry asks of a kind."""

    name: str


Kind = TypeVar("Kind")


class Kinds(Mapping[str, Kind], Generic[Kind]):
    """Kinds of one sort by name, in the order in which they were registered.

    Those that ship are registered when somebody first asks for one.
    """

    def __init__(self, word: str, *, home: str = "") -> None:
        """`word` is what one of them is called: 'recipe'. Importing `home` registers ours."""
        self.word = word
        self._home = home
        self._held: dict[str, Kind] = {}
        self._sources: dict[str, Source] = {}

    @property
    def _kinds(self) -> dict[str, Kind]:
        """All kinds, ours among them; while `home` is being imported, those so far."""
        home, self._home = self._home, ""
        if home:
            try:
                with entering(BUILT_IN):
                    importlib.import_module(home)
            except BaseException:
                self._home = home
                raise
        return self._held

    def register(self, kind: Kind, *, name: str | None = None) -> Kind:
        """Adds a kind under `name` (its own, if absent) and returns it; serves as a decorator.

        InputError if it has no name, or if there is another kind of that name. The same class may
        be registered again: a module that is loaded twice.
        """
        name = name if name is not None else getattr(kind, "name", None)
        source = _entering.get()
        if not isinstance(name, str) or not name:
            raise InputError(f"{self.word}: {kind!r} of {source} has no name")
        kinds = self._held if source.built_in else self._kinds  # ours come first
        held = self._sources.get(name)
        if held is not None and held != source:
            raise InputError(
                f"{self.word}: '{name}' of {source} has the name of one of {held}; rename it"
            )
        if held is not None and _place(kinds[name]) != _place(kind):
            raise InputError(f"{self.word}: {source} has two of the name '{name}'; rename one")
        kinds[name], self._sources[name] = kind, source
        return kind

    def get_kind(self, name: str) -> Kind:
        """The kind of that name; InputError with the nearest name if there is none."""
        if name not in self._kinds:
            raise InputError(
                f"{self.word}: unknown {self.word} '{name}'{closest(name, self._kinds)} "
                f"(allowed: {', '.join(self._kinds)})"
            )
        return self._kinds[name]

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
    def unless_refused(self) -> Iterator[None]:
        """What is registered or dropped within is undone if an error is raised."""
        kinds, sources = dict(self._kinds), dict(self._sources)  # ours are there before and after
        try:
            yield
        except BaseException:
            self._held, self._sources = kinds, sources
            raise

    def drop(self, source: Source) -> None:
        """Takes out what a source registered; built-in kinds stay."""
        if source.built_in:
            return
        for name in self.of(source):
            del self._held[name], self._sources[name]

    def __getitem__(self, name: str) -> Kind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def _place(kind: object) -> tuple[object, object]:
    """Where a class or function was written; of something that wraps a function, where that was."""
    kind = inspect.unwrap(kind)  # pyright: ignore[reportArgumentType]
    return getattr(kind, "__module__", None), getattr(kind, "__qualname__", None)
