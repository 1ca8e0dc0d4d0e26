"""Members a second of a pack of any model kind, against its own module trained alone.

Both sides run in this process, in turn, on one thread of the CPU, test evaluation and start
included; the unit is processor time. Run: python -m benchmarks.speed.kinds [NAME]...
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.speed.modules import train_module
from bimt_bench import recipes
from bimt_bench.data import TaskData
from bimt_bench.engine import train_population
from bimt_bench.ground import torch_generator
from bimt_bench.spec import LOSSES, MEASURES, MODELS, Configuration, TaskSpec, catalog, choose


@dataclass(frozen=True)
class KindCase:
    """A model's settings, the shape of a sample, how many samples and members; what is aimed at."""

    model: dict[str, Any]
    sample: tuple[int, ...]
    samples: int
    outputs: int
    pack: int
    steps: int
    aim: float | None

    def task(self) -> TaskSpec:
        """A task of random numbers; what they are does not matter for speed."""
        like = catalog.task("symbolic/independence")
        training = {**like.training.model_dump(), "steps": self.steps, "log_every": 100}
        return like.model_copy(
            update={
                "name": f"models/{self.model['kind']}",
                "model": choose(MODELS, self.model),
                "loss": choose(LOSSES, "mse"),
                "performance": choose(MEASURES, "r2"),
                "training": type(like.training).model_validate(training),
            }
        )

    def data(self) -> TaskData:
        """As many samples to train on as to test on."""
        generator = torch_generator("benchmark of kinds")
        shape = (2, self.samples, *self.sample)
        inputs = torch.randn(shape, generator=generator)
        targets = torch.randn(2, self.samples, self.outputs, generator=generator)
        return TaskData(
            train_inputs=inputs[0],
            train_targets=targets[0],
            test_inputs=inputs[1],
            test_targets=targets[1],
            input_names=tuple(f"x{i}" for i in range(self.sample[-1])),
            output_names=tuple(f"y{i}" for i in range(self.outputs)),
            tokens=None,
        )


CASES = {
    "rnn": KindCase({"kind": "rnn", "hidden": 32}, (10, 4), 96, 2, pack=64, steps=500, aim=4.0),
    "cnn": KindCase({"kind": "cnn", "channels": (8, 16)}, (64,), 96, 10, 16, steps=300, aim=1.0),
    "cnn, large": KindCase(
        {"kind": "cnn", "channels": (8, 16)}, (784,), 96, 10, pack=8, steps=400, aim=1.0
    ),
    "transformer": KindCase(
        {"kind": "transformer", "blocks": 2, "width": 32}, (5, 2), 64, 1, 16, steps=200, aim=None
    ),
}


@dataclass(frozen=True)
class KindOutcome:
    """Median microseconds of a member's step on each side, and the median of their ratios."""

    plain_us: float
    pack_us: float
    ratio: float
    lowest: float
    highest: float


def measure_kind(
    case: KindCase, *, recipe: str = "vanilla", repeats: int = 3, members: int | None = None
) -> KindOutcome:
    """Times one case: `members` a pack instead of the case's own."""
    task, data, count = case.task(), case.data(), members or case.pack
    pack = [recipes.resolve(task, Configuration(recipe=recipe), seed) for seed in range(count)]
    plain, engine = [], []
    for repeat in range(-1, repeats):
        alone = _seconds(train_module, task, data, pack[0], steps=case.steps) / case.steps
        together = _seconds(train_population, task, data, pack) / case.steps / count
        if repeat >= 0:  # loops are compiled in the first round
            plain.append(alone * 1e6)
            engine.append(together * 1e6)
    ratios = [a / b for a, b in zip(plain, engine, strict=True)]
    median = statistics.median
    return KindOutcome(median(plain), median(engine), median(ratios), min(ratios), max(ratios))


def _seconds(call: Callable[..., Any], *given: Any, **named: Any) -> float:
    began = time.process_time()
    call(*given, **named)
    return time.process_time() - began


def main(names: Sequence[str]) -> None:
    """Prints a line a case."""
    torch.set_num_threads(1)
    for name in names or CASES:
        case = CASES[name]
        found = measure_kind(case)
        aim = "" if case.aim is None else f", aim {case.aim:g}"
        print(
            f"{name} ({case.pack}): plain {found.plain_us:,.0f} us, pack {found.pack_us:,.0f} us: "
            f"{found.ratio:.2f} times ({found.lowest:.2f} to {found.highest:.2f}{aim})",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
