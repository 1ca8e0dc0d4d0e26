"""The contracts of a loss and of a performance measure, and the kinds that ship."""

from typing import ClassVar, Literal

from bimt_bench.spec import LOSSES, MEASURES, LossSettings, MeasureSettings


class Loss:
    """What training makes small. Fill in the facts, the settings, and the two functions.

    name: what a task file's `loss:` calls it. title: what tables print. targets: what it is
    defined for, numbers or classes.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""

    class Settings(LossSettings):
        """No settings."""


class Measure:
    """How well a network does its task. Fill in the facts, the settings, and `of`.

    name: what a task file's `performance:` calls it. title: what tables print.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""
    direction: ClassVar[Literal["higher", "lower"]] = "higher"

    class Settings(MeasureSettings):
        """No settings."""


@LOSSES.register
class MeanSquaredError(Loss):
    """The mean of (y - t)^2."""

    name = "mse"
    title = "mean squared error"


@LOSSES.register
class CrossEntropy(Loss):
    """The mean of -log softmax(y)_t."""

    name = "cross_entropy"
    title = "cross entropy"


@MEASURES.register
class R2(Measure):
    """1 - SS_res / SS_tot, the mean over outputs."""

    name = "r2"
    title = "R²"


@MEASURES.register
class Accuracy(Measure):
    """The share of samples whose largest output is the right class."""

    name = "accuracy"
    title = "accuracy"
