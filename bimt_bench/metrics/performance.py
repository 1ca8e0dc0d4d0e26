"""Performance: the task's own loss and measure, and the measures that every task of a sort has."""

import math

import numpy as np
import torch

from bimt_bench.engine import TaskMeasure
from bimt_bench.metrics import needs
from bimt_bench.metrics.base import Metric, PerMember, Scored, once, per_member
from bimt_bench.metrics.losses import answers, row_losses
from bimt_bench.spec import MEASURES, MeasureSettings

OWN = "performance"
"""The metric that is the task's own measure, whose direction it has."""


def test_loss(scored: Scored) -> PerMember:
    """The task's loss on the test data, the mean over all answers.

    Squared errors are averaged over rows and outputs; classes under a squared loss count as
    one-hot targets.
    """
    targets = scored.data.test_targets
    return per_member(row_losses(scored.task, scored.test_outputs, targets.cpu()).mean(dim=1))


def train_loss(scored: Scored) -> PerMember:
    """The task's loss on the training data, as `test_loss`."""
    total, count = torch.zeros(scored.size, dtype=torch.float64), 0
    inputs, targets = scored.data.train_inputs, scored.data.train_targets
    for chunk, part in zip(inputs.split(scored.rows), targets.split(scored.rows), strict=True):
        there = answers(part)
        total += row_losses(scored.task, scored.evaluate(chunk), part.cpu()).mean(dim=1) * there
        count += there
    return per_member(total / max(count, 1))


def cross_entropy(scored: Scored) -> PerMember:
    """Mean cross entropy on the test data, in nats.

    NaN unless the task trains on it: outputs fitted to one-hot targets are no logits.
    """
    if scored.task.loss.kind != "cross_entropy":
        return np.full(scored.size, math.nan)
    return test_loss(scored)


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


def _as_metric(name: str, need: needs.Need) -> Metric:
    """A measure as a metric of every task that has such targets; NaN elsewhere."""
    measure = MEASURES.get_kind(name)

    @once
    def compute(scored: Scored) -> PerMember:
        if not need.met_by(scored.task, scored.data):
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
        cost="cheap",
        source=measure.source,
        compute=compute,
        need=need,
    )


FAMILY = (
    Metric(
        name="test_loss",
        family="performance",
        title="Test loss",
        direction="lower",
        low=0.0,
        high=math.inf,
        unit="the task's loss",
        cost="cheap",
        source="the task: the mean of its loss over all answers",
        compute=test_loss,
    ),
    Metric(
        name="train_loss",
        family="performance",
        title="Training loss",
        direction="lower",
        low=0.0,
        high=math.inf,
        unit="the task's loss",
        cost="cheap",
        source="the task: the mean of its loss over all answers",
        compute=train_loss,
    ),
    Metric(
        name=OWN,
        family="performance",
        title="Performance",
        direction="higher",
        low=-math.inf,
        high=math.inf,
        unit="the task's measure",
        cost="cheap",
        source="the task: the measure that it names, whose direction holds",
        compute=performance,
    ),
    _as_metric("r2", needs.QUANTITIES),
    _as_metric("accuracy", needs.CLASSES),
    Metric(
        name="cross_entropy",
        family="performance",
        title="Cross entropy",
        direction="lower",
        low=0.0,
        high=math.inf,
        unit="nats",
        cost="cheap",
        source="mean -log softmax(y)_t",
        compute=cross_entropy,
        need=needs.CROSS_ENTROPY,
    ),
)
