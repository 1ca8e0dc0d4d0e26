"""SIGTERM as Ctrl-C: what is under way ends in order, and says what is kept.

Batch systems send it before they kill; Slurm does so 30 seconds before the end of a job.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived."""


@dataclass
class Handler:
    """Raises Terminated for the first SIGTERM; further ones are passed over."""

    came: bool = False

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


def by_sigterm(stop: KeyboardInterrupt) -> bool:
    """Whether SIGTERM stopped it, not Ctrl-C."""
    return isinstance(stop, Terminated) or isinstance(stop.__cause__, Terminated)


def exit_status(stop: KeyboardInterrupt) -> int:
    """The status that a shell expects: 143 after SIGTERM, 130 after Ctrl-C."""
    return 128 + (signal.SIGTERM if by_sigterm(stop) else signal.SIGINT)


def word_for(stop: KeyboardInterrupt) -> str:
    """How a message begins that says what is kept."""
    return "stopped by SIGTERM" if by_sigterm(stop) else "interrupted"
