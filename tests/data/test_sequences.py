"""Two moons, and regression in context: the published data bit for bit, and their shapes."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.datasets import make_moons

from bimt_bench import data
from bimt_bench.data.incontext import InContext
from bimt_bench.data.moons import TwoMoons
from bimt_bench.spec import catalog

load = InContext().load


def test_two_moons_are_the_published_data() -> None:
    loaded = data.load(catalog.task("classification/two_moons").data)
    random = np.random.RandomState(1)
    (train, train_classes), (test, test_classes) = (
        make_moons(n_samples=200, noise=0.1, random_state=random) for _ in range(2)
    )
    assert loaded.train_inputs.equal(torch.tensor(train, dtype=torch.float32))
    assert loaded.test_inputs.equal(torch.tensor(test, dtype=torch.float32))
    assert loaded.train_targets.tolist() == train_classes.tolist()
    assert loaded.test_targets.tolist() == test_classes.tolist()
    assert loaded.train_targets.bincount().tolist() == [100, 100]


def test_the_upper_moon_is_the_first_class() -> None:
    loaded = TwoMoons().load(TwoMoons.Settings(kind="two_moons", noise=0.0, train=50))
    upper = loaded.train_inputs[loaded.train_targets == 0]
    assert loaded.output_names == ("upper", "lower")
    assert upper[:, 1].min() >= 0.0
    np.testing.assert_allclose(upper.norm(dim=1), 1.0, rtol=1e-6)


def incontext(**given) -> InContext.Settings:
    return InContext.Settings(kind="incontext", **given)


def test_sequences_are_the_published_data() -> None:
    """Drawn here in the published order: slopes, then points, all from one stream of torch."""
    loaded = load(incontext(seed=1))
    random = torch.Generator().manual_seed(1)
    w = torch.rand(10000, 1, dtype=torch.float64, generator=random) * 2 - 1
    x = torch.rand(10000, 2, 1, dtype=torch.float64, generator=random) * 2 + 1
    y = w * x[..., 0]
    zero = torch.zeros(10000, dtype=torch.float64)
    tokens = [(zero, x[:, 0, 0]), (y[:, 0], zero), (zero, x[:, 1, 0])]
    sequences = torch.stack([torch.stack(token, dim=1) for token in tokens], dim=1).float()
    train = np.random.RandomState(1).choice(10000, 8000, replace=False)
    test = np.setdiff1d(np.arange(10000), train)
    assert loaded.train_inputs.equal(sequences[train])
    assert loaded.test_inputs.equal(sequences[test])
    assert loaded.train_targets[:, ::2, 0].equal(y[train].float())
    assert loaded.test_targets[:, -1, 0].equal(y[test, 1].float())


def test_answers_are_asked_for_where_they_are_due() -> None:
    loaded = load(incontext(features=3, points=4, sequences=50, low=-1.0, high=1.0))
    assert loaded.train_inputs.shape == (40, 7, 4) and loaded.train_targets.shape == (40, 7, 1)
    assert loaded.has_steps and loaded.tokens is None
    assert loaded.input_names == ("y", "x1", "x2", "x3") and loaded.output_names == ("y",)
    asked = ~loaded.train_targets[0, :, 0].isnan()
    assert asked.tolist() == [True, False] * 3 + [True]
    assert (~loaded.test_targets[..., 0].isnan()).sum(dim=0).tolist() == [0] * 6 + [10]
    # an answer is what the next token holds, and all answers of a sequence have one slope
    assert loaded.train_targets[:, 0:5:2, 0].equal(loaded.train_inputs[:, 1::2, 0])
    points, values = loaded.train_inputs[:, ::2, 1:], loaded.train_targets[:, ::2, 0]
    slopes = torch.linalg.lstsq(points, values[..., None]).solution
    np.testing.assert_allclose((points @ slopes)[..., 0], values, atol=2e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"low": 2.0, "high": 1.0}, "low must be below high"),
        ({"sequences": 4, "train_fraction": 0.1}, "leaves none for training"),
        ({"points": 1}, "greater than or equal to 2"),
        ({"weight": 0.0}, "greater than 0"),
    ],
)
def test_sequences_that_cannot_be_drawn_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        incontext(**given)
