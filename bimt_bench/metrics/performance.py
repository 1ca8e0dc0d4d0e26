"""Performance: the task's own loss, R^2, accuracy and cross entropy."""

import math

import numpy as np
import torch
from sklearn.metrics import r2_score

from bimt_bench.metrics import needs
from bimt_bench.metrics.base import Metric, PerMember, Scored, once, per_member
from bimt_bench.metrics.losses import row_losses


def test_loss(scored: Scored) -> PerMember:
    """The task's loss on the test data: mean squared error or mean cross entropy.

    Squared errors are averaged over rows and outputs; classes under a squared loss count as
    one-hot targets.
    """
    targets = scored.data.test_targets
    return per_member(row_losses(scored.task, scored.test_outputs, targets.cpu()).mean(dim=1))


def train_loss(scored: Scored) -> PerMember:
    """The task's loss on the training data, as `test_loss`."""
    total = torch.zeros(scored.size, dtype=torch.float64)
    inputs, targets = scored.data.train_inputs, scored.data.train_targets
    for chunk, wanted in zip(inputs.split(scored.rows), targets.split(scored.rows), strict=True):
        total += row_losses(scored.task, scored.evaluate(chunk), wanted.cpu()).sum(dim=1)
    return per_member(total / len(inputs))


@once
def r2(scored: Scored) -> PerMember:
    """R^2 on the test data, 1 - SS_res / SS_tot, averaged evenly over the outputs.

    NaN where the targets are classes or an output is not finite. A constant target scores 1 if
    met exactly, else 0, as in scikit-learn.
    """
    if _has_classes(scored):
        return np.full(scored.size, math.nan)
    targets = scored.data.test_targets.double().cpu().numpy()
    values = [
        r2_score(targets, outputs) if np.isfinite(outputs).all() else math.nan
        for outputs in scored.test_outputs.double().numpy()
    ]
    return np.asarray(values, dtype=np.float64)


def accuracy(scored: Scored) -> PerMember:
    """Share of test rows whose largest output is the right class.

    NaN where the targets are no classes or an output is not finite.
    """
    if not _has_classes(scored):
        return np.full(scored.size, math.nan)
    outputs = scored.test_outputs
    right = (outputs.argmax(dim=2) == scored.data.test_targets.cpu()).double().mean(dim=1)
    finite = outputs.isfinite().all(dim=2).all(dim=1)
    return per_member(torch.where(finite, right, torch.nan))


def cross_entropy(scored: Scored) -> PerMember:
    """Mean cross entropy on the test data, in nats.

    NaN unless the task trains on it: outputs fitted to one-hot targets are no logits.
    """
    if scored.task.loss.kind != "cross_entropy":
        return np.full(scored.size, math.nan)
    return test_loss(scored)


def performance(scored: Scored) -> PerMember:
    """The task's own performance metric, R^2 or accuracy."""
    return {"r2": r2, "accuracy": accuracy}[scored.task.performance.kind](scored)


def _has_classes(scored: Scored) -> bool:
    return not scored.data.test_targets.is_floating_point()


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
        source="the task: mean (y - t)^2, or mean -log softmax(y)_t",
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
        source="the task: mean (y - t)^2, or mean -log softmax(y)_t",
        compute=train_loss,
    ),
    Metric(
        name="performance",
        family="performance",
        title="Performance",
        direction="higher",
        low=-math.inf,
        high=1.0,
        unit="R² or accuracy",
        cost="cheap",
        source="the task: r2 or accuracy, whichever it names",
        compute=performance,
    ),
    Metric(
        name="r2",
        family="performance",
        title="R²",
        direction="higher",
        low=-math.inf,
        high=1.0,
        unit="",
        cost="cheap",
        source="scikit-learn r2_score: mean over outputs of 1 - SS_res / SS_tot",
        compute=r2,
        need=needs.QUANTITIES,
    ),
    Metric(
        name="accuracy",
        family="performance",
        title="Accuracy",
        direction="higher",
        low=0.0,
        high=1.0,
        unit="share of rows",
        cost="cheap",
        source="mean [argmax y = t]",
        compute=accuracy,
        need=needs.CLASSES,
    ),
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
