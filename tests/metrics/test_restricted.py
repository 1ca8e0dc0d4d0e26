"""Restricted and excluded loss: members that compute by one rotation, or by heart."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from bimt_bench import data
from bimt_bench.metrics import scorecards
from bimt_bench.spec import catalog

NAMES = ["test_loss", "train_loss", "restricted_loss", "excluded_loss"]


def wave(p, frequency, of):
    return torch.cos(2 * math.pi * frequency * of / p)


def member(by_hand, frequency, *, embedded=3, strength=5.0, extra=None):
    """Logits strength cos(2 pi f (a + b - c) / p); the embedding has power at `embedded` only."""
    task = catalog.task("modular/addition_59")
    loaded = data.load(task.data)
    p = loaded.tokens
    residues = torch.arange(p, dtype=torch.float64)
    phases = torch.tensor([0.0, p / (4 * embedded)])
    embedding = wave(p, embedded, residues[:, None] - phases)[None]

    def run(parameters, tokens):
        logits = strength * wave(p, frequency, tokens.sum(dim=1)[:, None] - residues)
        return (logits if extra is None else logits + extra(tokens))[None], {}

    scored = by_hand.scored(by_hand.weights((2, 4, 2)))
    return by_hand.changed(
        scored,
        task=task,
        data=loaded,
        run=run,
        parameters={"embedding.weight": embedding.double()},
        wiring=type(scored.wiring).layered((2, 4, 2), embedding=True),
    )


def test_a_rotation_at_a_key_frequency_is_all_there_is(by_hand):
    found = scorecards(member(by_hand, 3), NAMES).loc[0]
    assert found["restricted_loss"] == pytest.approx(found["test_loss"])
    assert found["excluded_loss"] == pytest.approx(math.log(59))


def test_a_rotation_at_another_frequency_is_nothing_of_it(by_hand):
    found = scorecards(member(by_hand, 4), NAMES).loc[0]
    assert found["restricted_loss"] == pytest.approx(math.log(59))
    assert found["excluded_loss"] == pytest.approx(found["train_loss"])


def test_pairs_known_by_heart_survive_the_exclusion_of_a_useless_rotation(by_hand):
    def by_heart(tokens):  # odd a only: no function of a + b
        right = torch.nn.functional.one_hot(tokens.sum(dim=1) % 59, 59)
        return 20.0 * right * (tokens[:, :1] % 2)

    found = scorecards(member(by_hand, 3, extra=by_heart), NAMES).loc[0]
    assert found["excluded_loss"] < 0.6 * math.log(59)
    assert found["restricted_loss"] < found["test_loss"] + math.log(59)


def test_mean_logits_are_kept_and_broken_members_undefined(by_hand):
    constant = torch.arange(59, dtype=torch.float64) / 10
    found = scorecards(member(by_hand, 3, extra=lambda _: constant), NAMES).loc[0]
    assert found["restricted_loss"] == pytest.approx(found["test_loss"])
    broken = member(by_hand, 3, extra=lambda tokens: tokens[:, :1] * math.nan)
    assert scorecards(broken, NAMES).isna().all(axis=None)
    flat = by_hand.changed(
        member(by_hand, 3),
        parameters={"embedding.weight": torch.ones(1, 59, 2, dtype=torch.float64)},
    )
    assert np.isnan(scorecards(flat, NAMES).loc[0, "restricted_loss"])


def test_only_addition_is_asked(by_hand):
    scored = member(by_hand, 3)
    task = scored.task.model_copy(update={"name": "modular/product"})
    product = dataclasses.replace(scored.data, residues=data.Residues(59, added=False))
    found = scorecards(dataclasses.replace(scored, task=task, data=product), NAMES).loc[0]
    assert np.isnan(found["restricted_loss"])
    assert np.isfinite(found["test_loss"])
