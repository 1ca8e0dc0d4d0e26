"""How a sweep ends before its time: stopped by its user, or by a disk that is full."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bimt_bench.ground import BY_SIGTERM, InputError, terminable, word_for
from bimt_bench.store import Store

GO_ON = "the same command with --resume goes on"


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM during a sweep; the message says what is kept and how to go on.

    It has been shown already, as what follows (a server that is gone) may take its time.
    """


@contextmanager
def interruptible(store: Store, show: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM within become SweepInterrupted, shown at once."""

    def line(word: str) -> str:
        return f"{word}; {_kept(store)}; {GO_ON}"

    with terminable() as handler:
        if handler is not None:
            handler.words = lambda: line(BY_SIGTERM)
        try:
            yield
        except SweepInterrupted:
            raise
        except KeyboardInterrupt as stop:
            show(told := line(word_for(stop)))
            if handler is not None:
                handler.words = None
            raise SweepInterrupted(told) from stop


@contextmanager
def writing(store: Store) -> Iterator[None]:
    """A disk that refuses within is InputError; what was kept before stays."""
    try:
        yield
    except OSError as error:
        raise no_room(
            store, f"cannot write to {store.folder}: {error.strerror or error}"
        ) from error


def no_room(store: Store, reason: str) -> InputError:
    """What is said of results that cannot be kept, and of those that are."""
    return InputError(f"results: {reason}; {_kept(store)}; make room, and {GO_ON}")


def _kept(store: Store) -> str:
    kept = len(store.packs())
    return f"{kept} finished {'pack is' if kept == 1 else 'packs are'} kept in {store.folder}"
