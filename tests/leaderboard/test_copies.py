"""Copies: who answers alike, and what is said of it."""

import numpy as np
import pytest

from bimt_bench.leaderboard.copies import (
    ALIKE,
    Gathering,
    apart,
    copies,
    may_be_alike,
    sizes,
    sketches,
)

MEMBERS = ("a" * 12, "b" * 12, "c" * 12)


def _gathering(
    entry: str,
    answers: np.ndarray,
    *,
    members: tuple[str, ...] = MEMBERS,
    seeds: tuple[int, ...] = (0, 1, 2),
    weights: np.ndarray | None = None,
) -> Gathering:
    held = np.arange(3 * 8).reshape(3, 8) if weights is None else weights
    own = tuple(sizes({"layers.0.weight": one}) for one in held.astype(float))
    return Gathering(entry, members, seeds, answers, own)


@pytest.fixture
def answers() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 50, 2))


def test_the_distance_is_that_of_outputs_in_their_deviations(answers) -> None:
    found = apart(answers, answers)
    spread = answers.std(axis=1)
    for i in range(3):
        for j in range(3):
            square = ((answers[i] - answers[j]) ** 2).mean(axis=0) / (spread[i] * spread[j])
            assert found[i, j] == pytest.approx(np.sqrt(square.mean()), abs=1e-7)
    np.testing.assert_allclose(
        apart(answers, 5 * answers + 3), apart(answers * 5, answers * 25 + 15)
    )


def test_constants_are_no_copies_of_each_other() -> None:
    assert np.isinf(apart(np.ones((2, 10, 2)), np.ones((2, 10, 2)))).all()


def test_members_that_differ_are_not_mentioned(answers) -> None:
    own = _gathering("own", answers)
    assert not list(copies(own, [_gathering("other", answers[::-1] + 1, members=("d" * 12,) * 3)]))


@pytest.mark.parametrize(
    ("members", "seeds", "weights", "said"),
    [
        (MEMBERS, (0, 1, 2), "same", ("reproduction", "note")),
        (("d" * 12, "e" * 12, "f" * 12), (0, 1, 2), "same", ("alike", "flag")),
        (("d" * 12, "e" * 12, "f" * 12), (5, 6, 7), "permuted", ("copy", "fault")),
        (("d" * 12, "e" * 12, "f" * 12), (5, 6, 7), "other", ("alike", "flag")),
    ],
)
def test_what_is_said_of_members_that_answer_alike(answers, members, seeds, weights, said) -> None:
    held = np.arange(24.0).reshape(3, 8)
    if weights == "permuted":
        held = -held[:, ::-1] * (1 + 1e-5)
    if weights == "other":
        held = held * 1.1
    other = _gathering("other", answers * (1 + 1e-5), members=members, seeds=seeds, weights=held)
    (found,) = copies(_gathering("own", answers), [other])
    assert (found.code, found.weight) == said
    assert "3 members" in found.told and "of other" in found.told


def test_two_members_of_one_entry_are_told_once(answers) -> None:
    own = _gathering("own", np.stack([answers[0], answers[0], answers[2]]), weights=np.ones((3, 8)))
    (found,) = copies(own, [])
    assert found.code == "copy"
    assert found.told.startswith("1 members")


def test_entries_of_other_outputs_are_left_out(answers) -> None:
    assert not list(copies(_gathering("own", answers), [_gathering("other", answers[:, :, :1])]))


# ------------------------------------------------------------------------------ sketches


@pytest.mark.parametrize("where", ["everywhere", "in one answer"])
def test_what_answers_alike_is_never_missed_by_its_sketch(answers, where: str) -> None:
    noise = np.random.default_rng(1).normal(size=answers.shape)
    if where == "in one answer":
        noise[:, 1:] = noise[:, :, 1:] = 0.0
    near = answers + noise
    far = np.diagonal(apart(answers, near))
    near = answers + noise * (0.8 * ALIKE / far)[:, None, None]
    assert (np.diagonal(apart(answers, near)) < ALIKE).all()
    assert may_be_alike(_gathering("own", answers), sketches(_gathering("other", near)))


def test_other_networks_are_told_apart_by_their_sketches(answers) -> None:
    others = np.random.default_rng(2).normal(size=(3, 50, 2))
    assert not may_be_alike(_gathering("own", answers), sketches(_gathering("other", others)))
    assert not may_be_alike(_gathering("own", answers), sketches(_gathering("o", answers[:, :40])))
    constant = _gathering("other", np.ones_like(answers))
    assert not may_be_alike(constant, sketches(constant))
    assert not sketches(_gathering("other", np.full_like(answers, np.nan)))
