"""What taking denormal numbers as zero saves in training, and whether it changes a result.

Trains the same members with the engine as it is and with denormal numbers kept, and prints the
ratio of processor times and whether parameters are the same to the bit. The ratio is that of this
processor: near 1 where denormal numbers cost nothing. Run: python -m benchmarks.denormals
"""

import contextlib
import time
from collections.abc import Mapping
from unittest import mock

import torch

from bimt_bench import data, recipes
from bimt_bench.engine import train_population
from bimt_bench.spec import Configuration, catalog, trained_as

# task, recipe and its dial, steps
CASES = (
    ("modular/addition_59", {"recipe": "vanilla"}, 1500),
    ("modular/addition_59", {"recipe": "l1", "strength": 1.0}, 1500),
    ("modular/addition_59", {"recipe": "group_lasso", "strength": 0.001}, 1500),
    ("symbolic/independence", {"recipe": "bimt", "strength": 0.3}, 20000),
    ("symbolic/independence", {"recipe": "pruning", "kept": 0.1}, 20000),
    ("symbolic/independence", {"recipe": "group_lasso", "strength": 0.03}, 20000),
    ("vision/digits", {"recipe": "bimt", "strength": 0.3}, 2000),
)


def trained(task: str, settings: Mapping[str, object], steps: int) -> tuple[torch.Tensor, float]:
    """The parameters of one member, and the seconds that it took."""
    spec, configuration = (
        catalog.task(task),
        Configuration.model_validate({**settings, "steps": steps}),
    )
    members = [recipes.resolve(spec, configuration, 0)]
    loaded = data.load(spec.data)
    began = time.process_time()
    found = train_population(trained_as(spec, members[0]), loaded, members)
    return found.population.flat.detach().clone(), time.process_time() - began


def main() -> None:
    torch.set_num_threads(1)
    print("| task | recipe | steps | seconds, kept | as zero | kept / as zero | largest change |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for task, settings, steps in CASES:
        trained(task, settings, 3)  # loads and compiles
        zero, quick = trained(task, settings, steps)
        with mock.patch("bimt_bench.engine.loop.FlushedDenormals", contextlib.nullcontext):
            kept, slow = trained(task, settings, steps)
        change = float((zero - kept).abs().max())
        cells = [f"`{task}`", str(settings["recipe"]), f"{steps:,}", f"{slow:.1f}", f"{quick:.1f}"]
        print(f"| {' | '.join(cells)} | {slow / quick:.2f} | {change:.1g} |", flush=True)


if __name__ == "__main__":
    main()
