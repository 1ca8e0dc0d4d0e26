"""The loss and the measure of a task, with their settings, as the engine and metrics use them."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bimt_bench.engine.objective.answers import (
    answered,
    columns,
    mean,
    of_answers,
    row_means,
)
from bimt_bench.engine.objective.contract import Loss, Measure, Outputs, PerMember
from bimt_bench.spec import LOSSES, MEASURES, LossSettings, MeasureSettings, choose


@dataclass(frozen=True)
class TaskLoss:
    """A loss with its settings. `partial`: whether answers may be missing."""

    kind: Loss
    settings: LossSettings
    partial: bool = False

    @classmethod
    def of(cls, given: LossSettings | str, targets: Tensor | None = None) -> "TaskLoss":
        """The loss of a task, or one by its name, for a task's targets (absent: all answered)."""
        settings = choose(LOSSES, given)
        assert isinstance(settings, LossSettings)
        partial = targets is not None and not bool(answered(targets).all())
        return cls(LOSSES.get_kind(settings.kind)(), settings, partial)

    @property
    def slope(self) -> Literal["difference", "softmax"] | None:
        """The derivative that is written out and holds here: it is that of the class of `each`."""
        if self.partial:
            return None
        home = next(one for one in type(self.kind).__mro__ if "each" in vars(one))
        return vars(home).get("slope")

    def wanted(self, targets: Tensor, outputs: int, dtype: torch.dtype) -> Tensor:
        """A task's targets [B(, T), outputs], or classes [B(, T)], as the others take them."""
        return self.kind.wanted(self.settings, targets, outputs, dtype)

    def each(self, outputs: Outputs, wanted: Tensor) -> tuple[Tensor, Tensor | None]:
        """What each answer loses, [P, (outputs,) B(, T)], and where there is one; None: all."""
        return of_answers(
            lambda t: self.kind.each(self.settings, outputs, t), wanted, partial=self.partial
        )

    def mean(self, outputs: Outputs, wanted: Tensor) -> PerMember:
        """The loss of each member: the mean over all answers."""
        return mean(*self.each(outputs, wanted))

    def rows(self, outputs: Outputs, wanted: Tensor) -> Tensor:
        """Each sample's part of the loss, [P, B]; the mean over samples is `mean`."""
        return row_means(*self.each(outputs, wanted), time=outputs.dim() > 3)


@dataclass(frozen=True)
class TaskMeasure:
    """A performance measure with its settings; targets are the task's [B(, T), outputs]."""

    kind: Measure
    settings: MeasureSettings

    @classmethod
    def of(cls, given: MeasureSettings | str) -> "TaskMeasure":
        """The measure of a task, or one by its name."""
        settings = choose(MEASURES, given)
        assert isinstance(settings, MeasureSettings)
        return cls(MEASURES.get_kind(settings.kind)(), settings)

    def performance(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """The measure of each member, [P] float64."""
        wanted = columns(targets, outputs.dtype)
        return self.kind.of(self.settings, outputs, wanted).to(torch.float64)

    def trivial(self, train: Tensor, test: Tensor, outputs: int) -> float:
        """The measure of the trivial predictor: the training targets' mean, or commonest class.

        Targets are the task's, [B(, T), outputs] or classes [B(, T)]; at every time step alike.
        """
        known = train[answered(train)] if not train.is_floating_point() else train
        if train.is_floating_point():
            constant = torch.nanmean(known.double().reshape(-1, outputs), dim=0)
        else:
            constant = torch.zeros(outputs, dtype=torch.float64)
            constant[known.long().bincount(minlength=outputs).argmax()] = 1.0
        shape = test.shape[:-1] if test.is_floating_point() else test.shape
        guessed = constant.view(1, outputs, *[1] * len(shape)).expand(1, outputs, *shape)
        return float(self.performance(guessed, test.cpu()))

    def each(self, outputs: Outputs, targets: Tensor) -> tuple[Tensor, Tensor | None]:
        """The value of each answer, [P, (outputs,) B(, T)], and where there is one; None: all."""
        wanted = columns(targets, outputs.dtype)
        return of_answers(lambda t: self.kind.each(self.settings, outputs, t), wanted)

    def rows(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Each sample's part of a measure that is a mean, [P, B] float64."""
        each, known = self.each(outputs, targets)
        return row_means(each.to(torch.float64), known, time=outputs.dim() > 3)
