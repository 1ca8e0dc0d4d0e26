"""Whose fault an error is: the plug-in whose code it passed, and in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from bimt_bench.ground import InputError, last_in, package_of
from bimt_bench.spec import SETS


@contextmanager
def blaming() -> Iterator[None]:
    """An error, or an exit, that a plug-in's code causes within becomes a line that names it."""
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        place = _place(error.__traceback__)
        if place is None:
            raise
        raise InputError(f"{place}: {told(error, 'ends the program')}") from error


def told(error: BaseException, exit_line: str) -> str:
    """What went wrong, in one line; `exit_line` for an exit."""
    if isinstance(error, SystemExit):
        return exit_line
    text = " ".join(str(error).split("For further information visit")[0].split())
    if isinstance(error, InputError):
        return text
    return f"{type(error).__name__}: {text or 'no message'}"


def _place(trace: TracebackType | None) -> str | None:
    """'plug-in 'x': line 3', the last line of any plug-in's kinds that an error passed."""
    for kinds in SETS:
        for source in kinds.sources():
            for kind in kinds.of(source).values() if not source.built_in else ():
                place = last_in(package_of(kind), trace)
                if place is not None:
                    return f"plug-in '{source.name}': line {place.line}"
    return None
