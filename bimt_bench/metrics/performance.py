"""Performance: the task's own loss, R^2, accuracy and cross entropy."""

import math

import numpy as np
import torch
from sklearn.metrics import r2_score

from bimt_bench.metrics import needs
from bimt_bench.metrics.base import PerMember, Scored, once, per_member
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.losses import row_losses


@metric(
    title="Test loss",
    family="performance",
    direction="lower",
    low=0.0,
    unit="the task's loss",
    source="the task: mean (y - t)^2, or mean -log softmax(y)_t",
    untrained="TODO test_loss",
)
def test_loss(scored: Scored) -> PerMember:
    """The task's loss on the test data: mean squared error or mean cross entropy.

    Squared errors are averaged over rows and outputs; classes under a squared loss count as
    one-hot targets.
    """
    outputs, targets = scored.test_outputs, scored.test_targets
    return per_member(row_losses(scored.task, outputs, targets).mean(dim=1))


@metric(
    title="Training loss",
    family="performance",
    direction="lower",
    low=0.0,
    unit="the task's loss",
    source="the task: mean (y - t)^2, or mean -log softmax(y)_t",
    untrained="TODO train_loss",
)
def train_loss(scored: Scored) -> PerMember:
    """The task's loss on the training data, as `test_loss`."""
    total, count = torch.zeros(scored.size, dtype=torch.float64), 0
    questions = scored.ask(scored.data.train_inputs, scored.data.train_targets)
    for outputs, targets in questions.chunks():
        total += row_losses(scored.task, outputs, targets).sum(dim=1)
        count += len(targets)
    return per_member(total / count)


@metric(
    title="Performance",
    family="performance",
    direction="higher",
    high=1.0,
    unit="R² or accuracy",
    source="the task: r2 or accuracy, whichever it names",
    untrained="TODO performance",
)
def performance(scored: Scored) -> PerMember:
    """The task's own performance metric, R^2 or accuracy."""
    return {"r2": r2, "accuracy": accuracy}[scored.task.performance.kind](scored)


@metric(
    title="R²",
    family="performance",
    direction="higher",
    high=1.0,
    source="scikit-learn r2_score: mean over outputs of 1 - SS_res / SS_tot",
    untrained="TODO r2",
    need=needs.QUANTITIES,
)
@once
def r2(scored: Scored) -> PerMember:
    """R^2 on the test data, 1 - SS_res / SS_tot, averaged evenly over the outputs.

    NaN where the targets are classes or an output is not finite. A constant target scores 1 if
    met exactly, else 0, as in scikit-learn.
    """
    if _has_classes(scored):
        return np.full(scored.size, math.nan)
    targets = scored.test_targets.double().numpy()
    values = [
        r2_score(targets, outputs) if np.isfinite(outputs).all() else math.nan
        for outputs in scored.test_outputs.double().numpy()
    ]
    return np.asarray(values, dtype=np.float64)


@metric(
    title="Accuracy",
    family="performance",
    direction="higher",
    low=0.0,
    high=1.0,
    unit="share of rows",
    source="mean [argmax y = t]",
    untrained="TODO accuracy",
    need=needs.CLASSES,
)
def accuracy(scored: Scored) -> PerMember:
    """Share of test rows whose largest output is the right class.

    NaN where the targets are no classes or an output is not finite.
    """
    if not _has_classes(scored):
        return np.full(scored.size, math.nan)
    outputs = scored.test_outputs
    right = (outputs.argmax(dim=2) == scored.test_targets).double().mean(dim=1)
    finite = outputs.isfinite().all(dim=2).all(dim=1)
    return per_member(torch.where(finite, right, torch.nan))


@metric(
    title="Cross entropy",
    family="performance",
    direction="lower",
    low=0.0,
    unit="nats",
    source="mean -log softmax(y)_t",
    untrained="TODO cross_entropy",
    need=needs.CROSS_ENTROPY,
)
def cross_entropy(scored: Scored) -> PerMember:
    """Mean cross entropy on the test data, in nats.

    NaN unless the task trains on it: outputs fitted to one-hot targets are no logits.
    """
    if scored.task.loss.kind != "cross_entropy":
        return np.full(scored.size, math.nan)
    return test_loss(scored)


def _has_classes(scored: Scored) -> bool:
    return not scored.data.test_targets.is_floating_point()
