"""scikit-learn's 1,797 scanned 8x8 digits: real images that need no download."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from bimt_bench.data.kind import DataKind
from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA, DataSettings

_SIDE = 8
_LARGEST = 16.0  # pixels are counts from 0 to 16


@DATA.register
class Digits(DataKind):
    """scikit-learn's 1,797 scanned 8x8 digits, as pixel values in [0, 1]."""

    name = "digits"
    title = "8x8 digits"
    source = "scikit-learn, load_digits"

    class Settings(DataSettings):
        """The share of images that are trained on, and the seed of the split."""

        train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Pixels float32 [n, 64] in [0, 1], row by row; classes int64 [n].

        The split keeps the share of every digit. Raises InputError if a part gets too few images.
        """
        # here, because scikit-learn takes seconds to import and only this task needs it
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, classes = load_digits(return_X_y=True)
        try:
            train, test = train_test_split(
                np.arange(len(classes)),
                train_size=settings.train_fraction,
                stratify=classes,
                random_state=settings.seed,
            )
        except ValueError as error:
            raise InputError(
                f"data.train_fraction: {settings.train_fraction:g} given: {error}"
            ) from error
        inputs = torch.tensor(images / _LARGEST, dtype=torch.float32)
        targets = torch.tensor(classes, dtype=torch.int64)
        return TaskData(
            train_inputs=inputs[train],
            train_targets=targets[train],
            test_inputs=inputs[test],
            test_targets=targets[test],
            input_names=tuple(f"pixel {r},{c}" for r in range(_SIDE) for c in range(_SIDE)),
            output_names=tuple(str(digit) for digit in range(10)),
            tokens=None,
        )
