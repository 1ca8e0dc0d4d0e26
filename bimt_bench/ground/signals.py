"""SIGTERM as Ctrl-C: what is under way ends in order, and says what is kept.

Batch systems send it before they kill; Slurm does so 30 seconds before the end of a job.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

BY_SIGTERM = "stopped by SIGTERM"


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived."""


@dataclass
class Handler:
    """Raises Terminated for the first SIGTERM; further ones are passed over.

    `words`: what is kept and how to go on, for whoever ends the process; None once they are said.
    """

    came: bool = False
    words: Callable[[], str] | None = None

    def hold(self) -> None:
        """Takes its place, which others may have taken: Ray's own handler dumps the stack."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN if self.came else self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Called by Python when SIGTERM is there."""
        self.came = True
        self.hold()
        raise Terminated


@contextmanager
def terminable() -> Iterator[Handler | None]:
    """SIGTERM raises Terminated within, once; None where it cannot or should not.

    It stays ignored where it was, and only the main thread is told of signals. Within another
    `terminable` that one's handler serves. A KeyboardInterrupt that other code made of it, as Ray
    does, is Terminated again.
    """
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield None
        return
    handler = before if isinstance(before, Handler) else Handler()
    handler.hold()
    try:
        yield handler
    except KeyboardInterrupt as stop:
        if handler.came and type(stop) is KeyboardInterrupt:
            raise Terminated from stop
        raise
    finally:
        if handler is before:
            handler.hold()
        else:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def ending(handler: Handler | None, *, seconds: float = 8.0) -> Iterator[None]:
    """The process ends with status 143 so many seconds after SIGTERM, whatever it waits for.

    Python tells only its main thread of signals, and not while that waits in other code, as it may
    in Ray's for a minute where SIGTERM came to Ray's processes, too.
    """
    if handler is None:
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_end, args=(handler, reader, seconds), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)


def _end(handler: Handler, reader: int, seconds: float) -> None:
    """Waits for SIGTERM at a pipe, then for the process to end by itself, then ends it."""
    while number := os.read(reader, 1):
        if number[0] == signal.SIGTERM:
            time.sleep(seconds)
            if handler.words is not None:
                os.write(2, f"{handler.words()}\n".encode())
            os._exit(128 + signal.SIGTERM)
    os.close(reader)


def by_sigterm(stop: KeyboardInterrupt) -> bool:
    """Whether SIGTERM stopped it, not Ctrl-C."""
    return isinstance(stop, Terminated) or isinstance(stop.__cause__, Terminated)


def exit_status(stop: KeyboardInterrupt) -> int:
    """The status that a shell expects: 143 after SIGTERM, 130 after Ctrl-C."""
    return 128 + (signal.SIGTERM if by_sigterm(stop) else signal.SIGINT)


def word_for(stop: KeyboardInterrupt) -> str:
    """How a message begins that says what is kept."""
    return BY_SIGTERM if by_sigterm(stop) else "interrupted"
