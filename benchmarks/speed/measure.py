"""Member-steps per core-second of the population engine against the plain one-network loop.

Both sides run in this process, in turn, on one thread of the CPU, relocation, evaluation and
start included; the unit is processor time, because machines are shared.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
from pydantic import BaseModel, ConfigDict

import bimt_bench
from benchmarks.speed.cases import Case, shortened, task_of
from benchmarks.speed.plain import train_plain
from benchmarks.speed.products import machine_rate, products
from bimt_bench import data, recipes
from bimt_bench.engine import train_population
from bimt_bench.spec import Configuration

_WARMING_STEPS = 2
_PROFILED_STEPS = 100


class Outcome(BaseModel):
    """One case: median microseconds of a member's step on each side, and their ratio.

    `ratio` is the median of the ratios of the repeats, which lie between `lowest` and `highest`.
    `product_share` is the part of a step that is matrix product, `product_rate` the speed of
    those products relative to the machine's own large one (`machine_gflops`).
    """

    model_config = ConfigDict(frozen=True)

    case: str
    members: int
    repeats: int
    plain_us: float
    population_us: float
    ratio: float
    lowest: float
    highest: float
    aim: float
    product_share: float
    product_rate: float
    machine_gflops: float
    resident_mib: float
    torch_version: str = torch.__version__
    bimt_bench_version: str = bimt_bench.__version__


def measure(
    cases: Sequence[Case],
    *,
    repeats: int = 3,
    members: int | None = None,
    data_dir: Path | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Times the cases one after the other; `members` a pack instead of each case's own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    try:
        for case in cases:
            outcome = _measure(case, repeats, members or case.pack, data_dir)
            found.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    finally:
        torch.set_num_threads(threads)
    return found


def _measure(case: Case, repeats: int, members: int, data_dir: Path | None) -> Outcome:
    published = task_of(case)
    loaded = data.load(published.data, data_dir=data_dir)
    task = shortened(published, case.pack_steps)
    pack = [recipes.resolve(task, Configuration(), seed) for seed in range(members)]
    train_population(shortened(published, _WARMING_STEPS), loaded, pack)  # loops are compiled once
    plain, population = [], []
    for _ in range(repeats):
        spent = _seconds(train_plain, published, loaded, pack[0], steps=case.plain_steps)
        plain.append(spent / case.plain_steps * 1e6)
        spent = _seconds(train_population, task, loaded, pack)
        population.append(spent / case.pack_steps / members * 1e6)
    ratios = [a / b for a, b in zip(plain, population, strict=True)]
    seen = products(task, loaded, pack, steps=_PROFILED_STEPS)
    large = machine_rate(getattr(torch, task.training.dtype))
    return Outcome(
        case=case.task,
        members=members,
        repeats=repeats,
        plain_us=statistics.median(plain),
        population_us=statistics.median(population),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        aim=case.aim,
        product_share=seen.share,
        product_rate=seen.rate / large,
        machine_gflops=large,
        resident_mib=psutil.Process().memory_info().rss / 2**20,
    )


def _seconds(call: Callable[..., Any], *given: Any, **named: Any) -> float:
    began = time.process_time()
    call(*given, **named)
    return time.process_time() - began
