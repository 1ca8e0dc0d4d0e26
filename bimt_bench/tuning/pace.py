"""How fast members train together, and how many of them a pack should hold.

The best pack size depends on the task and the machine. It is found by timing a few sizes and
kept in the user's cache; a member's results do not depend on it.
"""

import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import numba
import pooch
import torch

from bimt_bench.data import TaskData, load
from bimt_bench.engine import Run, start
from bimt_bench.ground import InputError, __version__, write
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, Member, TaskSpec, catalog, digest_of
from bimt_bench.tuning.threads import one_thread

_WARM_UP = 2
_SECONDS = 0.1  # of steps timed, for each size: more tell no better, and a sweep waits for it
_NEARLY = 0.95  # of the best speed is enough for a smaller pack, which spreads over workers better
LARGEST = 1 << 16  # members a pack: of more nobody has ever timed one
_SIZES = {"cpu": (4, 8, 16, 32, 64, 128), "cuda": (16, 64, 256, 1024)}


def member_step_seconds(
    task: TaskSpec,
    data: TaskData,
    members: Sequence[Member],
    *,
    device: str = "cpu",
    seconds: float = _SECONDS,
) -> float:
    """Seconds that a training step takes for each member of a pack.

    Start, evaluation and relocation are not counted. Processor time on the CPU, which other
    programs do not lengthen, wall time on a GPU. At least two steps are timed.
    """
    endless = task.training.model_copy(update={"steps": 10**9, "log_every": 10**9})
    unmoved = task.relocation.model_copy(update={"every": 10**9})
    task = task.model_copy(update={"training": endless, "relocation": unmoved})
    members = [resolve(task, Configuration(), member.seed) for member in members]
    run = Run(task, data, tuple(members), start(task, data, members, device=device))
    steps = run.steps()
    for _ in range(_WARM_UP):
        next(steps)
    done, spent, batch = 0, 0.0, 1
    while done < 2 or spent < seconds:
        began = _now(device)
        for _ in range(batch):
            next(steps)
        spent += _now(device) - began
        done, batch = done + batch, 2 * batch
    return spent / done / len(members)


def pack_speeds(
    task: str,
    sizes: Sequence[str | int],
    *,
    device: str = "cpu",
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
) -> dict[int, float]:
    """Seconds that a step of a task takes for each member, by size of pack, on one thread.

    Raises InputError for an unknown task and for sizes that are no positive whole numbers.
    """
    spec = catalog.task(task, tasks_dir)
    for size in sizes:
        if not str(size).strip().isdecimal() or int(size) < 1:
            raise InputError(f"packs: '{size}' given; a size is a whole number, 1 or more")
    loaded = load(spec.data, data_dir=data_dir)
    with one_thread():
        return {
            int(size): member_step_seconds(
                spec,
                loaded,
                [resolve(spec, Configuration(), seed) for seed in range(int(size))],
                device=device,
            )
            for size in sizes
        }


def best_pack(
    task: TaskSpec,
    data: TaskData,
    *,
    device: str = "cpu",
    sizes: Sequence[int] | None = None,
    cache: Path | None = None,
) -> int:
    """The smallest pack that trains nearly as fast, a member, as the fastest.

    Timed once for a task's networks and batches on a device and this version, then read from
    the cache; delete `pack_sizes.json` in `cache` to time again.
    """
    file = (cache or Path(pooch.os_cache("bimt_bench"))) / "pack_sizes.json"
    known = _read(file)
    key = _key(task, device)
    if key not in known:
        known[key] = _chosen(task, data, device, sizes or _SIZES[torch.device(device).type])
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write(file, json.dumps({**_read(file), key: known[key]}, indent=1).encode())
        except OSError:
            pass  # a cache that cannot be written only means timing again
    return known[key]


def _chosen(task: TaskSpec, data: TaskData, device: str, sizes: Sequence[int]) -> int:
    times = {}
    for size in sizes:
        members = [resolve(task, Configuration(), seed) for seed in range(size)]
        times[size] = member_step_seconds(task, data, members, device=device)
    fastest = min(times.values())
    return min(size for size, spent in times.items() if spent * _NEARLY <= fastest)


def _key(task: TaskSpec, device: str) -> str:
    """A digest of what the time of a step depends on."""
    cuda = device.startswith("cuda")
    return digest_of(
        {
            "data": task.data.identity(),
            "model": task.model.identity(),
            "batch": task.training.batch_size,
            "dtype": task.training.dtype,
            "loss": task.loss.identity(),
            "device": torch.cuda.get_device_name(device) if cuda else platform.processor(),
            "versions": [__version__, torch.__version__, numba.__version__],
        }
    )


def _read(file: Path) -> dict[str, int]:
    """What the cache holds; nothing if it is absent or damaged."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {k: v for k, v in found.items() if type(v) is int and 0 < v <= LARGEST}


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()
