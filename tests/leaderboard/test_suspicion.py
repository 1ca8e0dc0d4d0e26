"""Signs of tricks: what they measure, and that honest networks do not have them."""

import numpy as np
import pytest
import torch

from bimt_bench import data as task_data
from bimt_bench.engine import Population, TaskLoss
from bimt_bench.leaderboard import doctoring, suspicion
from bimt_bench.leaderboard.reading import read
from bimt_bench.leaderboard.rescoring import scored_of
from bimt_bench.leaderboard.suspicion import Signs, signs, suspicions
from bimt_bench.metrics import Scored, measured

TASK = "symbolic/independence"


@pytest.fixture(scope="module")
def honest(small_board) -> Scored:
    found = read(small_board.entry(TASK, "vanilla-plain"))
    return scored_of(found, found.members)


def _changed(honest: Scored, *changes) -> Scored:
    population = honest.population.keep(range(honest.size))
    subject = doctoring.Subject.of(population, honest.data, one_in=5)
    for change in (doctoring.give_up_spare, *changes):
        change(subject)
    return Scored(honest.task, honest.data, population, honest.seeds)


def test_honest_networks_have_no_signs(honest: Scored) -> None:
    found = signs(honest)
    assert (found.idle < 0.1).all() and (np.abs(found.lost) < 0.005).all()
    assert not list(suspicions([f"{k:012x}" for k in range(5)], found))


@pytest.mark.parametrize("change", [doctoring.useless_wires, doctoring.dead_module])
def test_useless_wires_are_idle_and_do_not_move_the_axis(honest: Scored, change) -> None:
    before, after = _changed(honest), _changed(honest, change)
    assert (signs(after).idle > 0.9).all()
    raw, axis = "modularity_q", "module_excess"
    was, now = (measured(one, [raw, axis])[0] for one in (before, after))
    assert (now[raw] > was[raw] + 0.1).all()
    np.testing.assert_allclose(now[axis], was[axis], atol=1e-9)


def test_the_share_of_idle_weight_is_what_it_says(honest: Scored) -> None:
    """One wire into a neuron that sends nothing, as heavy as all others together."""
    scored = _changed(honest)
    weight = scored.population.parameters["layers.0.weight"]
    squares = sum(one.double().square().sum(dim=(1, 2)) for one in scored.weights.values())
    with torch.no_grad():
        weight[:, -1, 0] = squares.sqrt().to(weight.dtype)  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(signs(scored).idle, 0.5, atol=0.01)


def test_the_chance_that_test_rows_lose_more_is_counted_pair_by_pair(honest: Scored) -> None:
    data = honest.data
    losses = []
    for inputs, targets in (
        (data.test_inputs, data.test_targets),
        (data.train_inputs, data.train_targets),
    ):
        outputs = honest.population.outputs(inputs * data.scale).double().movedim(-1, 1)
        loss = TaskLoss.of(honest.task.loss, targets)
        wanted = loss.wanted(targets, outputs.shape[1], torch.float64)
        losses.append(loss.rows(outputs, wanted).detach().numpy())
    test, train = losses
    slow = [(one[:, None] > other[None]).mean() for one, other in zip(test, train, strict=True)]
    np.testing.assert_allclose(signs(honest).unseen, slow, atol=2e-3)


def test_networks_that_can_do_nothing_have_no_signs(honest: Scored) -> None:
    population = honest.population.keep([0])
    population.flat.zero_()
    found = signs(Scored(honest.task, honest.data, population, (0,)))
    assert np.isnan([found.idle, found.lost, found.unseen]).all()
    assert not list(suspicions(["0" * 12], found))


def test_an_entry_whose_test_rows_lose_as_little_as_training_rows_is_flagged() -> None:
    nothing = np.zeros(3)
    found = Signs(idle=nothing, lost=nothing, unseen=np.array([0.5, 0.5, np.nan]))
    (flag,) = suspicions(["0" * 12] * 3, found)
    assert (flag.code, flag.weight) == ("test_data_seen", "flag")
    assert not list(suspicions(["0" * 12] * 3, Signs(nothing, nothing, np.full(3, 0.6))))


def test_models_that_are_modules_have_signs_too(shortened) -> None:
    task = shortened("incontext/linear")
    data = task_data.load(task.data)
    from bimt_bench.network import build

    population = Population(build(task, data), [task.geometry] * 2)
    population.start(task.name, [0, 1])
    found = signs(Scored(task, data, population, (0, 1)))
    assert found.idle.shape == found.lost.shape == found.unseen.shape == (2,)


def test_limits_are_as_the_page_about_trust_says() -> None:
    assert (suspicion.IDLE, suspicion.LOST, suspicion.UNSEEN) == (0.5, 0.02, 0.52)
