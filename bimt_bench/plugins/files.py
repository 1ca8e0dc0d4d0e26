"""Plug-in files: one Python file each, read once as bytes.

Those bytes are what the driver and every worker load, so a file that changes under a running sweep
changes nothing.
"""

import ast
import hashlib
import sys
from contextlib import redirect_stdout
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType

from bimt_bench.ground import InputError, closest, entering, last_in
from bimt_bench.plugins.blame import told
from bimt_bench.plugins.contracts import check_all, unless_refused
from bimt_bench.plugins.plugin import Plugin, module_name
from bimt_bench.spec import SETS

_SUFFIX = ".py"
_DIGITS = 12


def read(path: Path) -> Plugin:
    """The plug-in in a file, not entered yet.

    InputError if there is no such file, if it is not a .py file in UTF-8, or if it is not Python.
    """
    file = path.expanduser()
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
    """Loads a file from its bytes; what was loaded from a file of its name before is dropped."""
    if _digest(plugin.content) != plugin.digest:
        raise InputError(
            f"plug-in '{plugin.name}': its bytes have the digest {_digest(plugin.content)}, "
            f"but {plugin.digest} was announced"
        )
    held = {source for kinds in SETS for source in kinds.sources()}
    if plugin.source in held:
        return
    replaced = [
        old for old in held if old.name == plugin.name and module_name(old.digest) in sys.modules
    ]
    with unless_refused(module_name(plugin.digest)):
        for kinds in SETS:
            for old in replaced:
                kinds.drop(old)
        _execute(plugin)
        _check(plugin)
    for old in replaced:
        sys.modules.pop(module_name(old.digest), None)


def _execute(plugin: Plugin) -> None:
    """Imports the bytes as a module of their own, which pydantic and pickle find by its name."""
    name, loader = module_name(plugin.digest), _Loader(plugin)
    spec = spec_from_loader(name, loader, origin=loader.file)
    assert spec is not None
    sys.modules[name] = module = module_from_spec(spec)
    try:
        with entering(plugin.source, module=name), redirect_stdout(sys.stderr):
            loader.exec_module(module)
    except (Exception, SystemExit) as error:
        place = last_in(name, error.__traceback__)
        where = f"plug-in '{plugin.name}'" + ("" if place is None else f": line {place.line}")
        text = told(error, "ends the program when it is imported")
        raise InputError(f"{where}: {text}") from error


class _Loader(InspectLoader):
    """Gives Python the bytes of a plug-in, for its import and for tracebacks."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        self.file = f"{plugin.name}{_SUFFIX}"

    def get_source(self, fullname: str) -> str:
        return self.plugin.content.decode("utf-8-sig")

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.plugin.content, self.file, "exec", dont_inherit=True)


def _check(plugin: Plugin) -> None:
    """InputError if it registered nothing, or a kind that breaks its contract."""
    try:
        check_all(plugin.source)
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


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
