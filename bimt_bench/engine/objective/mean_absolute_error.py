"""The absolute error of every number, to train on and to measure by."""

from torch import Tensor

from bimt_bench.engine.objective.contract import Loss, Measure
from bimt_bench.spec import LOSSES, MEASURES, LossSettings, MeasureSettings


@LOSSES.register
class AbsoluteError(Loss):
    """The mean of |y - t| over outputs and samples."""

    name = "mean_absolute_error"
    title = "mean absolute error"
    unit = "of the targets"
    targets = ("numbers",)

    def each(self, settings: LossSettings, outputs: Tensor, targets: Tensor) -> Tensor:
        """|y - t| of every number."""
        return (outputs - targets).abs()


@MEASURES.register
class MeanAbsoluteError(Measure):
    """The mean of |y - t| over outputs and samples; lower is better."""

    name = "mean_absolute_error"
    title = "Mean absolute error"
    unit = "of the targets"
    direction = "lower"
    low = 0.0
    high = float("inf")
    targets = ("numbers",)

    def each(self, settings: MeasureSettings, outputs: Tensor, targets: Tensor) -> Tensor:
        """|y - t| of every number."""
        return (outputs - targets).abs()
