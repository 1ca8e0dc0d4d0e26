"""How many members a pack holds: as the sweep says, as found before, or as timed here."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from bimt_bench.data import TaskData
from bimt_bench.ground import write
from bimt_bench.spec import TaskSpec
from bimt_bench.tuning import pace
from bimt_bench.tuning.prepare import Checked
from bimt_bench.tuning.session import Device
from bimt_bench.tuning.threads import one_thread

# Timing a few sizes takes some seconds a task, which must pay.
WORTH_SECONDS = 300.0
FILE = "pack_sizes.json"
LARGEST_FILE = 1 << 20  # bytes


def pack_sizes(
    checked: Checked,
    folder: Path,
    *,
    device: Device,
    address: str | None,
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, int | None]:
    """Members a pack for every task; None leaves it to the rule of `packing.split`.

    What was timed is kept in the sweep's folder, so that an interrupted sweep goes on with the
    same packs; where it cannot be read, that is noted and sizes are found again. Nothing is timed
    for a short sweep, nor for GPUs that this process does not see.
    """
    if checked.spec.pack_size is not None:
        return {task.spec.name: checked.spec.pack_size for task in checked.tasks}
    file = folder / FILE
    kept = kept_sizes(file, [task.spec.name for task in checked.tasks])
    if kept is not None:
        return kept
    if file.exists():
        note(f"{file} is damaged; pack sizes are found again")
    sees_gpu = device != "cpu" and torch.cuda.is_available()
    may_be_elsewhere = device != "cpu" and address is not None and not sees_gpu
    sizes: dict[str, int | None] = {}
    for task in checked.tasks:
        long = task.seconds >= WORTH_SECONDS
        tuned = long and not may_be_elsewhere
        sizes[task.spec.name] = (
            _timed(task.spec, checked.data[task.spec.name], "cuda" if sees_gpu else "cpu")
            if tuned
            else None
        )
    write(file, json.dumps(sizes, indent=1).encode())
    return sizes


def kept_sizes(file: Path, tasks: Sequence[str]) -> dict[str, int | None] | None:
    """What the file says of these tasks; None if it does not, or in sizes that no pack has."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            return None
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or {*found} != {*tasks}:
        return None
    sizes = found.values()
    sound = all(one is None or (type(one) is int and 1 <= one <= pace.LARGEST) for one in sizes)
    return found if sound else None


def _timed(task: TaskSpec, loaded: TaskData, device: str) -> int:
    with one_thread():  # as the workers do
        return pace.best_pack(task, loaded, device=device)
