"""The cross entropy of classes: one a sample, or one at every time step (a token)."""

from torch import Tensor
from torch.nn import functional

from bimt_bench.engine.objective.contract import Loss
from bimt_bench.spec import LOSSES, LossSettings


@LOSSES.register
class CrossEntropy(Loss):
    """The mean of -log softmax(y)_t over samples, or over all tokens that have an answer."""

    name = "cross_entropy"
    title = "cross entropy"
    unit = "nats"
    targets = ("classes",)
    slope = "softmax"

    def each(self, settings: LossSettings, outputs: Tensor, targets: Tensor) -> Tensor:
        """-log softmax(y)_t."""
        classes = targets.expand(outputs.shape[0], *targets.shape)
        return functional.cross_entropy(outputs, classes, reduction="none")
