"""The search adapter: Ray Tune asks it for trials, and it answers with packs of the agenda."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from bimt_bench.tuning.agenda import Agenda
from bimt_bench.tuning.parcel import Parcel
from bimt_bench.tuning.plan import Pack


class PackSearcher(Searcher):
    """Hands out at most `slots` packs at a time, waits for rounds, ends with the agenda.

    `reason_of` says why a pack failed. The results store is what a sweep
    resumes from; Tune's own snapshot of this searcher only lists the packs under way.
    """

    def __init__(self, agenda: Agenda, *, slots: int, reason_of: Callable[[Pack], str]) -> None:
        super().__init__(metric=None, mode=None)
        self._agenda: Agenda | None = agenda
        self._slots = slots
        self._reason_of: Callable[[Pack], str] | None = reason_of
        self._live: dict[str, Pack] = {}

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Accepts and ignores Tune's settings: what to search is the agenda's business."""
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The next pack as a trial; None to wait, FINISHED at the end."""
        agenda = self._driver_agenda()
        if len(self._live) < self._slots and (pack := agenda.take()) is not None:
            self._live[trial_id] = pack
            return {"pack": Parcel.of(pack)}
        return Searcher.FINISHED if agenda.finished else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Hands the outcome back to the agenda, after Tune's retries."""
        pack = self._live.pop(trial_id, None)
        if pack is None:
            return
        agenda = self._driver_agenda()
        told = result or {}
        if reason := told.get("stop"):
            agenda.stop(reason)
        if error or told.get("failed", True):
            assert self._reason_of is not None
            agenda.failed(pack, told.get("reason") or self._reason_of(pack))
        else:
            agenda.done(pack)

    def save(self, checkpoint_path: str) -> None:
        """Writes which packs are under way, by trial."""
        live = {trial: pack.digest for trial, pack in self._live.items()}
        Path(checkpoint_path).write_text(json.dumps(live), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Takes no pack as under way: the agenda hands out again what the store lacks."""
        json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
        self._live = {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its searcher; agenda and store belong to this process.
        return {**self.__dict__, "_agenda": None, "_reason_of": None, "_live": {}}

    def _driver_agenda(self) -> Agenda:
        if self._agenda is None:
            raise RuntimeError("a copy of the searcher has no agenda; start the sweep again")
        return self._agenda


class Heartbeat(tune.Callback):
    """Calls a function at every turn of Tune's loop, in the driver's main thread."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat: Callable[[], None] | None = beat

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """One turn of the loop is over."""
        if self._beat is not None:
            self._beat()

    def __getstate__(self) -> dict[str, Any]:
        return {"_beat": None}
