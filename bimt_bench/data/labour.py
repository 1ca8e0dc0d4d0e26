"""Bounds the work that a formula causes in SymPy and mpmath, which can take hours over one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bimt_bench.data.syntax import briefly
from bimt_bench.ground import InputError

MOST_CALLS = 2_500_000  # of functions, which take seconds; the longest sums cause a million


class _TooMuch(BaseException):
    """Told by the count; no handler of an error within SymPy may keep it."""


@contextmanager
def working_out(text: str, *, field: str) -> Iterator[None]:
    """What is done within counts as work on the formula `text`.

    InputError, in one line that names the field, if it is too much or fails in whatever way.
    """
    told = f"{field}: '{briefly(text)}'"
    try:
        with _counted(MOST_CALLS):
            yield
    except InputError:
        raise
    except _TooMuch:
        raise InputError(f"{told} takes too long to work out; write it more simply") from None
    except Exception as error:  # SymPy and mpmath fail in many ways
        why = " ".join(str(error).split()) or "no message"
        raise InputError(
            f"{told} cannot be worked out: {type(error).__name__}: {briefly(why)}"
        ) from error


@contextmanager
def _counted(most: int) -> Iterator[None]:
    """Raises `_TooMuch` after so many calls of functions in this thread.

    A count and not a clock, so that a formula is refused on every machine or on none. Where a
    profiler is at work nothing is counted.
    """
    if sys.getprofile() is not None:
        yield
        return
    left = most

    def count(_frame: Any, _event: str, _argument: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            sys.setprofile(None)
            raise _TooMuch

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
