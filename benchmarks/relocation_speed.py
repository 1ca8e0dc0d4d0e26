"""CPU time of one relocation a member, from the cost table and by recomputing the cost.

The baseline recomputes the whole cost of a plain network for each trial swap, as the published
examples do. All start from the same untrained networks, in this process, in turn, on one thread.
Run: python -m benchmarks.relocation_speed [--json FILE]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.speed.plain import PlainNetwork, copy_from
from bimt_bench import data, recipes
from bimt_bench.data import TaskData
from bimt_bench.engine import Population, start
from bimt_bench.engine.relocation import relocate
from bimt_bench.spec import Configuration, Member, TaskSpec, catalog


@dataclass(frozen=True)
class Case:
    """A task's sizes and settings, at some number of members a pack."""

    task: str
    pack: int
    target: float | None = None


CASES = (
    Case("symbolic/independence", 1),
    Case("symbolic/independence", 64),
    Case("modular/addition_59", 1),
    Case("modular/addition_59", 16),
    Case("vision/mnist", 1),
    Case("vision/mnist", 16, target=500),
)


@dataclass(frozen=True)
class Outcome:
    """Median CPU milliseconds a member, and how many times faster greedy is than the baseline."""

    task: str
    pack: int
    recomputing_ms: float
    greedy_ms: float
    assignment_ms: float
    ratio: float
    lowest_ratio: float
    highest_ratio: float
    target: float | None


def measure(case: Case, *, repeats: int) -> Outcome:
    """Times the three `repeats` times in turn."""
    task = catalog.task(case.task)
    loaded = sized_like(task)
    members = [recipes.resolve(task, Configuration(), seed) for seed in range(case.pack)]
    population = start(task, loaded, members)
    network = PlainNetwork(task, loaded, members[0])
    arrays = {name: values[0].clone() for name, values in population.parameters.items()}

    def restore() -> None:
        copy_from(network, arrays)

    plain, greedy, assignment = [], [], []
    for _ in range(repeats):
        plain.append(_cpu_ms(restore, network.relocate, times=1))
        greedy.append(_of_population(task, population, members, "greedy"))
        assignment.append(_of_population(task, population, members, "assignment"))
    ratios = [slow / fast for slow, fast in zip(plain, greedy, strict=True)]
    return Outcome(
        task=case.task,
        pack=case.pack,
        recomputing_ms=statistics.median(plain),
        greedy_ms=statistics.median(greedy),
        assignment_ms=statistics.median(assignment),
        ratio=statistics.median(ratios),
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
        target=case.target,
    )


def sized_like(task: TaskSpec) -> TaskData:
    """The task's data; for MNIST blank images of its size, since relocation looks at none."""
    if task.data.kind != "mnist":
        return data.load(task.data)
    images, digits = torch.zeros(1, 784), torch.zeros(1, dtype=torch.int64)
    return TaskData(
        train_inputs=images,
        train_targets=digits,
        test_inputs=images,
        test_targets=digits,
        input_names=tuple(f"pixel {i}" for i in range(784)),
        output_names=tuple(str(i) for i in range(10)),
        tokens=None,
    )


def _of_population(
    task: TaskSpec, population: Population, members: list[Member], method: str
) -> float:
    """Milliseconds a member, the two tables of the optimizer's moments included."""
    begun = population.flat.clone()
    moments = (torch.zeros_like(begun), torch.zeros_like(begun))

    def work() -> None:
        relocate(
            population,
            top_k=[member["top_k"] for member in members],
            reduce=task.penalty.reduce,
            method=method,
            moments=moments,
        )

    spent = _cpu_ms(lambda: population.flat.copy_(begun), work, times=5)
    population.flat.copy_(begun)
    return spent / population.size


def _cpu_ms(prepare: Callable[[], object], work: Callable[[], object], *, times: int) -> float:
    spent = 0.0
    for _ in range(times):
        prepare()
        began = time.process_time()
        work()
        spent += time.process_time() - began
    return spent / times * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", help="a part of the task's name")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    outcomes = []
    print(f"{'task':22} pack  recomputing  greedy    assignment  greedy is faster    target")
    print(f"{'':22}       ms a member  ms        ms          times (range)")
    for case in CASES:
        if given.only and given.only not in case.task:
            continue
        found = measure(case, repeats=given.repeats)
        outcomes.append(asdict(found))
        between = f"({found.lowest_ratio:.0f}-{found.highest_ratio:.0f})"
        print(
            f"{found.task:22} {found.pack:4} {found.recomputing_ms:12.2f} {found.greedy_ms:8.3f} "
            f"{found.assignment_ms:12.3f} {found.ratio:8.0f} {between:12} {found.target or '':>6}",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(outcomes, indent=2) + "\n")


if __name__ == "__main__":
    main()
