"""Ray on this machine, begun beside the checks of a sweep.

A thread of its own starts Ray, keeps it and ends it: Linux ends what a thread has started, as Ray
asks it to, when that thread ends. This module and what it imports are light: the thread loads Ray.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bimt_bench.ground import by_sigterm
from bimt_bench.tuning.address import cluster_address, is_connected
from bimt_bench.tuning.starting import start


class OwnRay:
    """A Ray that this process starts, uses and ends.

    preload: its workers load at once what packs need.
    """

    def __init__(self, workers: int | None, *, preload: bool = False) -> None:
        self._workers, self._preload = workers, preload
        self._error: BaseException | None = None
        self._is_there, self._leaving = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """The thread starts Ray, unless it has been told so already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="ray", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Waits until Ray is there, begun here if need be; InputError if it cannot start."""
        self.begin()
        self._is_there.wait()
        if self._error is not None:
            raise self._error

    def leave(self) -> None:
        """Ray ends, while this process goes on."""
        self._leaving.set()

    def join(self) -> None:
        """Waits until no process of it is left."""
        if self._thread is not None:
            self._thread.join()

    def _keep(self) -> None:
        try:
            start(self._workers, preload=self._preload)
        except BaseException as error:  # noqa: BLE001 - raised where Ray is waited for
            self._error = error
            return
        finally:
            self._is_there.set()
        self._leaving.wait()
        import ray

        ray.shutdown()


@contextmanager
def ahead(*, address: str | None, workers: int | None) -> Iterator[OwnRay | None]:
    """Ray on this machine, to be begun within, and ended at the latest on leaving.

    It is begun at once in a process that has yet to load torch, which takes longer than Ray: a
    sweep is checked meanwhile. Elsewhere the checks are quick, and a sweep that is refused needs no
    Ray. None where another one is joined, or where this process has one.
    """
    if is_connected() or cluster_address(address) is not None:
        yield None
        return
    own = OwnRay(workers, preload=True)
    with ended(own):
        if "torch" not in sys.modules:
            own.begin()
        yield own


@contextmanager
def ended(own: OwnRay) -> Iterator[None]:
    """On leaving, Ray is ended and none of its processes is left.

    Unless SIGTERM stops what is within: where that came to all processes, as Slurm sends it, Ray's
    are gone, and its orderly end would end this process, too. It has another chance when Python
    exits.
    """
    goes_on = False
    try:
        yield
    except KeyboardInterrupt as stop:
        goes_on = by_sigterm(stop)
        raise
    finally:
        if not goes_on:
            own.leave()
            own.join()
