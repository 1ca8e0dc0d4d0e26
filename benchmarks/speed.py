"""Member-steps per core-second of the population engine against the plain one-network loop.

Both are timed in this process, in turn, on one thread; relocation and evaluation are included in
both at the published intervals. Run: python -m benchmarks.speed [--json FILE]
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch

from benchmarks.plain_loop import train_plain
from bimt_bench import catalog, data, recipes
from bimt_bench.specs import Configuration, TaskSpec
from bimt_bench.training import train_population


@dataclass(frozen=True)
class Case:
    """How long each side runs, in steps (multiples of the task's relocation interval)."""

    task: str
    plain_steps: int
    pack_steps: int
    pack: int
    target: float


CASES = (
    Case("symbolic/independence", plain_steps=2000, pack_steps=2000, pack=64, target=30),
    Case("modular/addition_59", plain_steps=200, pack_steps=200, pack=16, target=5),
    Case("vision/mnist", plain_steps=1000, pack_steps=2000, pack=16, target=7),
)


@dataclass(frozen=True)
class Outcome:
    """One case's median microseconds a member-step on each side, and their ratio."""

    task: str
    pack: int
    plain_us: float
    population_us: float
    ratio: float
    lowest_ratio: float
    highest_ratio: float
    target: float
    peak_memory_mib: float


def measure(case: Case, *, repeats: int, data_dir: Path | None = None) -> Outcome:
    """Times both sides `repeats` times in turn."""
    task = catalog.task(case.task)
    loaded = data.load(task.data, data_dir=data_dir)
    short = shortened(task, case.pack_steps)
    members = [recipes.resolve(short, Configuration(), seed) for seed in range(case.pack)]
    plain, population = [], []
    for _ in range(repeats):
        began = time.process_time()
        train_plain(task, loaded, members[0], steps=case.plain_steps)
        plain.append((time.process_time() - began) / case.plain_steps * 1e6)
        began = time.process_time()
        train_population(short, loaded, members)
        spent = time.process_time() - began
        population.append(spent / case.pack_steps / case.pack * 1e6)
    ratios = [a / b for a, b in zip(plain, population, strict=True)]
    return Outcome(
        task=case.task,
        pack=case.pack,
        plain_us=statistics.median(plain),
        population_us=statistics.median(population),
        ratio=statistics.median(ratios),
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
        target=case.target,
        peak_memory_mib=psutil.Process().memory_info().rss / 2**20,
    )


def shortened(task: TaskSpec, steps: int) -> TaskSpec:
    """The task with fewer steps, its intervals of relocation and evaluation unchanged."""
    training = task.training.model_copy(update={"steps": steps})
    return task.model_copy(update={"training": training})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", help="a part of the task's name")
    parser.add_argument("--pack", type=int, help="members a pack, instead of each case's own")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    outcomes = []
    print("| task | pack | plain loop, µs | population, µs | ratio | range | wanted |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        if given.only and given.only not in case.task:
            continue
        if given.pack:
            case = Case(**{**asdict(case), "pack": given.pack})
        found = measure(case, repeats=given.repeats, data_dir=given.data_dir)
        outcomes.append(asdict(found))
        print(
            f"| `{found.task}` | {found.pack} | {found.plain_us:.0f} | {found.population_us:.1f} "
            f"| **{found.ratio:.1f}x** | {found.lowest_ratio:.1f} to {found.highest_ratio:.1f} "
            f"| {found.target:g}x |",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(outcomes, indent=2) + "\n")


if __name__ == "__main__":
    main()
