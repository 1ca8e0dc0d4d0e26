"""What runs on Ray: the trainable that computes a pack and hands its results to the collector."""

import gc
import os
import pickle
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import ray
from ray import tune

from bimt_bench.contents import holds
from bimt_bench.ground import (
    InputError,
    absent,
    changed,
    circumstances,
    differences,
    private_folder,
    undisturbed,
)
from bimt_bench.identity import scoring_digest
from bimt_bench.plugins import Plugin, blaming, enter
from bimt_bench.spec import METRICS, TaskSpec
from bimt_bench.store import StoredPack, Weights
from bimt_bench.tuning import headroom
from bimt_bench.tuning.parcel import Parcel, unpacked
from bimt_bench.tuning.plan import Pack

PROGRESS_SECONDS = 1.0
_USUAL = ("usual",)  # what is measured where a job does not say


class PackResults(Protocol):
    """What a pack function returns: `bimt_bench.packs.PackResult` has this shape."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row a member."""
        ...

    @property
    def curves(self) -> pd.DataFrame:
        """One row a member and evaluation."""
        ...

    @property
    def weights(self) -> Weights:
        """Arrays by member digest and parameter."""
        ...


RunPack = Callable[..., PackResults]
ScoreAgain = Callable[..., pd.DataFrame]


@dataclass(frozen=True)
class Job:
    """What all packs of a sweep have in common.

    `tasks`: as published, by name. `share`: of its device's (or node's) memory that a pack may
    take. `run_pack`, `score_again`: those of `bimt_bench.packs`, if absent, which a worker loads
    itself. `results`: the sweep's folder, which nodes other than the driver's may not have.
    `code`: the digest of every module that numbers follow from. `circumstances`: the driver's
    device and versions of libraries. `plugins`: as the driver read them. `scoring`: the digest of
    all metrics there, those of plug-ins among them. `metrics`: what is measured of the members of
    each task. Where a job arrives its tasks are still closed, since their classes may be those of
    plug-ins.
    """

    tasks: Mapping[str, TaskSpec]
    run_pack: RunPack | None
    score_again: ScoreAgain | None
    device: str
    share: float
    results: Path
    shuffles: int
    checkpoint_seconds: float
    data_dir: Path | None
    code: Mapping[str, str]
    circumstances: Mapping[str, str]
    plugins: tuple[Plugin, ...] = ()
    scoring: str | None = None
    metrics: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def task(self, name: str) -> TaskSpec:
        """A task of the sweep; the plug-ins must have been entered."""
        tasks = unpacked(self.tasks) if isinstance(self.tasks, bytes) else self.tasks
        return tasks[name]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "tasks": pickle.dumps(self.tasks)}


class Stopped(Exception):
    """The sweep was interrupted; the pack in hand is given up."""


class Refused(Exception):
    """Results cannot be written, those of other packs neither; the message says why."""


class PackTrainable(tune.Trainable):
    """Computes one pack in one step; the actor is used again for the next pack."""

    def setup(self, config: dict[str, Any], *, job: Job, collector: Any) -> None:
        """Keeps the job; on the CPU a pack uses one thread, as there is one pack a core."""
        self._job, self._collector = job, collector
        if job.device == "cpu":
            use_one_thread()
        if job.run_pack is None:
            load()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Any pack will do for the same actor."""
        self.config = new_config
        return True

    def step(self) -> dict[str, Any]:
        """Trains, measures and hands over the pack; bad input is reported, not tried again."""
        parcel: Parcel = self.config["pack"]
        started = time.monotonic()
        try:
            with blaming():
                pack = self._open(parcel)
                self._compute(pack)
        except (InputError, Stopped) as error:
            return {"done": True, "failed": True, "reason": str(error)}
        except Refused as error:
            # tried again, it would be trained again, to end here again
            return {"done": True, "failed": True, "stop": str(error)}
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            ray.get(self._collector.complain.remote(parcel.digest, reason))
            raise
        seconds = time.monotonic() - started
        return {"done": True, "failed": False, "members": len(pack.members), "seconds": seconds}

    def _open(self, parcel: Parcel) -> Pack:
        """The pack, with all plug-ins of the sweep entered."""
        try:
            for plugin in self._job.plugins:
                enter(plugin)
            return parcel.open()
        except InputError as error:
            raise InputError(f"{error} (on node {platform.node()})") from error

    def _compute(self, pack: Pack) -> None:
        job = self._job
        _check_worker(job)
        _check_metrics(job)
        task = job.task(pack.task)
        stored: StoredPack | None = ray.get(self._collector.stored.remote(pack.digest))
        if stored is not None and holds(stored.frame, pack.configurations):
            self._score_again(pack, task, stored)
            return
        checkpoints = checkpoint_folder(job.results, pack.digest)
        report = _Reporter(self._collector, pack.digest)
        report(0.0)
        run_pack = job.run_pack
        if run_pack is None:
            from bimt_bench.packs import run_pack
        results = run_pack(
            task,
            pack.members,
            data_dir=job.data_dir,
            device=job.device,
            shuffles=job.shuffles,
            metrics=job.metrics.get(pack.task, _USUAL),
            on_progress=report,
            checkpoints=checkpoints,
            checkpoint_seconds=job.checkpoint_seconds,
            memory_limit=headroom.free(job.device, share=job.share),
            on_note=lambda line: ray.get(
                self._collector.note.remote(f"{pack.task}: pack {pack.digest}: {line}")
            ),
            **_measured_besides(pack),
        )
        self._keep(pack, results.frame, results.curves, results.weights)
        shutil.rmtree(checkpoints, ignore_errors=True)

    def _score_again(self, pack: Pack, task: TaskSpec, stored: StoredPack) -> None:
        """Hands over what the metrics say now of networks that were trained before."""
        job = self._job
        score_again = job.score_again
        if score_again is None:
            from bimt_bench.packs import score_again
        frame = score_again(
            task,
            pack.members,
            frame=stored.frame,
            weights=stored.weights,
            data_dir=job.data_dir,
            device=job.device,
            shuffles=job.shuffles,
            metrics=job.metrics.get(pack.task, _USUAL),
            memory_limit=headroom.free(job.device, share=job.share),
            **_measured_besides(pack),
        )
        self._keep(pack, frame, stored.curves, stored.weights)

    def _keep(
        self, pack: Pack, frame: pd.DataFrame, curves: pd.DataFrame, weights: Weights
    ) -> None:
        members = [member.digest for member in pack.members]
        frame = frame.assign(pack=pack.digest)
        kept = self._collector.keep.remote(pack.digest, members, frame, curves, weights)
        if refused := ray.get(kept):
            raise Refused(refused)


def _measured_besides(pack: Pack) -> dict[str, Any]:
    """What is asked of a pack that a search reads, and of no other."""
    return {"validation": pack.validation} if pack.validation else {}


def _check_worker(job: Job) -> None:
    """InputError if this worker's code, libraries or device are not the driver's."""
    other = changed(job.code)
    if other:
        raise InputError(
            f"code: a worker's bimt_bench differs from the driver's in {', '.join(other)}; "
            "install the same version on all nodes, and leave the source alone while a sweep runs"
        )
    versions = differences(job.circumstances, circumstances(job.device))
    if versions:
        raise InputError(
            f"environment: a worker's differs from the driver's ({', '.join(versions)}); "
            "install the same versions on all nodes"
        )
    if job.device == "cuda":
        import torch  # takes seconds, which CPU workers need not spend here

        if not torch.cuda.is_available():
            raise InputError("device: 'cuda' asked for, but a worker has no GPU; allowed: cpu")


def _check_metrics(job: Job) -> None:
    """InputError if this worker has other metrics of plug-ins than the driver."""
    if job.scoring in (None, scoring_digest()):
        return
    brought = (source for source in METRICS.sources() if not source.built_in)
    has = ", ".join(f"{source}:{source.digest}" for source in brought) or "none"
    raise InputError(
        f"metrics: those of plug-ins on node {platform.node()} are not the driver's (here: {has}); "
        "install the same packages on all nodes"
    )


def load() -> None:
    """Loads what every pack needs, which takes seconds, in the shortest way."""
    with undisturbed(), absent("matplotlib", "cairo"):  # igraph would load them, to draw
        import bimt_bench.packs  # noqa: F401
    gc.freeze()  # modules stay: the collector of garbage need not look at them again


def use_one_thread() -> None:
    """For torch, where the pack function has loaded it, and where it does so later or never."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def checkpoint_folder(results: Path, pack: str) -> Path:
    """Where this node keeps the checkpoints of a pack under way.

    In the results folder where the node has it, else in this user's part of the node's own
    temporary folder.
    """
    if not results.is_dir():
        results = private_folder(Path(tempfile.gettempdir())) / results.name
    return results / "checkpoints" / pack


class _Reporter:
    """Sends progress to the collector, begun, once a second, and done; Stopped when told to."""

    def __init__(self, collector: Any, pack: str) -> None:
        self._collector, self._pack = collector, pack
        self._last = 0.0

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        if now - self._last < PROGRESS_SECONDS and 0.0 < fraction < 1.0:
            return
        self._last = now
        if not ray.get(self._collector.progress.remote(self._pack, fraction)):
            raise Stopped("the sweep was interrupted")
