"""Losses and measures: by hand, with answers missing, at time steps, and a stranger's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, r2_score
from torch.nn import functional

from bimt_bench.data import TaskData
from bimt_bench.engine import Loss, Measure, TaskLoss, TaskMeasure, check_task
from bimt_bench.engine.differentiation import Autograd
from bimt_bench.engine.feed import Feed
from bimt_bench.engine.perceptron.between import TorchBetween
from bimt_bench.engine.perceptron.compiled import CompiledBetween
from bimt_bench.engine.perceptron.gradient import PerceptronGradient
from bimt_bench.engine.population import Population
from bimt_bench.engine.relocation import relocate
from bimt_bench.ground import InputError, Source, entering
from bimt_bench.network.geometry import named
from bimt_bench.network.mlp import Mlp
from bimt_bench.plugins import contracts
from bimt_bench.spec import LOSSES, MEASURES, catalog, choose
from tests.hand_made import HandMade

NAN = float("nan")


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def classes_of(*shape, outputs=5, seed=1):
    return torch.randint(0, outputs, shape, generator=torch.Generator().manual_seed(seed))


def made(targets, *, inputs=None, tokens=None, outputs=5):
    """Data with these targets, for training and test."""
    inputs = torch.zeros(len(targets), 2) if inputs is None else inputs
    count = targets.shape[-1] if targets.is_floating_point() else outputs
    return TaskData(
        inputs, targets, inputs, targets, ("a", "b"), tuple(f"y{i}" for i in range(count)), tokens
    )


def loss_of(name, outputs, targets):
    """The mean loss of members [P] and that of rows [P, B], from a task's targets."""
    loss = TaskLoss.of(name, targets)
    wanted = loss.wanted(targets, outputs.shape[1], outputs.dtype)
    return loss.mean(outputs, wanted), loss.rows(outputs, wanted)


# ------------------------------------------------------------------------------------ values


@pytest.mark.parametrize("time", [(), (4,)], ids=["samples", "steps"])
def test_losses_are_torchs_means_over_all_answers(time):
    outputs, numbers = drawn(3, 5, 7, *time), drawn(7, *time, 5, seed=2)
    classes = classes_of(7, *time)
    arranged = numbers.movedim(-1, 0)
    for member in range(3):
        own = outputs[member]
        one_hot = functional.one_hot(classes, 5).movedim(-1, 0).double()
        expected = {
            ("mse", numbers): functional.mse_loss(own, arranged),
            ("mse", classes): functional.mse_loss(own, one_hot),
            ("mean_absolute_error", numbers): functional.l1_loss(own, arranged),
            ("cross_entropy", classes): functional.cross_entropy(own[None], classes[None]),
        }
        for (name, targets), value in expected.items():
            mean, rows = loss_of(name, outputs, targets)
            torch.testing.assert_close(mean[member], value)
            assert rows.shape == (3, 7)
            torch.testing.assert_close(rows.mean(dim=1), mean)


def test_measures_are_scikit_learns():
    outputs, numbers = drawn(2, 3, 9), drawn(9, 3, seed=4)
    for member in range(2):
        predicted = outputs[member].T.numpy()
        value = TaskMeasure.of("r2").performance(outputs, numbers)[member]
        assert float(value) == pytest.approx(r2_score(numbers.numpy(), predicted), rel=1e-12)
        value = TaskMeasure.of("mean_absolute_error").performance(outputs, numbers)[member]
        expected = mean_absolute_error(numbers.numpy(), predicted)
        assert float(value) == pytest.approx(expected, rel=1e-12)
    assert MEASURES["mean_absolute_error"].direction == "lower"


def test_r2_of_a_constant_target_is_1_where_it_is_met():
    numbers = torch.tensor([[2.0, 1.0], [2.0, 3.0]])
    outputs = torch.stack([numbers.T, numbers.T + 1.0])
    found = TaskMeasure.of("r2").performance(outputs, numbers)
    assert found.tolist() == [1.0, pytest.approx((0 + 1 - 2 / 2) / 2)]


@pytest.mark.parametrize("name", ["r2", "mean_absolute_error"])
def test_numbers_at_time_steps_are_so_many_samples(name):
    outputs, numbers = drawn(2, 3, 4, 5), drawn(4, 5, 3, seed=4)
    flat = outputs.flatten(2), numbers.flatten(0, 1)
    measure = TaskMeasure.of(name)
    torch.testing.assert_close(measure.performance(outputs, numbers), measure.performance(*flat))


def test_token_accuracy_counts_tokens_and_not_samples():
    classes = torch.tensor([[0, 1, -1], [1, -1, -1]])
    outputs = torch.zeros(1, 2, 2, 3)
    outputs[0, 1, 0, 1] = 1.0  # so that only the second token of the first sample is class 1
    measure = TaskMeasure.of("token_accuracy")
    assert measure.performance(outputs, classes).tolist() == [pytest.approx(2 / 3)]
    rows = measure.rows(outputs, classes)
    assert rows.mean(dim=1).tolist() == [pytest.approx(2 / 3)]
    assert rows[0, 1] == 0.0


# ------------------------------------------------------------------------- answers that are missing


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), time=st.sampled_from([(), (3,)]))
def test_a_missing_answer_counts_for_nothing(seed, time):
    outputs, numbers = drawn(2, 3, 6, *time, seed=seed), drawn(6, *time, 3, seed=seed + 1)
    classes = classes_of(6, *time, outputs=3, seed=seed)
    gone = torch.rand(numbers.shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    numbers = torch.where(gone, NAN, numbers)
    classes = torch.where(gone[..., 0], -1, classes)
    known = ~torch.isnan(numbers.movedim(-1, 0))
    there = classes >= 0
    for member in range(2):
        errors = (outputs[member] - numbers.movedim(-1, 0))[known]
        by_hand = {"mse": errors.square(), "mean_absolute_error": errors.abs()}
        for name, each in by_hand.items():
            mean, rows = loss_of(name, outputs, numbers)
            expected = each.mean() if each.numel() else torch.zeros(()).double()
            torch.testing.assert_close(mean[member], expected)
            torch.testing.assert_close(rows.mean(dim=1), mean)
        moved = outputs[member].movedim(0, -1)[there]
        if len(moved):
            mean, _ = loss_of("cross_entropy", outputs, classes)
            torch.testing.assert_close(
                mean[member], functional.cross_entropy(moved, classes[there])
            )
            kind = "token_accuracy" if time else "accuracy"
            found = TaskMeasure.of(kind).performance(outputs, classes)[member]
            right = (moved.argmax(dim=1) == classes[there]).double().mean()
            torch.testing.assert_close(found, right)
            one_hot = functional.one_hot(classes[there], 3).double()
            mean, _ = loss_of("mse", outputs, classes)
            torch.testing.assert_close(mean[member], (moved - one_hot).square().mean())


def test_r2_leaves_out_what_is_missing():
    outputs, numbers = drawn(2, 2, 8), drawn(8, 2, seed=3)
    numbers[3, 0] = numbers[5, 1] = NAN
    found = TaskMeasure.of("r2").performance(outputs, numbers)
    for member in range(2):
        values = []
        for output in range(2):
            known = ~torch.isnan(numbers[:, output])
            values.append(r2_score(numbers[known, output], outputs[member, output, known]))
        assert float(found[member]) == pytest.approx(np.mean(values))


@pytest.mark.parametrize("name", LOSSES)
def test_no_gradient_comes_from_a_missing_answer(name):
    outputs = drawn(2, 3, 6).requires_grad_()
    numbers, classes = drawn(6, 3, seed=1), classes_of(6, outputs=3)
    numbers[2], classes[2] = NAN, -1
    targets = numbers if "numbers" in LOSSES[name].targets else classes
    loss = TaskLoss.of(name, targets)
    loss.mean(outputs, loss.wanted(targets, 3, outputs.dtype)).sum().backward()
    assert outputs.grad is not None and outputs.grad.isfinite().all()
    assert (outputs.grad[:, :, 2] == 0.0).all() and (outputs.grad[:, :, 3] != 0.0).any()


def test_nothing_answered_is_no_loss():
    assert loss_of("mse", drawn(2, 3, 4), torch.full((4, 3), NAN))[0].tolist() == [0.0, 0.0]


# -------------------------------------------------------------------------------- the fast path


@pytest.mark.parametrize("between", [TorchBetween, CompiledBetween])
@pytest.mark.parametrize("name", ["mse", "cross_entropy", "mean_absolute_error"])
def test_the_fast_path_has_the_gradient_of_any_loss_with_answers_missing(name, between):
    population = Population(Mlp((4, 7, 6, 5)), [named("line")] * 3, dtype=torch.float64)
    population.start("test/task", [0, 1, 2])
    relocate(population, top_k=[7] * 3, reduce="sum")
    targets = classes_of(9) if name == "cross_entropy" else drawn(9, 5)
    targets[2] = -1 if name == "cross_entropy" else NAN
    loss = TaskLoss.of(name, targets)
    wanted = loss.wanted(targets, 5, torch.float64)
    batch = population.architecture.prepare(drawn(9, 4, seed=5))
    tables = [torch.ones_like(population.flat) for _ in range(2)]
    whole = Autograd(population, tables[0], loss=loss)
    fast = PerceptronGradient(population, tables[1], loss=loss, between=between)
    for way in (whole, fast):
        way.gradient(batch, wanted, slice(0, 3))
    used = slice(0, sum(p[0].numel() for p in population.parameters.values()))
    torch.testing.assert_close(tables[1][:, used], tables[0][:, used])
    torch.testing.assert_close(fast.outputs(slice(0, 3), 9), whole.outputs(slice(0, 3), 9))


def test_a_written_out_slope_is_that_of_the_class_that_says_what_each_answer_loses():
    class Cubed(type(TaskLoss.of("mse").kind)):
        def each(self, settings, outputs, targets):
            return (outputs - targets).abs() ** 3

    class Renamed(type(TaskLoss.of("mse").kind)):
        name = "renamed"

    given = TaskLoss.of("mse")
    assert given.slope == "difference"
    assert replace(given, kind=Renamed()).slope == "difference"
    assert replace(given, kind=Cubed()).slope is None
    assert replace(given, partial=True).slope is None
    assert TaskLoss.of("mean_absolute_error").slope is None


def test_minibatches_take_samples_and_not_time_steps():
    task = catalog.task("symbolic/independence")
    training = task.training.model_copy(update={"batch_size": 4})
    task = task.model_copy(update={"training": training})
    numbers = torch.arange(9.0)[:, None, None].expand(9, 3, 2)
    data = made(numbers, inputs=torch.arange(9.0)[:, None].expand(9, 2))

    architecture = HandMade(Mlp((2, 3, 2)).wiring, {}, None)
    feed = Feed(task, data, architecture, torch.zeros(1))
    batches = feed.batches()
    for _ in range(4):
        inputs, wanted = next(batches)
        assert wanted.shape == (2, 4, 3)
        assert (wanted == inputs[:, 0][None, :, None]).all()


# ------------------------------------------------------------------------ what does not fit a task


def task_with(**parts):
    task = catalog.task("symbolic/independence")
    return task.model_copy(
        update={
            field: choose(LOSSES if field == "loss" else MEASURES, name)
            for field, name in parts.items()
        }
    )


SORTS = {
    "numbers": drawn(9, 5).float(),
    "classes": classes_of(9),
    "numbers at steps": drawn(9, 3, 5).float(),
    "classes at steps": classes_of(9, 3),
}
FIT = {
    "numbers": ({"mse", "mean_absolute_error"}, {"r2", "mean_absolute_error"}),
    "classes": ({"mse", "cross_entropy"}, {"accuracy"}),
    "numbers at steps": ({"mse", "mean_absolute_error"}, {"r2", "mean_absolute_error"}),
    "classes at steps": ({"mse", "cross_entropy"}, {"token_accuracy"}),
}


@pytest.fixture
def any_model(monkeypatch):
    """Tasks whose model fits all data."""
    wiring = Mlp((2, 3, 5)).wiring
    network = type("Network", (), {"wiring": wiring})
    monkeypatch.setattr("bimt_bench.engine.task_check.build", lambda *_: network)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("measure", MEASURES)
def test_every_combination_fits_or_is_one_line(any_model, sort, loss, measure):
    task, data = task_with(loss=loss, performance=measure), made(SORTS[sort])
    losses, measures = FIT[sort]
    if loss in losses and measure in measures:
        assert check_task(task, data).group("output").size == 5
        return
    with pytest.raises(InputError) as refused:
        check_task(task, data)
    field, name, allowed = (
        ("performance", measure, measures) if loss in losses else ("loss", loss, losses)
    )
    where = "at every time step" if "steps" in sort else "one answer a sample"
    start, _, listed = str(refused.value).partition("; allowed are ")
    assert start == f"{field}: {name} given; the targets are {sort.split()[0]}, {where}"
    assert set(listed.split(", ")) == allowed


def test_a_group_that_costs_no_distance_is_one_of_the_model():
    task = catalog.task("symbolic/independence")
    penalty = task.penalty.model_copy(update={"no_locality_into": ("hiden1",)})
    task = task.model_copy(update={"penalty": penalty})
    numbers = drawn(9, 2).float()
    with pytest.raises(
        InputError,
        match=r"penalty\.no_locality_into: unknown group 'hiden1'; did you mean 'hidden1'\? \(gro",
    ):
        check_task(task, made(numbers))


# ------------------------------------------------------------------------------ from outside


@pytest.fixture
def register():
    """Registers kinds of a plug-in for one test."""
    source = Source("strange", "1", "abc")

    def enter(kinds, kind):
        with entering(source):
            return kinds.register(kind)

    yield enter
    LOSSES.drop(source)
    MEASURES.drop(source)


def a_loss(each):
    return type("Own", (Loss,), {"name": "own", "title": "own", "targets": ("numbers",),
                                 "each": lambda self, settings, y, t: each(y, t)})  # fmt: skip


def a_measure(of, **facts):
    kept = {"name": "own", "title": "own", "targets": ("numbers",), "low": 0.0, "high": 1.0}
    return type("Own", (Measure,), {**kept, "of": lambda self, settings, y, t: of(y, t), **facts})


@pytest.mark.parametrize(
    ("each", "message"),
    [
        (lambda y, t: (y - t).abs().mean(),
         r"gave a tensor of the shape \(\) for outputs of the shape \(2, 2, 8\); must be a tensor "
         r"of the shape \(2, 2, 8\) or \(2, 8\)"),
        (lambda y, t: (y - t).detach().abs(), "does not follow from the outputs by torch's"),
        (lambda y, t: (y - t) / 0.0, "what it gave for finite outputs is not finite"),
        (lambda y, t: (y - t.T).abs(), "RuntimeError: The size of tensor a"),
        (lambda y, t: (y - y.mean(dim=0)).abs(), "for one member changes with the outputs of othe"),
    ],
)  # fmt: skip
def test_a_loss_that_breaks_the_contract_is_one_line(register, each, message):
    register(LOSSES, a_loss(each))
    with pytest.raises(InputError, match=rf"^loss: 'own': .*{message}") as refused:
        check_task(task_with(loss="own"), made(drawn(9, 2).float()))
    assert "\n" not in str(refused.value)


def test_a_slope_that_is_not_that_of_the_loss_is_refused(register) -> None:
    halved = a_loss(lambda y, t: 0.5 * (y - t).square())
    halved.slope = "difference"
    register(LOSSES, halved)
    with pytest.raises(InputError, match="^loss: 'own': slope: 'difference' is not the derivati"):
        check_task(task_with(loss="own"), made(drawn(9, 2).float()))


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (lambda y, t: (y - t).abs().mean(),
         r"gave a tensor of the shape \(\), but must give a number for each of 2 members"),
        (lambda y, t: y.mean(dim=(0, 1, 2)).expand(2)[: len(y)] * len(y),
         "for one member changes with the outputs of others"),
        (lambda y, t: y.no_such(), "AttributeError: 'Tensor' object has no attribute 'no_such'"),
    ],
)  # fmt: skip
def test_a_measure_that_breaks_the_contract_is_one_line(register, of, message):
    register(MEASURES, a_measure(of))
    with pytest.raises(InputError, match=rf"^performance: 'own': .*{message}"):
        check_task(task_with(performance="own"), made(drawn(9, 2).float()))


def test_a_loss_that_judges_all_outputs_together_takes_missing_answers(register):
    register(LOSSES, a_loss(lambda y, t: (y - t).square().sum(dim=1).sqrt()))
    outputs, numbers = drawn(2, 3, 4), drawn(4, 3, seed=1)
    numbers[1, 0] = NAN
    mean, rows = loss_of("own", outputs, numbers)
    kept = [0, 2, 3]
    expected = (outputs[:, :, kept] - numbers[kept].T).norm(dim=1)
    torch.testing.assert_close(mean, expected.mean(dim=1))
    assert (rows[:, 1] == 0.0).all()


@pytest.mark.parametrize(
    ("kinds", "facts", "message"),
    [
        (LOSSES, {"targets": ("number",)},
         r"loss 'own': targets: \('number',\) given; should be 'numbers' or 'classes'"),
        (LOSSES, {"slope": "steep"}, "slope: 'steep' given; should be 'difference' or 'softmax'"),
        (MEASURES, {"direction": "up"}, "direction: 'up' given; should be 'higher' or 'lower'"),
        (MEASURES, {"low": None}, "low: None given; should be a valid number"),
        (MEASURES, {"answers": "token"}, "answers: 'token' given; should be 'any', 'sample' or"),
    ],
)  # fmt: skip
def test_facts_that_are_none_are_told_before_anything_is_used(kinds, facts, message):
    made = a_loss(lambda y, t: y - t) if kinds is LOSSES else a_measure(lambda y, t: y.mean())
    contracts.check(kinds, made)
    with pytest.raises(InputError, match=message):
        contracts.check(kinds, type("Own", (made,), facts))


def test_facts_that_are_missing_are_told():
    bare = type("Own", (Measure,), {"name": "own", "title": "own", "each": Measure.each})
    with pytest.raises(InputError, match="low is missing; high is missing; targets is missing"):
        contracts.check(MEASURES, bare)
