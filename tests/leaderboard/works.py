"""Work for processes with limits; a process that is started afresh imports it from here."""

import os
import signal
from collections.abc import Iterator

from bimt_bench.ground import InputError


def counting(count: int) -> Iterator[str]:
    yield from (str(one) for one in range(count))


def never_ending() -> Iterator[str]:
    signal.pause()
    yield "never"


def greedy() -> Iterator[str]:
    yield "before"
    held = bytearray(2**32)
    yield str(len(held))


def refusing() -> Iterator[str]:
    yield "before"
    raise InputError("entry: is none")


def broken() -> Iterator[str]:
    yield "before"
    raise ZeroDivisionError("no \x1b[31mcolour")


def ended_from_outside() -> Iterator[str]:
    yield "before"
    os.kill(os.getpid(), signal.SIGKILL)
    yield "after"
