"""S4 from the published run's own starting point: does it end where that run did?

The notebook of arXiv 2305.08746, section 3.3 seeds torch with 1 and draws its layers, then its
embedding. Run: python -m benchmarks.published_s4 (about a minute)
"""

from itertools import pairwise

import torch
from torch import nn

from bimt_bench import data
from bimt_bench.engine import start, train_population
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, catalog

SEED = 1
SIZES = (64, 50, 50, 24)
STEPS = (0, 5000, 10000, 15000, 19999)


def published_start() -> dict[str, torch.Tensor]:
    """Every parameter as the notebook draws it, float64."""
    usual = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(SEED)
        layers = [nn.Linear(a, b) for a, b in pairwise(SIZES)]
        found = {"embedding.weight": torch.normal(0, 1, size=(24, 32))}
    finally:
        torch.set_default_dtype(usual)
    for i, layer in enumerate(layers):
        found |= {f"layers.{i}.{name}": value for name, value in layer.named_parameters()}
    return found


def main() -> None:
    """Trains it and prints accuracy on the test pairs."""
    torch.set_num_threads(1)
    task = catalog.task("groups/s4")
    loaded = data.load(task.data)
    members = [resolve(task, Configuration(recipe="bimt"), 0)]
    population = start(task, loaded, members)
    with torch.no_grad():
        for name, value in published_start().items():
            population.parameters[name][0] = value
    curves = train_population(task, loaded, members, population=population).curves
    chosen = curves[curves["step"].isin(STEPS)]
    print(chosen[["step", "train_loss", "test_loss", "performance", "cost"]].to_string(index=False))


if __name__ == "__main__":
    main()
