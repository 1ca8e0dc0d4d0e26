"""The Ray session: started on this machine's cores, or joined at an address."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import ray

from bimt_bench.ground import InputError, by_sigterm, terminable
from bimt_bench.tuning.address import is_connected
from bimt_bench.tuning.own_ray import OwnRay, ended
from bimt_bench.tuning.starting import be_silent

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Slots:
    """How many packs run at a time, what each takes, and where it trains.

    `share`: of a device's (or a node's) memory that falls to each pack.
    """

    count: int
    resources: dict[str, float]
    device: Literal["cpu", "cuda"]
    share: float


def check_device(device: str) -> Device:
    """InputError for anything but auto, cpu and cuda, before anything starts."""
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device: '{device}' given; a sweep takes auto, cpu or cuda")
    return device


@contextmanager
def session(
    *, address: str | None, workers: int | None, own: OwnRay | None = None
) -> Iterator[None]:
    """A Ray session, ended on exit if it was begun here.

    `address`: see `cluster_address`. Without one the session that this process already has is
    used, else `own`, else one is started here on the cores that this process may use. SIGTERM
    raises Terminated within, though Ray has its own way with it.
    """
    be_silent()
    if own is None and is_connected():
        if address is not None:
            raise InputError(
                f"address: this process is connected to Ray already; call ray.shutdown() before "
                f"joining {address}, or leave the address out"
            )
        with terminable():
            yield
        return
    with terminable() as handler:
        hold = handler.hold if handler else lambda: None
        try:
            with _joined(address) if address not in (None, "local") else _own(own, workers):
                hold()
                yield
        finally:
            hold()


@contextmanager
def _own(own: OwnRay | None, workers: int | None) -> Iterator[None]:
    """A Ray of this process's own, perhaps one that was started ahead.

    Its end is waited for: what this thread still holds of a Ray that is ending, to be forgotten at
    any time, would end this process.
    """
    own = own or OwnRay(workers)
    with ended(own):
        own.wait()
        yield


@contextmanager
def _joined(address: str) -> Iterator[None]:
    goes_on = False
    try:
        _join(address)
        yield
    except KeyboardInterrupt as stop:
        goes_on = by_sigterm(stop)  # see `own_ray.ended`
        raise
    finally:
        if not goes_on:
            ray.shutdown()


def device_for(
    asked: Device,
    known: Sequence[Mapping[str, str]],
    *,
    address: str | None,
    own: OwnRay | None = None,
) -> Literal["cpu", "cuda"]:
    """The device that a sweep's packs are trained on, part of who they are.

    'auto' is the one that the sweep began with (`known`: see `Store.circumstances`), else a GPU
    where there is one: on this machine, or in the cluster that is joined.
    """
    if asked != "auto":
        return asked
    if known:
        return "cuda" if known[-1]["device"] == "cuda" else "cpu"
    if own is not None or (address is None and not is_connected()):
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"
    with session(address=address, workers=None):
        return "cuda" if ray.cluster_resources().get("GPU", 0.0) else "cpu"


def slots(*, device: Device, workers: int | None, packs_per_gpu: int) -> Slots:
    """What the session offers; InputError if it has no GPU and `device` is 'cuda'."""
    has = ray.cluster_resources()
    cores, gpus = int(has.get("CPU", 0)), has.get("GPU", 0.0)
    if device == "cuda" and not gpus:
        raise InputError("device: 'cuda' asked for, but Ray sees no GPU; allowed here: cpu, auto")
    if gpus and device != "cpu":
        count = min(int(gpus * packs_per_gpu), cores)
        resources, trained_on = {"CPU": 1.0, "GPU": 1.0 / packs_per_gpu}, "cuda"
    else:
        count, resources, trained_on = cores, {"CPU": 1.0}, "cpu"
    count = max(1, min(count, workers or count))
    nodes = max(1, sum(node["Alive"] for node in ray.nodes()))
    together = packs_per_gpu if trained_on == "cuda" else max(1, -(-cores // nodes))
    return Slots(count, resources, trained_on, share=1.0 / min(count, together))


@contextmanager
def pending_trials(count: int) -> Iterator[None]:
    """Lets Tune start so many workers at once; with a searcher it starts one after the other."""
    name = "TUNE_MAX_PENDING_TRIALS_PG"
    before = os.environ.get(name)
    os.environ[name] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def plain_workers() -> Iterator[None]:
    """Tune's trials take workers that Ray has started already.

    Tune sets a variable of Lightning's for them, which we do not use, and which would need other
    processes.
    """
    from ray.tune.execution import class_cache

    variables: dict[str, str] = getattr(class_cache, "DEFAULT_ENV_VARS", {})
    before = dict(variables)
    variables.clear()
    try:
        yield
    finally:
        variables.update(before)


@contextmanager
def untagged() -> Iterator[None]:
    """Tune counts no callbacks for Ray's statistics of use.

    It would load MLflow and other trackers to know theirs, for a second, before the first pack.
    """
    from ray.air._internal import usage

    name = "tag_callbacks"
    before = getattr(usage, name, None)
    if before is None:
        yield
        return
    setattr(usage, name, lambda _: False)
    try:
        yield
    finally:
        setattr(usage, name, before)


def _join(address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"address: cannot join the Ray cluster at '{address}': {reason}"
        ) from error
