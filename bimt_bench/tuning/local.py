"""A pack trained in this process, without Ray: what `run` and `train` do."""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bimt_bench import data as task_data
from bimt_bench.ground import InputError, circumstances
from bimt_bench.identity import pack_digest
from bimt_bench.metrics import USUAL, asked_as, measured_of
from bimt_bench.packs import PackResult, run_pack
from bimt_bench.recipes import check_fit, resolve
from bimt_bench.spec import Configuration, Member, TaskSpec, TrainingSpec, carrying, settings_of
from bimt_bench.tuning import headroom
from bimt_bench.tuning.packing import SMALL_WORK
from bimt_bench.tuning.prepare import fitted, multiply_adds
from bimt_bench.tuning.threads import one_thread

LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 100_000


def train_pack(
    task: TaskSpec,
    configurations: Sequence[Configuration],
    *,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    data_dir: Path | None = None,
    shuffles: int = 20,
    metrics: str | Sequence[str] = USUAL,
    on_progress: Callable[[float], None] | None = None,
) -> PackResult:
    """Trains configurations x seeds as one pack: frame, learning curves and weights.

    `device` is 'auto', 'cpu', 'cuda' or 'cuda:N'; `shuffles` is the number of null-model draws of
    the first round; `metrics` what is measured: names, families, 'usual' or 'all'. `on_progress`
    is told the fraction of the steps done. Raises InputError, before anything is
    trained, for what `resolve` refuses, for a network that a geometry or recipe does not fit, and
    for configurations that cannot share a pack.
    """
    if shuffles < 1:
        raise InputError(f"shuffles: {shuffles} given; should be 1 or more")
    names = measured_of(task, asked_as(metrics))
    chosen = choose_device(device)
    members = [resolve(task, c, seed) for c in configurations for seed in checked_seeds(seeds)]
    _check_shared(members)
    try:
        data = task_data.load(task.data, data_dir=data_dir)
    except InputError as error:
        raise InputError(f"task '{task.name}': {error}") from error
    wiring = fitted(task, data)
    for member in {member.configuration: member for member in members}.values():
        check_fit(member, wiring)
    batch = members[0]["batch_size"] or len(data.train_inputs)
    # threads that share so little work wait for each other longer than they compute
    small = multiply_adds(wiring) * batch < SMALL_WORK
    with one_thread() if small else nullcontext():
        found = run_pack(
            task,
            members,
            data_dir=data_dir,
            device=chosen,
            shuffles=shuffles,
            metrics=names,
            memory_limit=headroom.free(chosen),
            on_progress=on_progress,
        )
    digest = pack_digest(task, members, circumstances=circumstances(chosen.partition(":")[0]))
    frame = carrying(found.frame.assign(pack=digest), [task], [m.geometry for m in members])
    return replace(found, frame=frame)


def choose_device(device: str) -> str:
    """'auto' -> the GPU if there is one; InputError for a device this machine lacks."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    known = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    known += [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if device in known:
        return device
    raise InputError(
        f"device: '{device}' is not on this machine; use auto, cpu or cuda (it has: "
        f"{', '.join(known)})"
    )


def checked_seeds(seeds: object) -> list[int]:
    """Seeds as Python's whole numbers; InputError if there are none, or for what is no seed."""
    # an array without axes is iterable by its type, and is not
    if not isinstance(seeds, Iterable) or isinstance(seeds, str) or getattr(seeds, "ndim", 1) == 0:
        raise InputError(f"seeds: {seeds!r} given; name each of them, as range(5) or [0, 1] do")
    found: list[int] = []
    for seed in seeds:
        if len(found) == MOST_SEEDS:
            raise InputError(f"seeds: more than {MOST_SEEDS:,} given, which one pack cannot hold")
        found.append(_seed(seed))
    if not found:
        raise InputError("seeds: none given; name one or more")
    twice = [seed for seed, count in Counter(found).items() if count > 1]
    if twice:
        raise InputError(f"seeds: {twice[0]} is given twice; seeds must differ")
    return found


def _seed(seed: Any) -> int:
    try:
        found = None if isinstance(seed, bool) else operator.index(seed)
    except TypeError:  # also arrays of several numbers
        found = None
    if found is None:
        raise InputError(f"seeds: {seed!r} given; a seed is a whole number")
    if not 0 <= found <= LARGEST_SEED:
        raise InputError(f"seeds: {found} given; a seed is a number from 0 to {LARGEST_SEED}")
    return found


def _check_shared(members: Sequence[Member]) -> None:
    for name in (one.name for one in settings_of(TrainingSpec) if one.traits.shared):
        values = list(dict.fromkeys(member[name] for member in members))
        if len(values) > 1:
            raise InputError(
                f"{name}: {', '.join(map(str, values))} given; it is one for all that train "
                "together, so train them one after another"
            )
