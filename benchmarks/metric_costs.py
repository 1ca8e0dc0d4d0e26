"""What measuring costs beside training: seconds of one core a member, on every shipped task.

Members are trained for a short while and measured in the packs that a sweep makes, each metric
in the registry's order, so that the first of several that share something pays for it. Training
is the time of a step in that pack, times the published number of steps. Tables are Markdown.
Run: python -m benchmarks.metric_costs [--only PART] [--steps N] [--data-dir DIR] [--json FILE]
"""

import argparse
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from bimt_bench import data, recipes
from bimt_bench.data import TaskData
from bimt_bench.engine import train_population
from bimt_bench.metrics import METRICS, Scored, scorecards, usual
from bimt_bench.network import build
from bimt_bench.spec import Configuration, TaskSpec, catalog, trained_as
from bimt_bench.tuning.pace import member_step_seconds
from bimt_bench.tuning.prepare import multiply_adds

_SMALL_WORK = 1_000_000  # multiply-adds of a step below which sweeps make large packs
_PACKS = (64, 8)  # of small networks, and of others, whose steps gain little from more


@dataclass(frozen=True)
class Costs:
    """A task: the pack, and seconds of one core a member of training and of each metric."""

    task: str
    pack: int
    trained: int
    training: float
    metrics: Mapping[str, float]
    usual: tuple[str, ...]

    def share(self, names: Sequence[str]) -> float:
        """Seconds of these metrics as a share of training at published length."""
        return sum(self.metrics[name] for name in names) / self.training


def costs(name: str, *, steps: int, data_dir: Path | None = None) -> Costs:
    """Times one task."""
    published = catalog.task(name)
    loaded = data.load(published.data, data_dir=data_dir)
    batch = published.training.batch_size or len(loaded.train_inputs)
    work = multiply_adds(build(published, loaded).wiring) * batch
    pack = _PACKS[0] if work < _SMALL_WORK else _PACKS[1]
    members = [recipes.resolve(published, Configuration(), seed) for seed in range(pack)]
    step = member_step_seconds(published, loaded, members)
    _warm(_scored(published, loaded, 1, steps=1))
    scored = _scored(published, loaded, pack, steps=steps)
    return Costs(
        task=name,
        pack=pack,
        trained=steps,
        training=step * published.training.steps,
        metrics=_seconds(scored),
        usual=tuple(usual(published)),
    )


def _scored(task: TaskSpec, loaded: TaskData, pack: int, *, steps: int) -> Scored:
    """BIMT members of a task after some steps."""
    configuration = Configuration.model_validate({"steps": steps})
    members = [recipes.resolve(task, configuration, seed) for seed in range(pack)]
    spec = trained_as(task, members[0])
    trained = train_population(spec, loaded, members)
    return Scored(spec, loaded, trained.population, tuple(range(pack)))


def _warm(scored: Scored) -> None:
    """Loads libraries and compiled loops."""
    scorecards(scored, [name for name in METRICS if METRICS[name].cost != "ablation"])


def _seconds(scored: Scored) -> dict[str, float]:
    fresh, found = replace(scored), {}
    for name in METRICS:
        began = time.process_time()
        scorecards(fresh, [name])
        found[name] = (time.process_time() - began) / scored.size
    return found


def table(outcomes: Sequence[Costs], word: Callable[[str], str]) -> str:
    """Markdown: a task a row, a column a family or a declared cost, in milliseconds a member."""
    words = list(dict.fromkeys(word(name) for name in METRICS))
    heads = ["task", "pack", "training, s", *words]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for one in outcomes:
        cells = [f"`{one.task}`", str(one.pack), f"{one.training:.3g}"]
        for each in words:
            own = [name for name in METRICS if word(name) == each]
            cells.append(f"{1000 * sum(one.metrics[name] for name in own):.3g}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def shares(outcomes: Sequence[Costs]) -> str:
    """Markdown: what the usual metrics and all take of training, with module excess as the axis."""
    heads = ["task", "usual but the axis", "module excess", "together", "all metrics"]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for one in outcomes:
        excess = [name for name in METRICS if name.startswith("module_excess")]
        others = [name for name in one.usual if name not in excess]
        sets = [others, excess, [*others, *excess], list(METRICS)]
        cells = [f"`{one.task}`", *(f"{100 * one.share(names):.2g} %" for names in sets)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="a part of the task's name")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    outcomes = []
    for name in (task.name for task in catalog.tasks()):
        if given.only and given.only not in name:
            continue
        found = costs(name, steps=given.steps, data_dir=given.data_dir)
        outcomes.append(found)
        slowest = sorted(found.metrics, key=lambda one: -found.metrics[one])[:6]
        told = ", ".join(f"{one} {1000 * found.metrics[one]:.1f}" for one in slowest)
        print(f"{name}: training {found.training:.3g} s; slowest, ms: {told}", flush=True)
    print(f"\n{table(outcomes, lambda name: METRICS[name].family)}")
    print(f"\n{table(outcomes, lambda name: METRICS[name].cost)}")
    print(f"\n{shares(outcomes)}")
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=2) + "\n")


if __name__ == "__main__":
    main()
