"""Two interleaving half circles with noise: a curved boundary between two classes."""

from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from bimt_bench.data.kind import DataKind
from bimt_bench.data.randomness import stream
from bimt_bench.data.types import TaskData
from bimt_bench.spec import DATA, DataSettings, NonNegative


@DATA.register
class TwoMoons(DataKind):
    """Points of two interleaving half circles, with Gaussian noise on both coordinates."""

    name = "two_moons"
    title = "two moons"
    source = "arXiv 2305.08746, section 3.2; scikit-learn, make_moons"

    class Settings(DataSettings):
        """How many points there are, and the standard deviation of the noise."""

        train: int = Field(default=200, ge=2)
        test: int = Field(default=200, ge=2)
        noise: NonNegative = 0.1

    def memory(self, settings: Any) -> int:
        """Two coordinates and a class, a few times over."""
        return 8 * 12 * (settings.train + settings.test)

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Points float32 [n, 2], classes int64 [n]: 0 the upper moon, 1 the lower.

        The training points come first in the seed's stream, as in the published example.
        """
        # here, because scikit-learn takes seconds to import and only this task needs it
        from sklearn.datasets import make_moons

        random = stream(settings.seed)
        (train, train_classes), (test, test_classes) = (
            make_moons(n_samples=count, noise=settings.noise, random_state=random)
            for count in (settings.train, settings.test)
        )
        return TaskData(
            train_inputs=torch.tensor(train, dtype=torch.float32),
            train_targets=torch.tensor(train_classes, dtype=torch.int64),
            test_inputs=torch.tensor(test, dtype=torch.float32),
            test_targets=torch.tensor(test_classes, dtype=torch.int64),
            input_names=("x1", "x2"),
            output_names=("upper", "lower"),
            tokens=None,
        )

    def drawn_anew(
        self, settings: Any, *, seed: int, data_dir: Path | None = None
    ) -> TaskData | None:
        """Other points; None without noise, when every seed has the same ones."""
        if settings.noise == 0.0:
            return None
        return self.load(settings.model_copy(update={"seed": seed}))
