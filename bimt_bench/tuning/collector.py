"""The collector: an actor on the driver's node that keeps results.

Results travel to it from the workers and it writes them into the store, so that the nodes of a
cluster need no file system in common. It is handed digests instead of packs, and this module
imports little, so that its process is there at once: torch alone takes seconds to load.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bimt_bench.store import CorruptPack, Store, StoredPack, Weights
from bimt_bench.tuning.starting import LIGHT

# Of one call. Its process may be killed for memory any number of times, but not in vain for ever.
TRIES = 10


class Collector:
    """Keeps results in the store, and what is known of packs under way. Runs as one actor.

    Killed, it is started again, and calls that were lost are made again. What it knew is told anew
    within a second, except why a pack failed and notes not yet taken.
    """

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder)
        self._fractions: dict[str, float] = {}
        self._reasons: dict[str, str] = {}
        self._notes: list[str] = []
        self._stopping = False

    def keep(
        self,
        pack: str,
        members: Sequence[str],
        frame: pd.DataFrame,
        curves: pd.DataFrame,
        weights: Weights,
    ) -> str | None:
        """Writes a pack's results; why it could not, None if it could.

        What the disk refuses once it refuses of all packs: they are told to stop. ValueError if
        the results are not one row for each member.
        """
        if sorted(frame["member"]) != sorted(members):
            raise ValueError(
                f"pack {pack}: the frame has {len(frame)} rows that are not "
                f"its {len(members)} members"
            )
        try:
            self._store.keep(pack, frame=frame, curves=curves, weights=weights)
        except OSError as error:
            self._stopping = True
            return f"cannot write to {self._store.folder}: {error.strerror or error}"
        return None

    def stored(self, pack: str) -> StoredPack | None:
        """What the store has of a pack, soundly: its networks need no training."""
        try:
            return self._store.read(pack) if self._store.has(pack) else None
        except CorruptPack:
            return None

    def progress(self, pack: str, fraction: float) -> bool:
        """Notes how far a pack is; False tells it to stop."""
        self._fractions[pack] = fraction
        return not self._stopping

    def fractions(self) -> dict[str, float]:
        """How far each pack is that has been begun."""
        return dict(self._fractions)

    def note(self, line: str) -> None:
        """Takes a line from a worker that the user should see."""
        self._notes.append(line)

    def take_notes(self) -> list[str]:
        """The lines that came since the last call."""
        taken, self._notes = self._notes, []
        return taken

    def complain(self, pack: str, reason: str) -> None:
        """Notes why a pack failed."""
        self._reasons[pack] = reason

    def reason(self, pack: str) -> str | None:
        """Why a pack failed; None if its worker could not say, as it died."""
        return self._reasons.get(pack)

    def stop(self) -> None:
        """Tells packs under way to stop the next time they note their progress."""
        self._stopping = True


def start_collector(folder: Path) -> Any:
    """The collector's actor handle, on the node of the driver, where the store is."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(Collector).options(
        num_cpus=0,
        scheduling_strategy=here,
        max_restarts=-1,
        max_task_retries=TRIES,
        runtime_env={"env_vars": LIGHT},
    )
    return actor.remote(folder)
