"""Seconds a member that the full scorecard takes on one core, and which metrics take them.

Members are scored in packs, as sweeps do; what a pack shares is divided among its members.
Members are scored untrained (dense graphs, the slowest case) and after a short BIMT training.
A metric's time includes what it shares with later ones: graphs, partitions, pruning curves.
Run: python -m benchmarks.scorecards [--only PART] [--data-dir DIR] [--json FILE]
"""

import argparse
import json
import logging
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from bimt_bench import data, recipes
from bimt_bench.engine import train_population
from bimt_bench.metrics import METRICS, Scored, scorecards
from bimt_bench.spec import Configuration, catalog, trained_as


@dataclass(frozen=True)
class Case:
    """A task, the training steps before scoring, and the most seconds that a member may take."""

    task: str
    pack: int
    steps: tuple[int, ...]
    target: float


CASES = (
    Case("symbolic/independence", pack=8, steps=(1, 2000), target=0.05),
    Case("symbolic/feature_sharing", pack=8, steps=(1, 2000), target=0.05),
    Case("modular/addition_59", pack=2, steps=(1, 500), target=0.5),
    Case("vision/mnist", pack=1, steps=(1, 500), target=5.0),
)


@dataclass(frozen=True)
class Outcome:
    """Median seconds a member, of all metrics together and of each by name."""

    task: str
    pack: int
    steps: int
    seconds: float
    target: float
    metrics: dict[str, float]


def scored_pack(task: str, steps: int, *, pack: int, data_dir: Path | None) -> Scored:
    """BIMT members of a task after `steps` steps, ready to be scored with 20 shuffles."""
    published = catalog.task(task)
    configuration = Configuration.model_validate({"steps": steps})
    members = [recipes.resolve(published, configuration, seed) for seed in range(pack)]
    spec = trained_as(published, members[0])
    loaded = data.load(spec.data, data_dir=data_dir)
    trained = train_population(spec, loaded, members)
    return Scored(spec, loaded, trained.population, tuple(range(pack)))


def measure(scored: Scored, *, repeats: int) -> tuple[float, dict[str, float]]:
    """Median CPU seconds a member of the whole scorecard, and of each metric in turn."""
    whole, parts = [], {name: [] for name in METRICS}
    for _ in range(repeats):
        began = time.process_time()
        scorecards(replace(scored))  # a copy: nothing is remembered from before
        whole.append((time.process_time() - began) / scored.size)
        fresh = replace(scored)
        for name, seconds in parts.items():
            start = time.process_time()
            scorecards(fresh, [name])
            seconds.append((time.process_time() - start) / scored.size)
    return statistics.median(whole), {n: statistics.median(s) for n, s in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", help="a part of the task's name")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    outcomes = []
    print(f"{'task':26} pack steps  seconds  target   slowest metrics")
    for case in CASES:
        for steps in case.steps if not given.only or given.only in case.task else ():
            scored = scored_pack(case.task, steps, pack=case.pack, data_dir=given.data_dir)
            seconds, parts = measure(scored, repeats=given.repeats)
            outcomes.append(Outcome(case.task, case.pack, steps, seconds, case.target, parts))
            slowest = sorted(parts, key=lambda name: -parts[name])[:5]
            told = ", ".join(f"{name} {parts[name]:.3f}" for name in slowest)
            print(
                f"{case.task:26} {case.pack:4} {steps:5} {seconds:8.3f} {case.target:7}   {told}",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=2) + "\n")


if __name__ == "__main__":
    main()
