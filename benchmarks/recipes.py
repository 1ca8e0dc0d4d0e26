"""CPU time of a step of a pack under every recipe, against the linear connection cost.

One pack a recipe, all seeds alike, trains in this process on one thread; they take turns, a few
steps each, and `l1` takes two, so that the second shows how far the same code is from itself.
Run: python -m benchmarks.recipes [RECIPE ...] [--members P] [--rounds N] [--json FILE]
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Run, start
from bimt_bench.recipes import RECIPES
from bimt_bench.spec import Configuration, TaskSpec, catalog, trained_as

BASE = "l1"
# what a step may cost as a multiple of the linear recipe's, on symbolic/independence with P = 64
LIMITS = {
    "l2": 1.5,
    "group_lasso": 2.1,
    "l1_prox": 1.1,
    "l1_prox_local": 1.1,
    "l1_prox_bimt": 1.1,
    "pruning": 1.1,
    "dropout": 1.4,
}


@dataclass(frozen=True)
class Outcome:
    """Median microseconds of a step of the pack, and its multiples of the linear recipe's.

    `ratio` is the median of the rounds' ratios, half of which lie between `low` and `high`.
    """

    recipe: str
    step_us: float
    ratio: float
    low: float
    high: float
    limit: float | None


def measure(
    task: TaskSpec, names: Sequence[str], *, members: int, rounds: int, chunk: int
) -> list[Outcome]:
    """Times the recipes in turn, `rounds` times `chunk` steps each; one round more warms up."""
    steps = (rounds + 1) * chunk
    turns = [BASE, BASE, *(name for name in names if name != BASE)]
    runs = [_steps(task, name, members, steps) for name in turns]
    spent = [[_cpu_seconds(run, chunk) for run in runs] for _ in range(rounds + 1)][1:]
    outcomes = []
    for place, name in enumerate(turns):
        if place == 0:
            continue
        ratios = [one[place] / one[0] for one in spent]
        low, _, high = statistics.quantiles(ratios, n=4)
        outcomes.append(
            Outcome(
                recipe=name,
                step_us=statistics.median(one[place] for one in spent) / chunk * 1e6,
                ratio=statistics.median(ratios),
                low=low,
                high=high,
                limit=LIMITS.get(name),
            )
        )
    return outcomes


def _steps(task: TaskSpec, name: str, count: int, steps: int) -> Iterator[bool]:
    """The steps of a pack of one recipe."""
    members = [
        recipes.resolve(task, Configuration.model_validate({"recipe": name, "steps": steps}), seed)
        for seed in range(count)
    ]
    trained = trained_as(task, members[0])
    loaded = data.load(task.data)
    return Run(trained, loaded, tuple(members), start(trained, loaded, members)).steps()


def _cpu_seconds(run: Iterator[bool], steps: int) -> float:
    began = time.process_time()
    for _ in range(steps):
        next(run)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(RECIPES), help="all if none is named")
    parser.add_argument("--task", default="symbolic/independence")
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--chunk", type=int, default=100, help="steps of a turn")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    names = [RECIPES.get_kind(name).name for name in given.recipes]
    found = measure(
        catalog.task(given.task),
        names,
        members=given.members,
        rounds=given.rounds,
        chunk=given.chunk,
    )
    print(f"{'recipe':16} us a step  times {BASE} (middle half)  limit")
    for one in found:
        between = f"({one.low:.2f}-{one.high:.2f})"
        print(
            f"{one.recipe:16} {one.step_us:9.0f} {one.ratio:9.3f} {between:14} {one.limit or '':>6}"
        )
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n")


if __name__ == "__main__":
    main()
