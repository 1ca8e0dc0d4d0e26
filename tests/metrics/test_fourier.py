"""Fourier metrics: waves by hand, random embeddings, invariances, need of residues."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.data import Residues
from bimt_bench.metrics import METRICS, scorecards
from bimt_bench.spec import catalog

NAMES = ("fourier_concentration", "fourier_key_frequencies", "fourier_gini")


def wave(p, frequency, phase=0.0):
    return torch.cos(2 * math.pi * frequency * torch.arange(p, dtype=torch.float64) / p + phase)


def embedded(by_hand, embedding):
    """A scored population that has this embedding [P, tokens, n], whatever else it does."""
    members, tokens, width = embedding.shape
    scored = by_hand.scored(by_hand.weights((width, 4, 2), members=members))
    return by_hand.changed(
        scored,
        task=catalog.task("modular/addition_59"),
        data=dataclasses.replace(scored.data, tokens=tokens, residues=Residues(tokens, added=True)),
        parameters={"embedding.weight": embedding},
        wiring=type(scored.wiring).layered((width, 4, 2), embedding=True),
    )


def values(scored):
    return scorecards(scored, list(NAMES))


def test_one_frequency_holds_everything(by_hand):
    columns = [5.0 + wave(11, 3, phase) for phase in (0.0, 1.0, 2.0)]
    found = values(embedded(by_hand, torch.stack(columns, dim=1)[None])).loc[0]
    assert found["fourier_concentration"] == pytest.approx(1.0)
    assert found["fourier_key_frequencies"] == 1
    assert found["fourier_gini"] == pytest.approx(1 - 1 / 5)


def test_dimensions_count_by_their_power(by_hand):
    # one dimension with power 1 and 1 at two frequencies, one with power 4 at a third
    first, second = wave(11, 1) + wave(11, 2), 2 * wave(11, 4)
    found = values(embedded(by_hand, torch.stack([first, second], dim=1)[None])).loc[0]
    assert found["fourier_concentration"] == pytest.approx((1 + 4) / 6)
    assert found["fourier_key_frequencies"] == 3  # 4/6 and 5/6 are less than nine tenths
    # powers 0 0 1 1 4 ascending: sum (2 i - 6) P = 0 + 2 + 16 over 5 * 6
    assert found["fourier_gini"] == pytest.approx(18 / 30)


def test_an_equal_spectrum_has_no_key(by_hand):
    found = values(embedded(by_hand, sum(wave(21, f) for f in range(1, 11))[None, :, None])).loc[0]
    assert found["fourier_concentration"] == pytest.approx(1 / 10)
    assert found["fourier_key_frequencies"] == 9
    assert found["fourier_gini"] == pytest.approx(0.0, abs=1e-9)


@given(
    seed=st.integers(0, 99), shift=st.integers(0, 12), scale=st.sampled_from([1e-180, -3.0, 1e9])
)
def test_turns_scales_and_the_order_of_dimensions_and_members_change_nothing(
    by_hand, seed, shift, scale
):
    draw = torch.Generator().manual_seed(seed)
    embedding = torch.randn((2, 13, 5), generator=draw, dtype=torch.float64)
    moved = scale * embedding.roll(shift, dims=1).flip(2).flip(0)
    here, there = values(embedded(by_hand, embedding)), values(embedded(by_hand, moved))
    np.testing.assert_allclose(there.to_numpy()[::-1], here, rtol=1e-7)


def test_a_constant_or_broken_embedding_is_undefined(by_hand):
    constant, broken = torch.ones((2, 13, 3), dtype=torch.float64)
    broken[0, 0] = torch.nan
    assert values(embedded(by_hand, torch.stack([constant, broken]))).isna().all(axis=None)


def test_tokens_that_are_no_residues_have_no_spectrum(by_hand):
    scored = embedded(by_hand, wave(11, 3)[None, :, None])
    plain = dataclasses.replace(scored.data, residues=None)
    other = dataclasses.replace(scored, data=plain, task=by_hand.task(name="symbolic/no_residues"))
    assert values(other).isna().all(axis=None)
    assert METRICS["fourier_gini"].need is not None
