"""Validation data: drawn anew or held out, always the same, and never at the cost of other data."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bimt_bench import data
from bimt_bench.data import DATA, DataKind, TaskData, validation
from bimt_bench.ground import InputError
from bimt_bench.spec import DataSettings, catalog, choose

DRAWN_ANEW = ("symbolic/independence", "classification/two_moons", "incontext/linear")
HELD_OUT = ("vision/digits", "modular/addition_59", "groups/s4")
PARTS = ("train_inputs", "train_targets", "test_inputs", "test_targets")
SHARE = 0.2


def settings(name):
    return catalog.task(name).data


# The first of them, which no version may change.
FIRST_DRAWN = [0.9653791785240173, -0.682328999042511]
FIRST_HELD_OUT = [[8, 45], [36, 28]]


def same(one, other):
    return np.array_equal(one.numpy(), other.numpy(), equal_nan=one.is_floating_point())


def counted(inputs):
    return Counter(tuple(row) for row in inputs.flatten(1).tolist())


def rows(inputs):
    return set(counted(inputs))


def forget():
    data._load.cache_clear()
    data._validated.cache_clear()


# --------------------------------------------------------------------------------- both ways


@pytest.mark.parametrize("name", [*DRAWN_ANEW, *HELD_OUT])
def test_training_and_test_data_are_what_they_were(name):
    forget()
    before = {part: getattr(data.load(settings(name)), part).clone() for part in PARTS}
    forget()
    data.validated(settings(name), share=SHARE)
    after = data.load(settings(name))
    assert all(same(before[part], getattr(after, part)) for part in PARTS)


@pytest.mark.parametrize("name", [*DRAWN_ANEW, *HELD_OUT])
def test_validation_data_are_the_same_whenever_they_are_asked_for(name):
    forget()
    first = data.validated(settings(name), share=SHARE)
    forget()
    again = data.validated(settings(name), share=SHARE)
    assert again is not first
    for part in PARTS:
        assert same(getattr(first.measured, part), getattr(again.measured, part))


def test_the_streams_of_validation_data_stay():
    drawn = data.validated(settings("symbolic/independence"), share=SHARE).measured
    assert drawn.test_inputs[0, :2].tolist() == pytest.approx(FIRST_DRAWN, abs=1e-6)
    held = data.validated(settings("modular/addition_59"), share=SHARE).measured
    assert held.test_inputs[:2].tolist() == FIRST_HELD_OUT


# --------------------------------------------------------------------------------- drawn anew


@pytest.mark.parametrize("name", DRAWN_ANEW)
def test_points_that_are_drawn_anew_are_other_points_of_the_same_task(name):
    known = data.load(settings(name))
    found = data.validated(settings(name), share=SHARE)
    assert found.held_out == 0.0 and found.trained is known
    drawn = rows(found.measured.test_inputs)
    assert len(drawn) == len(found.measured.test_inputs) == len(known.test_inputs)
    assert not drawn & (rows(known.train_inputs) | rows(known.test_inputs))
    assert torch.equal(found.measured.train_inputs, known.train_inputs)


def test_formulas_hold_for_points_that_are_drawn_anew():
    own = settings("symbolic/independence").model_copy(
        update={"inputs": ("a", "b"), "outputs": ("a * b",), "noise": 0.5}
    )
    found = data.validated(own, share=SHARE).measured
    product = found.test_inputs.prod(dim=1, keepdim=True)
    torch.testing.assert_close(found.test_targets, product)


def test_moons_without_noise_are_the_same_for_every_seed_and_held_out():
    still = settings("classification/two_moons").model_copy(update={"noise": 0.0})
    assert data.validated(still, share=SHARE).held_out == SHARE


# --------------------------------------------------------------------------------- held out


@pytest.mark.parametrize("share", [SHARE, 0.35])
@pytest.mark.parametrize("name", HELD_OUT)
def test_what_is_held_out_and_what_is_trained_on_are_the_training_data(name, share):
    known = data.load(settings(name))
    found = data.validated(settings(name), share=share)
    kept, held = counted(found.trained.train_inputs), counted(found.measured.test_inputs)
    assert found.held_out == share
    assert kept + held == counted(known.train_inputs)
    assert held.total() == pytest.approx(share * len(known.train_inputs), abs=1.0)
    assert torch.equal(found.trained.test_inputs, known.test_inputs)
    assert torch.equal(found.measured.train_inputs, found.trained.train_inputs)


def test_rows_and_their_answers_stay_together():
    found = data.validated(settings("modular/addition_59"), share=SHARE)
    for inputs, targets in (
        (found.trained.train_inputs, found.trained.train_targets),
        (found.measured.test_inputs, found.measured.test_targets),
    ):
        assert torch.equal(inputs.sum(dim=1) % 59, targets)


def test_classes_keep_their_shares():
    known = data.load(settings("vision/digits"))
    found = data.validated(settings("vision/digits"), share=SHARE)
    wanted = SHARE * torch.bincount(known.train_targets).double()
    held = torch.bincount(found.measured.test_targets, minlength=10).double()
    assert (held - wanted).abs().max() <= 1.0


def test_a_class_of_one_sample_is_no_obstacle():
    table = tuple(tuple(1 if a == b == 5 else 2 * (a % 2) for b in range(8)) for a in range(8))
    own = choose(DATA, {"kind": "operation", "table": table, "train_fraction": 0.95})
    assert data.load(own).train_targets.tolist().count(1) == 1
    assert data.validated(own, share=0.3).held_out == 0.3


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    path = tmp_path / "patients.csv"
    patient = np.repeat(np.arange(20), 6)
    frame = pd.DataFrame({"patient": patient, "x": random.normal(size=120), "y": 1.0 * patient})
    frame.to_csv(path, index=False)
    own = {"kind": "table", "path": str(path), "inputs": ("x",), "outputs": ("y",)}
    return lambda split: choose(DATA, {**own, "scaling": "none", "split": split})


def test_rows_of_a_group_are_held_out_together(table):
    found = data.validated(table({"group": "patient"}), share=0.25)
    kept, held = rows(found.trained.train_targets), rows(found.measured.test_targets)
    assert not kept & held and len(kept) == 12 and len(held) == 4
    apart = data.validated(table({"share": 0.8}), share=0.25)
    assert rows(apart.trained.train_targets) & rows(apart.measured.test_targets)


def test_a_share_that_leaves_too_little_is_refused():
    own = choose(DATA, {"kind": "groups", "group": "Z2", "train_fraction": 0.5})
    with pytest.raises(
        InputError, match=r"^search\.held_out: 0\.2 of the training data given: "
    ) as told:
        data.validated(own, share=SHARE)
    assert "\n" not in str(told.value)


# --------------------------------------------------------------------------------- a stranger's


class Line(DataKind):
    """Points on a line."""

    name, title = "line", "line"

    def load(self, settings, *, data_dir=None):
        random = torch.Generator().manual_seed(settings.seed)
        x = torch.rand(2, 20, 1, generator=random)
        return TaskData(x[0], 2.0 * x[0], x[1], 2.0 * x[1], ("x",), ("y",), None)


class Anew(Line):
    """Says that its points are drawn."""

    def drawn_anew(self, settings, *, seed, data_dir=None):
        return self.load(settings.model_copy(update={"seed": seed}))


class Deaf(Line):
    """Draws the same whatever the seed."""

    def drawn_anew(self, settings, *, seed, data_dir=None):
        return self.load(settings)


class Wider(Line):
    """Draws something else."""

    def drawn_anew(self, settings, *, seed, data_dir=None):
        found = self.load(settings)
        return replace(found, test_inputs=found.test_inputs.repeat(1, 2) + 1.0)


def of_kind(kind):
    own = DataSettings(kind="line")
    return validation.of_kind(kind(), own, kind().load(own), share=0.25)


def test_a_strangers_kind_holds_out_unless_it_says_that_it_draws():
    assert of_kind(Line).held_out == 0.25
    found = of_kind(Anew)
    assert found.held_out == 0.0 and len(found.trained.train_inputs) == 20


@pytest.mark.parametrize(
    ("kind", "told"), [(Deaf, "the test data again"), (Wider, "another shape")]
)
def test_what_is_no_validation_data_is_refused(kind, told):
    with pytest.raises(InputError, match=f"^data: kind 'line' draws .*{told}"):
        of_kind(kind)
