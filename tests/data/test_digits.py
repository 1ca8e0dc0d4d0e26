"""Digits: real images, a stratified split, and what is refused."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from bimt_bench.data.digits import Digits
from bimt_bench.ground import InputError

load = Digits().load


def test_digits_are_real_images_in_the_unit_range() -> None:
    loaded = load(Digits.Settings(kind="digits"))
    assert loaded.train_inputs.shape == (1437, 64)
    assert loaded.test_inputs.shape == (360, 64)
    assert loaded.train_inputs.dtype == torch.float32
    assert loaded.train_targets.dtype == torch.int64
    assert float(loaded.train_inputs.min()) == 0.0
    assert float(loaded.train_inputs.max()) == 1.0
    assert loaded.scale == 1.0
    assert loaded.tokens is None
    assert loaded.input_names[9] == "pixel 1,1"
    assert loaded.output_names == tuple("0123456789")


def test_the_split_keeps_the_share_of_every_digit_and_parts_the_images() -> None:
    loaded = load(Digits.Settings(kind="digits"))
    train, test = (
        np.bincount(t, minlength=10) for t in (loaded.train_targets, loaded.test_targets)
    )
    assert abs(train / (train + test) - 0.8).max() < 0.01
    images, _ = load_digits(return_X_y=True)
    total = float(loaded.train_inputs.sum() + loaded.test_inputs.sum()) * 16
    assert total == pytest.approx(images.sum(), rel=1e-5)


def test_the_seed_decides_the_split() -> None:
    one, again, other = (load(Digits.Settings(kind="digits", seed=s)) for s in (0, 0, 1))
    assert one.train_inputs.equal(again.train_inputs)
    assert not one.train_targets.equal(other.train_targets)


def test_a_split_that_leaves_digits_out_is_refused() -> None:
    with pytest.raises(InputError, match=r"data\.train_fraction: 0\.001 given"):
        load(Digits.Settings(kind="digits", train_fraction=0.001))
