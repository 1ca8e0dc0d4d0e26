"""Where kinds come from: bimt_bench itself, a package that is installed, or a plug-in file."""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from bimt_bench.ground.errors import InputError
from bimt_bench.ground.version import __version__

GROUPS = "bimt_bench."
"""What the names of entry points' groups begin with: 'bimt_bench.recipes'."""
_OURS = "bimt_bench"
_DIGITS = 12


@dataclass(frozen=True)
class Source:
    """Where kinds come from: the name of a plug-in, its version, and the digest of its code.

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


BUILT_IN = Source(_OURS, __version__)
_entering: ContextVar[tuple[Source, str] | None] = ContextVar("entering", default=None)


@contextmanager
def entering(source: Source, *, module: str = "") -> Iterator[None]:
    """What is registered within comes from `source`; only what is written in `module`, if given."""
    token = _entering.set((source, module))
    try:
        yield
    finally:
        _entering.reset(token)


def half_imported(module: str) -> bool:
    """Whether the import of a module, or of one below it, has begun and not ended."""
    held = [one for name, one in list(sys.modules.items()) if lies_in(name, module)]
    return any(getattr(getattr(one, "__spec__", None), "_initializing", False) for one in held)


def may_enter() -> bool:
    """Whether a plug-in can be imported now: no other is, and no part of bimt_bench is."""
    return _entering.get() is None and not half_imported(_OURS)


def origin(kind: object) -> Source:
    """Where a class, a function, or an instance that wraps one, comes from.

    What is not of bimt_bench itself, nor of a plug-in that is being entered, comes from the package
    that it is written in, however that was imported. InputError if its code cannot be read.
    """
    written, module = written_as(kind), module_of(kind)
    if _top(module) == _OURS:
        return BUILT_IN
    entered = _entering.get()
    if entered is not None and (not module or entered[1] in ("", module)):
        return entered[0]
    if not module:
        return BUILT_IN
    return _of_session(written) if _top(module) == "__main__" else source_of_module(module)


def written_as(kind: object) -> object:
    """The class or function that somebody wrote: itself, what it wraps, or its class."""
    if inspect.isclass(kind) or inspect.isroutine(kind):
        return inspect.unwrap(kind)  # pyright: ignore[reportArgumentType]
    return getattr(kind, "__wrapped__", type(kind))


def module_of(kind: object) -> str:
    """The module that a kind is written in; empty if it cannot be said."""
    return getattr(written_as(kind), "__module__", None) or ""


def package_of(kind: object) -> str:
    """The package that a kind belongs to, all of which is its author's; of ours, its module."""
    module = module_of(kind)
    return module if _top(module) == _OURS else _top(module)


def lies_in(module: str, package: str) -> bool:
    """Whether a module is a package, or lies in it."""
    return module == package or module.startswith(f"{package}.")


def source_of_module(module: str) -> Source:
    """The package of a module as it is installed here; the digest covers all its Python files.

    InputError if there is no such module, or if it has no files.
    """
    top = _top(module)
    files = _files(top)
    if not files:
        raise InputError(f"plug-in '{module}': there is no such module here")
    digest = hashlib.sha256()
    for name, file in files:
        digest.update(f"{name}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    found = _distribution(top)
    name, version = (top, "") if found is None else (found.name, found.version)
    return Source(name, version, digest.hexdigest()[:_DIGITS])


def _files(top: str) -> list[tuple[str, Path]]:
    """The Python files of a package or module, by path below it, sorted."""
    held = sys.modules.get(top)
    try:
        spec = getattr(held, "__spec__", None) if held is not None else find_spec(top)
    except (ImportError, ValueError):
        spec = None
    roots = [Path(root) for root in (spec and spec.submodule_search_locations) or ()]
    found = {
        file.relative_to(root).as_posix(): file for root in roots for file in root.rglob("*.py")
    }
    origin = getattr(held, "__file__", None) or (spec and spec.origin)
    if not found and origin and Path(origin).is_file():
        found = {Path(origin).name: Path(origin)}
    return sorted(found.items())


@lru_cache(maxsize=64)
def _distribution(top: str) -> metadata.Distribution | None:
    """The distribution of a package; entry points name it even where it is editable."""
    for found in metadata.distributions():
        for point in found.entry_points:
            if point.group.startswith(GROUPS) and _top(point.module) == top:
                return found
    names = metadata.packages_distributions().get(top, ())
    return next((metadata.distribution(name) for name in names), None)


def _of_session(kind: object) -> Source:
    """Of a class in a script or a notebook: the script's file, else the text of the class."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        text = Path(file).read_bytes() if file else inspect.getsource(kind).encode()  # pyright: ignore[reportArgumentType]
    except (OSError, TypeError):
        raise InputError(
            f"plug-in: {kind!r} has no source that could be read; write it into a file and load "
            "that as a plug-in"
        ) from None
    name = Path(file).stem if file else "__main__"
    return Source(name, "", hashlib.sha256(text).hexdigest()[:_DIGITS])


def _top(module: str) -> str:
    return module.partition(".")[0]
