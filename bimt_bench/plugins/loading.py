"""Plug-ins that somebody names: read once by the driver, entered by every process."""

from collections.abc import Iterable
from pathlib import Path

from bimt_bench.ground import InputError
from bimt_bench.plugins import files, installed
from bimt_bench.plugins.plugin import Plugin
from bimt_bench.spec import is_module


def load(named: str | Path) -> Plugin:
    """Reads a plug-in and enters it; see `read` and `enter` for what is refused."""
    plugin = read(named)
    enter(plugin)
    return plugin


def load_all(named: Iterable[str | Path]) -> tuple[Plugin, ...]:
    """Loads plug-ins in order; InputError also if two files have one name and differ."""
    found: dict[tuple[str, str], Plugin] = {}
    for one in named:
        plugin = read(one)
        held = found.setdefault((plugin.name, plugin.module), plugin)
        if held != plugin:
            raise InputError(
                f"plug-in '{one}': there is another plug-in '{plugin.name}'; rename one file"
            )
        enter(plugin)
    return tuple(found.values())


def read(named: str | Path) -> Plugin:
    """The plug-in in a file, or the module of that name (package.module), not entered yet.

    InputError if there is neither, if a file is not Python in UTF-8, or if a module has no files.
    """
    return installed.find(str(named)) if is_module(named) else files.read(Path(named))


def enter(plugin: Plugin) -> None:
    """Registers what a plug-in brings; one that is entered already is left as it is.

    A file that takes the place of an earlier one of its name takes that one's kinds out. What it
    prints goes to stderr. InputError, in one line that names the plug-in, if its import fails, if
    its code here is not what was read, if it registers nothing, or if what it registers breaks the
    contract or has a name that is taken; then nothing has changed.
    """
    if plugin.module:
        installed.enter(plugin)
    else:
        files.enter(plugin)
