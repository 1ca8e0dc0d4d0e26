"""The contracts of a loss and of a performance measure: fill in facts, settings, one function."""

from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine.objective.answers import columns, mean, of_answers
from bimt_bench.spec import LossSettings, MeasureSettings

Target = Literal["numbers", "classes"]
Answers = Literal["any", "sample", "step"]
Outputs = Float[Tensor, "member outputs batch *time"]
PerMember = Float[Tensor, " member"]


class Loss:
    """What training makes small: the mean of what each answer loses. Fill in facts and `each`.

    name: what a task file's `loss:` calls it. title: what tables print. unit: of its values.
    source: where it comes from, if it is published. targets: what it is defined for. answers:
    'sample' for one answer a sample, 'step' for one at every time step, 'any' for both. slope: its
    derivative by the outputs, if it is one that the perceptrons' fast path has written out;
    'difference' is 2 (y - t), 'softmax' is softmax(y) less one-hot t. Others are differentiated by
    autograd.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = ""
    source: ClassVar[str] = ""
    targets: ClassVar[tuple[Target, ...]]
    answers: ClassVar[Answers] = "any"
    slope: ClassVar[Literal["difference", "softmax"] | None] = None

    class Settings(LossSettings):
        """No settings."""

    def each(self, settings: Any, outputs: Outputs, targets: Tensor) -> Tensor:
        """What each answer loses, differentiable in the outputs.

        outputs: [P, outputs, B], or [P, outputs, B, T] where there is an answer at every time
        step. targets: as `wanted` gives them. Returns [P, outputs, B(, T)], a loss for each number,
        or [P, B(, T)], one for all outputs together. No member's may depend on another's. What is
        no answer is filled in with one that could be, and counts for nothing.
        """
        raise NotImplementedError

    def wanted(self, settings: Any, targets: Tensor, outputs: int, dtype: torch.dtype) -> Tensor:
        """A task's targets as `each` takes them: numbers [outputs, B(, T)]; classes [B(, T)]."""
        return columns(targets, dtype)


class Measure:
    """How well a network does its task. Fill in the facts, and `each` or `of`.

    name: what a task file's `performance:` calls it. title: what tables print. unit: of its
    values. direction: which of them are better. low, high: their range. source: where it comes
    from, if it is published. targets, answers: as for a loss. shares: whether it is the share of
    answers that are right, so that `each` says which are; a circuit may then lose one right answer
    in a hundred, and is judged by the loss otherwise.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = ""
    direction: ClassVar[Literal["higher", "lower"]] = "higher"
    low: ClassVar[float]
    high: ClassVar[float]
    source: ClassVar[str] = ""
    targets: ClassVar[tuple[Target, ...]]
    answers: ClassVar[Answers] = "any"
    shares: ClassVar[bool] = False

    class Settings(MeasureSettings):
        """No settings."""

    def each(self, settings: Any, outputs: Outputs, targets: Tensor) -> Tensor:
        """The value of each answer; shapes as for a loss, with classes as they are."""
        raise NotImplementedError

    def of(self, settings: Any, outputs: Outputs, targets: Tensor) -> PerMember:
        """The measure of each member: the mean of `each`, unless a kind says otherwise.

        targets: numbers [outputs, B(, T)], NaN where there is no answer, or classes [B(, T)],
        below 0 where there is none.
        """
        each, known = of_answers(lambda t: self.each(settings, outputs, t), targets)
        return mean(each.to(torch.float64), known)
