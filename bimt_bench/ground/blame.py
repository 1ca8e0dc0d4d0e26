"""Where in a stranger's file an error came from, and what it says, in one line."""

from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import NamedTuple

from bimt_bench.ground.sources import lies_in, package_of


class Place(NamedTuple):
    """A line of a file; `file` is its name without folders."""

    file: str
    line: int


def last_in(module: str, trace: TracebackType | None) -> Place | None:
    """The last line of a module, or below it, that an error passed; None if it passed none."""
    found = None
    for frame, line in walk_tb(trace):
        if lies_in(str(frame.f_globals.get("__name__", "")), module):
            found = Place(Path(frame.f_code.co_filename).name, line)
    return found


def located(error: BaseException, kind: object) -> str:
    """'own.py, line 13: KeyError: 'looks'', with the last line of a kind's own code.

    Its own code is its module, or for a package that is not bimt_bench the package. The place is
    left out where the error passed none of it.
    """
    place = last_in(package_of(kind), error.__traceback__)
    where = "" if place is None else f"{place.file}, line {place.line}: "
    text = " ".join(str(error).split()) or "no message"
    if isinstance(error, SystemExit):
        text = "ends the program"
    return f"{where}{type(error).__name__}: {text}"
