"""Performance: the task's own loss and measure, and the measures that every task of a sort has."""

import math

import numpy as np
import torch

from bimt_bench.engine import TaskMeasure
from bimt_bench.metrics import needs
from bimt_bench.metrics.base import PerMember, Scored, once, per_member
from bimt_bench.metrics.contract import Metric, metric
from bimt_bench.metrics.losses import answers, row_losses
from bimt_bench.spec import MEASURES, METRICS, MeasureSettings

OWN = "performance"
"""The metric that is the task's own measure, whose direction it has."""


@metric(
    title="Test loss",
    family="performance",
    direction="lower",
    low=0.0,
    unit="the task's loss",
    source="the task: the mean of its loss over all answers",
    untrained="near that of guessing: 0.1 on digits, log 59 = 4.08 on addition",
)
def test_loss(scored: Scored) -> PerMember:
    """The task's loss on the test data, the mean over all answers.

    Squared errors are averaged over rows and outputs; classes under a squared loss count as
    one-hot targets.
    """
    targets = scored.data.test_targets.cpu()
    return per_member(row_losses(scored.task, scored.test_outputs, targets).mean(dim=1))


@metric(
    title="Training loss",
    family="performance",
    direction="lower",
    low=0.0,
    unit="the task's loss",
    source="the task: the mean of its loss over all answers",
    untrained="near that of guessing: 0.1 on digits, log 59 = 4.08 on addition",
)
def train_loss(scored: Scored) -> PerMember:
    """The task's loss on the training data, as `test_loss`."""
    total, count = torch.zeros(scored.size, dtype=torch.float64), 0
    questions = scored.ask(scored.data.train_inputs, scored.data.train_targets)
    for outputs, targets in questions.chunks():
        there = answers(targets)
        total += row_losses(scored.task, outputs, targets).mean(dim=1) * there
        count += there
    return per_member(total / max(count, 1))


@metric(
    title="Performance",
    family="performance",
    direction="higher",
    unit="the task's measure",
    source="the task: the measure that it names, whose direction holds",
    untrained="what the measure gives for guessing; accuracy 1 / classes, R² at most 0",
)
@once
def performance(scored: Scored) -> PerMember:
    """The task's own performance measure; NaN where an output is not finite."""
    return _measured(scored, scored.task.performance)


def _measured(scored: Scored, measure: MeasureSettings | str) -> PerMember:
    """A measure on the test data, in float64; NaN where an output is not finite."""
    outputs = scored.test_outputs.double()
    values = TaskMeasure.of(measure).performance(
        outputs.movedim(-1, 1), scored.data.test_targets.cpu()
    )
    return per_member(torch.where(outputs.isfinite().flatten(1).all(dim=1), values, torch.nan))


def _as_metric(name: str, need: needs.Need, untrained: str) -> Metric:
    """A measure as a metric of every task that has such targets; NaN elsewhere."""
    measure = MEASURES.get_kind(name)

    @once
    def compute(scored: Scored) -> PerMember:
        """The measure on the test data; NaN where the targets are of another sort."""
        if need.lacking(scored.task, scored.data, scored.wiring):
            return np.full(scored.size, math.nan)
        return _measured(scored, name)

    return Metric(
        name=name,
        family="performance",
        title=measure.title,
        direction=measure.direction,
        low=measure.low,
        high=measure.high,
        unit=measure.unit,
        source=measure.source,
        untrained=untrained,
        compute=compute,
        need=need,
    )


METRICS.register(
    _as_metric("r2", needs.QUANTITIES, "at most 0: -0.1 on independence, -5 on compositionality")
)
METRICS.register(_as_metric("accuracy", needs.CLASSES, "that of guessing, 1 / classes"))


@metric(
    title="Cross entropy",
    family="performance",
    direction="lower",
    low=0.0,
    unit="nats",
    source="mean -log softmax(y)_t",
    untrained="near log(classes): 4.08 on addition",
    need=needs.CROSS_ENTROPY,
)
def cross_entropy(scored: Scored) -> PerMember:
    """Mean cross entropy on the test data, in nats.

    NaN unless the task trains on it: outputs fitted to one-hot targets are no logits.
    """
    if needs.CROSS_ENTROPY.lacking(scored.task, scored.data, scored.wiring):
        return np.full(scored.size, math.nan)
    return test_loss(scored)
