"""Small tasks for every model kind that ships beside the perceptrons, their data made by hand."""

from dataclasses import dataclass
from typing import Any

import torch

from bimt_bench import recipes
from bimt_bench.data import TaskData
from bimt_bench.engine import Population, start
from bimt_bench.spec import LOSSES, MEASURES, MODELS, Member, Phase, TaskSpec, catalog, choose
from tests.configurations import configuration


@dataclass(frozen=True)
class Case:
    """A model's settings and the data that it learns: sample shape, tokens, outputs."""

    model: dict[str, Any]
    sample: tuple[int, ...]
    outputs: int = 3
    tokens: int | None = None

    def data(self, samples: int = 24) -> TaskData:
        """Numbers to numbers, or tokens to classes."""
        generator = torch.Generator().manual_seed(7)
        shape = (2 * samples, *self.sample)
        if self.tokens is None:
            inputs = torch.randn(shape, generator=generator)
            sums = inputs.flatten(1).tanh()
            targets = torch.stack([sums[:, i::3].sum(1) for i in range(self.outputs)], 1)
        else:
            inputs = torch.randint(self.tokens, shape, generator=generator)
            targets = inputs.sum(1) % self.outputs
        return TaskData(
            train_inputs=inputs[:samples],
            train_targets=targets[:samples],
            test_inputs=inputs[samples:],
            test_targets=targets[samples:],
            input_names=tuple(f"x{i}" for i in range(self.sample[-1])),
            output_names=tuple(f"y{i}" for i in range(self.outputs)),
            tokens=self.tokens,
        )

    def task(self, *, steps: int = 12, dtype: str = "float64", log_every: int = 4) -> TaskSpec:
        """A task of these data, trained for a few steps."""
        task = catalog.task("symbolic/independence")
        training = {**task.training.model_dump(), "learning_rate": 0.01, "log_every": log_every}
        penalty = task.penalty.model_copy(
            update={"phases": (Phase(start=0.0, factor=1.0),), "bias_from": 0.0, "lam": 0.01}
        )
        return task.model_copy(
            update={
                "name": f"models/{self.model['kind']}",
                "model": choose(MODELS, self.model),
                "loss": choose(LOSSES, "mse" if self.tokens is None else "cross_entropy"),
                "performance": choose(MEASURES, "r2" if self.tokens is None else "accuracy"),
                "penalty": penalty,
                "training": type(task.training).model_validate(
                    {**training, "steps": steps, "dtype": dtype}
                ),
            }
        )

    def members(self, task: TaskSpec, recipe: str = "vanilla", count: int = 3) -> list[Member]:
        """Members of a recipe, its events every few steps."""
        asked = configuration(recipe, swap_every=5, top_k=4, prune_every=3)
        return [recipes.resolve(task, asked, seed) for seed in range(count)]

    def population(self, count: int = 3, dtype: str = "float64") -> Population:
        """Untrained members."""
        task = self.task(dtype=dtype)
        return start(task, self.data(), self.members(task, count=count))


CASES = {
    "rnn": Case({"kind": "rnn", "hidden": 6}, (5, 2)),
    "rnn of tokens": Case({"kind": "rnn", "hidden": 6, "activation": "relu"}, (3,), tokens=4),
    "cnn": Case({"kind": "cnn", "channels": [4, 5]}, (36,)),
    "cnn in colours": Case({"kind": "cnn", "channels": [3, 4], "image": [2, 5, 4]}, (40,)),
    "transformer": Case({"kind": "transformer", "blocks": 2, "width": 6}, (5, 2)),
    "transformer of tokens": Case(
        {"kind": "transformer", "blocks": 1, "width": 6, "heads": 2, "places": True},
        (3,),
        tokens=4,
    ),
}
