"""Work that reads what strangers sent, in a process of its own with limits on memory and time.

The process is a copy of one that has loaded the code and nothing else, so that it holds nothing of
the one that asks, and hands back text. It is ended by its own number where it runs past its time.
"""

import multiprocessing
import multiprocessing.context
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

from bimt_bench.ground import InputError, fitting, size_words

Work = Callable[..., Iterator[str]]
_TEXT, _REFUSED, _MEMORY, _BROKEN, _DONE = b"text", b"refused", b"memory", b"broken", b"done"
_LOADED = "bimt_bench.leaderboard.preloaded"
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "Cannot allocate memory", "ENOMEM")


@dataclass(frozen=True)
class Limits:
    """What a process may take: bytes of memory that it writes to, and seconds by the clock."""

    memory: int = 6 * 2**30
    seconds: float = 1800.0

    def __str__(self) -> str:
        return f"{size_words(self.memory)} of memory, {self.seconds / 60:.3g} minutes"


class Overrun(Exception):
    """The work was ended; the message says which limit it ran past, or how it broke."""

    def __init__(self, code: str, told: str) -> None:
        super().__init__(told)
        self.code = code


def in_own_process(work: Work, arguments: Sequence[Any], limits: Limits) -> Iterator[str]:
    """The texts that `work(*arguments)` yields, as they come.

    InputError where the work raises one; Overrun where it runs past a limit or its process ends.
    """
    context = _context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, work, tuple(arguments), limits))
    deadline = time.monotonic() + limits.seconds
    process.start()
    theirs.close()
    try:
        while True:
            if not ours.poll(max(0.0, deadline - time.monotonic())):
                raise Overrun("beyond_time", f"ended after {limits.seconds / 60:.3g} minutes")
            try:
                sort, _, text = ours.recv_bytes().partition(b" ")
            except EOFError:
                process.join()
                raise Overrun("broken", _ended(process.exitcode, limits)) from None
            if sort == _DONE:
                return
            yield _told(sort, text.decode(), limits)
    finally:
        process.kill()
        process.join()
        ours.close()


@cache
def _context() -> multiprocessing.context.ForkServerContext:
    """Loading the code takes seconds: it is loaded once, and copied for each process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_LOADED])
    return context


def _told(sort: bytes, text: str, limits: Limits) -> str:
    if sort == _TEXT:
        return text
    if sort == _REFUSED:
        raise InputError(text)
    if sort == _MEMORY:
        raise Overrun("beyond_memory", f"needs more than {size_words(limits.memory)} of memory")
    raise Overrun("broken", text)


def _ended(status: int | None, limits: Limits) -> str:
    if status is not None and status < 0:
        return f"its process was ended by signal {-status}; it may take {limits}"
    return f"its process ended with status {status}"


def _work(out: Connection, work: Work, arguments: tuple[Any, ...], limits: Limits) -> None:
    """What the process runs."""
    try:
        _limit(limits)
        for text in work(*arguments):
            out.send_bytes(_TEXT + b" " + text.encode())
        out.send_bytes(_DONE)
    except InputError as error:
        out.send_bytes(_REFUSED + b" " + str(error).encode())
    except MemoryError:
        out.send_bytes(_MEMORY)
    except Exception as error:  # noqa: BLE001 - whatever it is, the entry is not verified
        words = f"{type(error).__name__}: {error}"
        short = any(one in words for one in _OUT_OF_MEMORY)
        out.send_bytes(_MEMORY if short else _BROKEN + b" " + fitting(words, 300).encode())


def _limit(limits: Limits) -> None:
    """Bounds this process: memory that it writes to, processor time, no core files."""
    seconds = int(limits.seconds) + 60
    wanted = (
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_CPU, seconds * max(1, multiprocessing.cpu_count())),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in wanted:
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))
