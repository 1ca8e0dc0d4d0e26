"""The share of right classes: of samples, and of tokens."""

from torch import Tensor

from bimt_bench.engine.objective.contract import Measure
from bimt_bench.spec import MEASURES, MeasureSettings


@MEASURES.register
class Accuracy(Measure):
    """The share of samples whose largest output is the right class."""

    name = "accuracy"
    title = "Accuracy"
    unit = "share of rows"
    low = 0.0
    high = 1.0
    source = "mean [argmax y = t]"
    targets = ("classes",)
    answers = "sample"
    shares = True

    def each(self, settings: MeasureSettings, outputs: Tensor, targets: Tensor) -> Tensor:
        """Which answers are right."""
        return outputs.argmax(dim=1) == targets


@MEASURES.register
class TokenAccuracy(Accuracy):
    """The share of tokens, over all samples and time steps, whose largest output is right.

    Tokens without an answer do not count, and samples with more answers count for more.
    """

    name = "token_accuracy"
    title = "Token accuracy"
    unit = "share of tokens"
    answers = "step"
