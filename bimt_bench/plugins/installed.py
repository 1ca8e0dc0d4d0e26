"""Plug-ins that are installed: modules that somebody names, and entry points of packages."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module, metadata
from typing import Any

from bimt_bench.ground import (
    InputError,
    Kinds,
    Source,
    entering,
    half_imported,
    last_in,
    module_of,
    source_of_module,
)
from bimt_bench.plugins.blame import told
from bimt_bench.plugins.contracts import check, check_all, unless_refused
from bimt_bench.plugins.plugin import Plugin, is_file
from bimt_bench.spec import SETS

_log = logging.getLogger("bimt_bench")


def find(module: str) -> Plugin:
    """The plug-in that a module's package is, as it is installed here, not imported yet.

    InputError if there is none.
    """
    return _plugin(source_of_module(module), module)


def enter(plugin: Plugin) -> None:
    """Imports the module of a plug-in; InputError if the code here is not what was announced."""
    here = _here(plugin)
    if here.digest != plugin.digest:
        raise InputError(
            f"plug-in '{plugin.name}': its code here has the digest {here.digest}, but "
            f"{plugin.digest} was announced; install the same version on all nodes, and leave its "
            "files alone while a sweep runs"
        )
    if plugin.module in sys.modules and any(here in kinds.sources() for kinds in SETS):
        return
    with _one_line(plugin.name, plugin.module), unless_refused(plugin.module):
        with entering(here, module=plugin.module):
            import_module(plugin.module)
        check_all(here)


def enter_installed(kinds: Kinds[Any]) -> None:
    """Loads the entry points of a set's group, those of every package that is installed.

    One that is broken is left out with a warning, so that others can do without it; whoever asks
    for an unknown kind is told of it.
    """
    for point in metadata.entry_points(group=kinds.group):
        name = point.module.partition(".")[0] if point.dist is None else point.dist.name
        try:
            with _one_line(name, point.module), unless_refused(point.module):
                _load(point, kinds)
        except InputError as error:
            if not any(str(error) in held.left_out for held in SETS):
                _log.warning("%s; it is left out", error)
            kinds.left_out.append(str(error))


def used_by(sources: str) -> tuple[Plugin, ...]:
    """The installed plug-ins among `sources`, a column's text that names and digests them.

    InputError if one is a script or a notebook, which no other process can import.
    """
    found: dict[Source, Plugin] = {}
    for kinds in SETS:
        for source in kinds.sources():
            if not source.built_in and source.digest in sources:
                for kind in kinds.of(source).values():
                    found.setdefault(source, _plugin(source, module_of(kind)))
    for plugin in found.values():
        if plugin.module == "__main__":
            raise InputError(
                f"plug-in '{plugin.name}': is a script or a notebook, which workers cannot import; "
                "write its kinds into a file and name that as a plug-in"
            )
    return tuple(plugin for plugin in found.values() if not is_file(plugin.module))


def _load(point: metadata.EntryPoint, kinds: Kinds[Any]) -> None:
    """Imports what an entry point names; InputError if that registers nothing, or what is wrong."""
    source = source_of_module(point.module)
    if half_imported(point.module):  # by somebody who will register it in a moment
        return
    known = {id(kind) for held in SETS for kind in held.of(source).values()}
    with entering(source, module=point.module):
        point.load()
    if not kinds.of(source):
        raise InputError(f"registers no {kinds.word}, though it is listed in {kinds.group}")
    for held in SETS:
        for kind in held.of(source).values():
            if id(kind) not in known:
                check(held, kind)


def _here(plugin: Plugin) -> Source:
    try:
        return source_of_module(plugin.module)
    except InputError:
        version = f" {plugin.version}" if plugin.version else ""
        raise InputError(
            f"plug-in '{plugin.name}': is not installed here; install {plugin.name}{version}"
        ) from None


def _plugin(source: Source, module: str) -> Plugin:
    return Plugin(source.name, source.version, source.digest, module=module)


@contextmanager
def _one_line(name: str, module: str) -> Iterator[None]:
    """What goes wrong within becomes one line that names the plug-in; prints go to stderr."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        text = told(error, "ends the program when it is imported").removeprefix("plug-in: ")
        place = last_in(module, error.__traceback__)
        line = "" if place is None else f": line {place.line}"
        named = text if text.startswith("plug-in '") else f"plug-in '{name}'{line}: {text}"
        raise InputError(named) from error
