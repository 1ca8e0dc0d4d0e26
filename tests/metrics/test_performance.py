"""Performance metrics against hand-computed values and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, r2_score

from bimt_bench.metrics import METRICS

IDENTITY = [torch.eye(2, dtype=torch.float64)[None]]


def value(name, scored):
    return METRICS[name].compute(scored)


def classified(by_hand, inputs, classes, *, loss):
    """Two classes scored by the inputs themselves."""
    data = by_hand.data(torch.tensor(inputs, dtype=torch.float64), torch.tensor(classes))
    return by_hand.scored(IDENTITY, data=data, task=by_hand.task(loss=loss, performance="accuracy"))


def test_mean_squared_error_by_hand(by_hand):
    data = by_hand.data(
        torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    )
    scored = by_hand.scored(IDENTITY, data=data)
    assert value("test_loss", scored) == pytest.approx([(0 + 4 + 9 + 0) / 4])
    assert value("train_loss", scored) == pytest.approx([13 / 4])


def test_r2_is_the_even_mean_over_outputs(by_hand):
    draw = torch.Generator().manual_seed(1)
    inputs = torch.randn((50, 2), generator=draw, dtype=torch.float64)
    targets = inputs * torch.tensor([1.0, 5.0]) + 0.3
    scored = by_hand.scored(IDENTITY, data=by_hand.data(inputs, targets))
    expected = r2_score(targets.numpy(), inputs.numpy(), multioutput="uniform_average")
    assert value("r2", scored) == pytest.approx([expected])
    assert value("performance", scored) == pytest.approx([expected])
    assert math.isnan(value("accuracy", scored)[0])
    assert math.isnan(value("cross_entropy", scored)[0])


def test_accuracy_and_cross_entropy_by_hand(by_hand):
    scored = classified(
        by_hand, [[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], [0, 1, 1], loss="cross_entropy"
    )
    assert value("accuracy", scored) == pytest.approx([2 / 3])
    assert value("performance", scored) == pytest.approx([2 / 3])
    shares = torch.softmax(scored.data.test_inputs, dim=1).numpy()
    expected = log_loss([0, 1, 1], shares)
    assert value("test_loss", scored) == pytest.approx([expected])
    assert value("train_loss", scored) == pytest.approx([expected])
    assert value("cross_entropy", scored) == pytest.approx([expected])
    assert math.isnan(value("r2", scored)[0])


def test_classes_under_a_squared_loss_count_as_one_hot(by_hand):
    scored = classified(by_hand, [[1.0, 0.0], [0.5, 0.5]], [0, 1], loss="mse")
    assert value("test_loss", scored) == pytest.approx([(0 + 0 + 0.25 + 0.25) / 4])
    assert math.isnan(value("cross_entropy", scored)[0])


def test_images_are_scaled_and_evaluated_in_chunks(by_hand, monkeypatch):
    draw = torch.Generator().manual_seed(2)
    images = torch.randint(0, 256, (23, 2), generator=draw).to(torch.uint8)
    classes = images.long().argmax(dim=1)
    data = by_hand.data(images, classes, scale=1 / 255)
    task = by_hand.task(performance="accuracy")
    whole = by_hand.scored(IDENTITY, data=data, task=task)
    monkeypatch.setattr("bimt_bench.metrics.base._ROWS_TIMES_MEMBERS", 4)
    chunked = by_hand.scored(IDENTITY, data=data, task=task)
    assert chunked.rows == 4
    assert value("accuracy", chunked) == pytest.approx([1.0])
    residual = images.double() / 255 - torch.nn.functional.one_hot(classes, 2)
    for name in ("test_loss", "train_loss"):
        assert value(name, whole) == pytest.approx([residual.square().mean().item()])
        assert value(name, chunked) == pytest.approx(value(name, whole), rel=1e-12)


def test_a_member_that_is_not_finite_is_undefined_and_alone(by_hand):
    weights = torch.stack([torch.eye(2), torch.full((2, 2), torch.nan)]).double()
    regression = by_hand.scored([weights])
    assert np.isnan(value("r2", regression)).tolist() == [False, True]
    assert np.isnan(value("test_loss", regression)).tolist() == [False, True]
    data = by_hand.data(torch.eye(2, dtype=torch.float64), torch.tensor([0, 1]))
    classes = by_hand.scored([weights], data=data, task=by_hand.task(performance="accuracy"))
    np.testing.assert_array_equal(value("accuracy", classes), [1.0, np.nan])


def test_tokens_reach_the_model_as_they_are(by_hand):
    tokens = torch.tensor([[0, 1], [1, 0]])
    data = by_hand.data(tokens, torch.tensor([1, 0]), tokens=2)
    scored = by_hand.scored(IDENTITY, data=data, task=by_hand.task(performance="accuracy"))
    assert scored.inputs(tokens).dtype == torch.int64
