"""Plug-ins: files from outside that register recipes of their own.

A plug-in is one Python file. It is read once, as bytes, and those bytes are what the driver and
every worker load, so a file that changes under a running sweep changes nothing. The digest of the
bytes is part of the identity of every member whose recipe they bring.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from bimt_bench.ground import InputError, Kinds, Source, closest, entering

_SUFFIX = ".py"
_DIGITS = 12


@dataclass(frozen=True)
class Plugin:
    """A file from outside.

    `name`: the file's, without '.py'. `version`: its `__version__`, empty if it states none.
    `digest`: the first 12 hex digits of the SHA-256 of `content`.
    """

    name: str
    version: str
    digest: str
    content: bytes = field(repr=False)

    @property
    def source(self) -> Source:
        """What its kinds remember."""
        return Source(self.name, self.version, self.digest)


def load(path: str | Path) -> Plugin:
    """Reads a file and loads it; see `read` and `enter` for what is refused."""
    plugin = read(path)
    enter(plugin)
    return plugin


def load_all(paths: Iterable[str | Path]) -> tuple[Plugin, ...]:
    """Loads files in order; InputError also if two of them have one name and differ."""
    found: dict[str, Plugin] = {}
    for path in paths:
        plugin = read(path)
        held = found.setdefault(plugin.name, plugin)
        if held != plugin:
            raise InputError(
                f"plug-in '{path}': there is another plug-in '{plugin.name}'; rename one file"
            )
        enter(plugin)
    return tuple(found.values())


def read(path: str | Path) -> Plugin:
    """The plug-in in a file, not loaded yet.

    InputError if there is no such file, if it is not a .py file in UTF-8, or if it is not Python.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        near = [str(file.parent / other.name) for other in file.parent.glob(f"*{_SUFFIX}")]
        state = "is a folder, not a .py file" if file.is_dir() else "no such file"
        raise InputError(f"plug-in '{path}': {state}{closest(str(file), near)}")
    if file.suffix != _SUFFIX:
        raise InputError(f"plug-in '{path}': is not a .py file")
    try:
        content = file.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise InputError(f"plug-in '{path}': cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"plug-in '{path}': is not UTF-8: byte {error.start}") from error
    version = _stated_version(content, file.stem)
    return Plugin(file.stem, version, _digest(content), content)


def enter(plugin: Plugin) -> None:
    """Loads a plug-in from its bytes; what was loaded from a file of its name before is dropped.

    Bytes that are loaded already are left as they are. What it prints goes to stderr. InputError,
    in one line that names the plug-in, if its import fails, if it registers nothing, or if what it
    registers breaks the contract or has a name that is taken; then nothing has changed.
    """
    if _digest(plugin.content) != plugin.digest:
        raise InputError(
            f"plug-in '{plugin.name}': its bytes have the digest {_digest(plugin.content)}, "
            f"but {plugin.digest} was announced"
        )
    registries = _registries()
    if any(plugin.source in kinds.sources() for kinds in registries):
        return
    replaced = {old for kinds in registries for old in kinds.sources() if old.name == plugin.name}
    try:
        with ExitStack() as stack:
            for kinds in registries:
                stack.enter_context(kinds.unless_refused())
                for old in replaced:
                    kinds.drop(old)
            _execute(plugin)
            _check(plugin, registries)
    except BaseException:
        sys.modules.pop(_module(plugin.digest), None)
        raise
    for old in replaced:
        sys.modules.pop(_module(old.digest), None)


def _registries() -> tuple[Kinds[Any], ...]:
    """Every open set of kinds, filled with what ships: this must not happen within a plug-in."""
    from bimt_bench.recipes import RECIPES  # torch takes seconds, and a worker starts without it

    return (RECIPES,)


def _execute(plugin: Plugin) -> None:
    """Imports the bytes as a module of their own, which pydantic and pickle find by its name."""
    name, loader = _module(plugin.digest), _Loader(plugin)
    spec = spec_from_loader(name, loader, origin=loader.file)
    assert spec is not None
    sys.modules[name] = module = module_from_spec(spec)
    try:
        with entering(plugin.source), redirect_stdout(sys.stderr):
            loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{_where(plugin, error)}: {_told(error)}") from error


def _module(digest: str) -> str:
    """The name of the module that a plug-in of this digest is imported as."""
    return f"bimt_bench_plugin_{digest}"


class _Loader(InspectLoader):
    """Gives Python the bytes of a plug-in, for its import and for tracebacks."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        self.file = f"{plugin.name}{_SUFFIX}"

    def get_source(self, fullname: str) -> str:
        return self.plugin.content.decode("utf-8-sig")

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.plugin.content, self.file, "exec", dont_inherit=True)


def _check(plugin: Plugin, registries: Iterable[Kinds[Any]]) -> None:
    """InputError if it registered nothing, or a recipe that breaks the contract."""
    from bimt_bench.engine import RECIPES, check_recipe
    from bimt_bench.metrics import METRICS

    if not any(kinds.of(plugin.source) for kinds in registries):
        raise InputError(
            f"plug-in '{plugin.name}': registers nothing; write @RECIPES.register above a recipe"
        )
    for recipe in RECIPES.of(plugin.source).values():
        try:
            check_recipe(recipe, taken=METRICS)
        except InputError as error:
            raise InputError(f"plug-in '{plugin.name}': {error}") from None


def _stated_version(content: bytes, name: str) -> str:
    """The text that the file gives `__version__`, if it does; InputError if it is not Python."""
    try:
        tree = ast.parse(content, filename=f"{name}{_SUFFIX}")
    except SyntaxError as error:
        place = "" if error.lineno is None else f"line {error.lineno}: "
        raise InputError(f"plug-in '{name}': {place}{type(error).__name__}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"plug-in '{name}': is not Python: {error}") from None
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name("__version__")], value=ast.Constant(str(version))):
                return version
    return ""


def _where(plugin: Plugin, error: BaseException) -> str:
    """'plug-in 'x': line 3', the last line of the plug-in that the error passed."""
    line, trace = None, error.__traceback__
    while isinstance(trace, TracebackType):
        if trace.tb_frame.f_code.co_filename == f"{plugin.name}{_SUFFIX}":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"plug-in '{plugin.name}'" + ("" if line is None else f": line {line}")


def _told(error: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(error, SystemExit):
        return "ends the program when it is imported"
    told = " ".join(str(error).split("For further information visit")[0].split())
    if isinstance(error, InputError):
        return told
    return f"{type(error).__name__}: {told or 'no message'}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
