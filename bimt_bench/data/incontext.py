"""Linear regression in context: a sequence of points of one line, whose slope is never said."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from bimt_bench.data.kind import DataKind
from bimt_bench.data.randomness import stream, torch_stream
from bimt_bench.data.types import TaskData
from bimt_bench.spec import DATA, DataSettings


@DATA.register
class InContext(DataKind):
    """Sequences x, y, x, y, ..., x with y = w x, each with weights w of its own.

    A token holds (y, x1, x2, ...), zero where it has none. At every x the answer is its y. The
    first one cannot be known; the test data ask for the last one only.
    """

    name = "incontext"
    title = "regression in context"
    source = "arXiv 2305.08746, section 3.4"

    class Settings(DataSettings):
        """How many sequences of how many points, and where weights and inputs are drawn."""

        features: int = Field(default=1, ge=1, le=64, description="numbers in x")
        points: int = Field(default=2, ge=2, le=64, description="of a sequence")
        sequences: int = Field(default=10_000, ge=2)
        train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)
        low: float = Field(default=1.0, allow_inf_nan=False, description="of x, uniform")
        high: float = Field(default=3.0, allow_inf_nan=False)
        weight: float = Field(
            default=1.0,
            gt=0.0,
            allow_inf_nan=False,
            description="w: uniform in [-weight, weight]",
        )

        @model_validator(mode="after")
        def _parts_are_not_empty(self) -> Self:
            if not self.low < self.high:
                raise ValueError(f"low must be below high, but low={self.low}, high={self.high}")
            if not 1 <= int(self.sequences * self.train_fraction) < self.sequences:
                raise ValueError(
                    f"train_fraction {self.train_fraction:g} of {self.sequences} sequences leaves "
                    "none for training"
                )
            return self

    def memory(self, settings: Any) -> int:
        """Points in float64 twice, then sequences with and without the part that they are in."""
        numbers = 4 * settings.points * settings.features
        numbers += 2 * settings.points * (2 + settings.features)
        return 8 * numbers * settings.sequences

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Inputs float32 [n, 2 points - 1, 1 + features], targets [n, 2 points - 1, 1].

        Weights, then inputs come from torch's stream of the seed, the choice of training sequences
        from NumPy's, as in the published example.
        """
        inputs, answers = _sequences(settings)
        count = int(settings.sequences * settings.train_fraction)
        train = stream(settings.seed).choice(settings.sequences, count, replace=False)
        test = np.setdiff1d(np.arange(settings.sequences), train)
        last = torch.full_like(answers, torch.nan)
        last[:, -1] = answers[:, -1]
        return TaskData(
            train_inputs=inputs[train],
            train_targets=answers[train],
            test_inputs=inputs[test],
            test_targets=last[test],
            input_names=("y", *(f"x{i + 1}" for i in range(settings.features))),
            output_names=("y",),
            tokens=None,
        )

    def drawn_anew(
        self, settings: Any, *, seed: int, data_dir: Path | None = None
    ) -> TaskData | None:
        """Other sequences, with weights of their own."""
        return self.load(settings.model_copy(update={"seed": seed}))


def _sequences(
    settings: InContext.Settings,
) -> tuple[Float[Tensor, "n time numbers"], Float[Tensor, "n time 1"]]:
    """All sequences and their answers: NaN where none is asked for."""
    random, n = torch_stream(settings.seed), settings.sequences
    shape = (n, settings.points, settings.features)

    def uniform(size: tuple[int, ...], low: float, high: float) -> Tensor:
        drawn = torch.rand(size, generator=random, dtype=torch.float64)
        return drawn * (high - low) + low

    weights = uniform((n, settings.features), -settings.weight, settings.weight)
    points = uniform(shape, settings.low, settings.high)
    values = torch.einsum("nf,ntf->nt", weights, points)
    inputs = torch.zeros(n, 2 * settings.points - 1, 1 + settings.features)
    inputs[:, ::2, 1:] = points.float()
    inputs[:, 1::2, 0] = values[:, :-1].float()
    answers = torch.full((n, 2 * settings.points - 1, 1), torch.nan)
    answers[:, ::2, 0] = values.float()
    return inputs, answers
