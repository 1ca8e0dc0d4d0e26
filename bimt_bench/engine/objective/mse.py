"""The squared error of every number, classes as one-hot columns."""

import torch
from torch import Tensor
from torch.nn import functional

from bimt_bench.engine.objective.contract import Loss
from bimt_bench.spec import LOSSES, LossSettings


@LOSSES.register
class MeanSquaredError(Loss):
    """The mean of (y - t)^2 over outputs and samples."""

    name = "mse"
    title = "mean squared error"
    targets = ("numbers", "classes")
    slope = "difference"

    def each(self, settings: LossSettings, outputs: Tensor, targets: Tensor) -> Tensor:
        """(y - t)^2 of every number."""
        return functional.mse_loss(outputs, targets.expand_as(outputs), reduction="none")

    def wanted(
        self, settings: LossSettings, targets: Tensor, outputs: int, dtype: torch.dtype
    ) -> Tensor:
        """Numbers as they are; classes as columns of 0 and 1, NaN where there is no answer."""
        if targets.is_floating_point():
            return super().wanted(settings, targets, outputs, dtype)
        columns = functional.one_hot(targets.clamp(min=0), outputs).movedim(-1, 0).to(dtype)
        return torch.where(targets < 0, torch.nan, columns)
