"""Training of every model kind: against a plain loop, alone and in packs, with every recipe."""

import numpy as np
import pytest
import torch

from benchmarks.speed.modules import PlainModule, train_module
from bimt_bench import packs
from bimt_bench.engine import Autograd, Checkpoints, memory, start, train_population
from bimt_bench.engine.objective import TaskLoss
from bimt_bench.engine.recorded import Recorded, keep_freed_memory
from bimt_bench.engine.tiles import members_at_a_time
from bimt_bench.engine.working import Peak
from bimt_bench.recipes import RECIPES
from tests.some_models import CASES, Case


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


@pytest.mark.parametrize("recipe", ["vanilla", "l1_local"])
@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-10), ("float32", 1e-5)])
def test_the_first_steps_are_those_of_a_plain_loop(case, recipe, dtype, limit):
    task, data = case.task(steps=8, dtype=dtype, log_every=1), case.data()
    members = case.members(task, recipe, count=2)
    population = start(task, data, members)
    alone = [population.keep([i]).member(0).state_dict() for i in range(2)]
    found = train_population(task, data, members, population=population)
    for index, member in enumerate(members):
        _, losses = train_module(task, data, member, steps=8, start=alone[index])
        curve = found.curves[found.curves["member"] == member.digest]
        np.testing.assert_allclose(curve["train_loss"], losses, rtol=limit)


def test_the_cost_is_that_of_the_plain_module(case):
    task, data = case.task(steps=1, log_every=1), case.data()
    members = case.members(task, "l1_local", count=2)
    population = start(task, data, members)
    states = [population.member(i).state_dict() for i in range(2)]
    curves = train_population(task, data, members, population=population).curves
    for index, member in enumerate(members):
        plain = PlainModule(task, data, member)
        plain.module.load_state_dict(states[index])
        assert curves["cost"].iloc[index] == pytest.approx(plain.cost().item(), rel=1e-12)


@pytest.mark.parametrize("samples", [13, 24])
def test_a_pack_is_its_members_alone(case, samples):
    """To the bit for weights of whole cache lines; else to rounding (see `network.adapter`)."""
    task, data = case.task(steps=10), case.data(samples)
    members = case.members(task, "bimt", count=4)
    pack = train_population(task, data, members)
    for index in (1, 3):
        alone = train_population(task, data, [members[index]])
        torch.testing.assert_close(
            alone.population.flat[0], pack.population.flat[index], rtol=1e-9, atol=1e-9
        )
        for name, labels in pack.population.labels.items():
            assert torch.equal(alone.population.labels[name][0], labels[index])


WHOLE = {
    "rnn": Case({"kind": "rnn", "hidden": 16}, (5, 16), outputs=16),
    "transformer": Case({"kind": "transformer", "blocks": 1, "width": 16}, (5, 16), outputs=16),
    "transformer of tokens": Case(
        {"kind": "transformer", "blocks": 2, "width": 16, "heads": 2}, (4,), outputs=16, tokens=16
    ),
}


@pytest.mark.parametrize("samples", [13, 24])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_pack_of_whole_cache_lines_is_its_members_alone_to_the_bit(name, dtype, samples):
    case = WHOLE[name]
    task, data = case.task(steps=6, dtype=dtype), case.data(samples)
    members = case.members(task, "bimt", count=5)
    pack = train_population(task, data, members)
    for index in (1, 3):
        alone = train_population(task, data, [members[index]])
        assert torch.equal(alone.population.flat[0], pack.population.flat[index])


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains_every_kind(case, recipe):
    task, data = case.task(steps=12), case.data()
    members = case.members(task, recipe, count=2)
    found = train_population(task, data, members)
    assert found.status == ("ok", "ok"), found.reason
    assert torch.isfinite(found.population.flat).all()
    curve = found.curves[found.curves["member"] == members[0].digest]
    assert curve["train_loss"].iloc[-1] < curve["train_loss"].iloc[0]


def test_dropout_silences_activations_of_training_and_no_others(case):
    task, data = case.task(steps=3, log_every=1), case.data()
    plain, dropped = (
        train_population(task, data, case.members(task, recipe, count=1)).curves
        for recipe in ("vanilla", "dropout")
    )
    first = [curves.iloc[0] for curves in (plain, dropped)]
    assert first[0]["test_loss"] == first[1]["test_loss"]
    assert first[0]["train_loss"] != first[1]["train_loss"]


class Stopped(Exception):
    """What a test interrupts training with."""


@pytest.mark.parametrize("recipe", ["bimt", "pruning"])
def test_training_goes_on_from_a_checkpoint_to_the_same_bits(case, recipe, tmp_path):
    task, data = case.task(steps=12), case.data()
    members = case.members(task, recipe)
    whole = train_population(task, data, members)

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise Stopped

    checkpoints = Checkpoints(tmp_path, seconds=0.0, on_note=lambda _: None)
    with pytest.raises(Stopped):
        train_population(task, data, members, on_progress=stop, checkpoints=checkpoints)
    resumed = train_population(task, data, members, checkpoints=checkpoints)
    assert torch.equal(resumed.population.flat, whole.population.flat)
    for name, labels in whole.population.labels.items():
        assert torch.equal(resumed.population.labels[name], labels)
    assert resumed.curves.equals(whole.curves)


def test_a_pack_in_tiles_is_the_whole_pack(case, monkeypatch):
    task, data = case.task(steps=4), case.data(16)
    members = case.members(task, "l2", count=5)
    whole = train_population(task, data, members).population.flat
    monkeypatch.setattr("bimt_bench.engine.loop.members_at_a_time", lambda *_, **__: 2)
    tiled = train_population(task, data, members).population.flat
    torch.testing.assert_close(tiled, whole, rtol=1e-9, atol=1e-9)


def test_pixels_count_among_what_a_member_sends_on():
    small = CASES["cnn"].population(1).architecture
    assert small.widest == 4 * 3 * 3  # channels and pixels of the first layer
    count = members_at_a_time(small, 100, dtype=torch.float32, device="cpu")
    large = Case({"kind": "cnn", "channels": [4, 5]}, (900,)).population(1).architecture
    fewer = members_at_a_time(large, 100, dtype=torch.float32, device="cpu")
    assert count is not None and fewer is not None and fewer < count / 10


@pytest.mark.parametrize("after", [1, 40], ids=["recorded", "not recorded"])
def test_the_estimate_of_memory_is_enough_and_not_absurd(case, after, monkeypatch):
    monkeypatch.setattr(Recorded, "after", after)
    keep_freed_memory()  # a block that is given back at once
    task, data = case.task(steps=6, dtype="float32"), case.data(samples=300)
    members = case.members(task, "bimt", count=6)
    with Peak() as measured:
        found = train_population(task, data, members)
        packs.score(task, data, found.population, members, found.status, shuffles=1)
    expected = memory.estimate(task, data, members).total(len(members))
    assert measured.peak <= expected <= 3.5 * measured.peak


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_recorded_step_has_the_bits_of_autograds(case, dtype, monkeypatch):
    task, data = case.task(dtype=dtype), case.data()
    members = case.members(task, count=3)
    population = start(task, data, members)
    architecture = population.architecture
    loss = TaskLoss.of(task.loss)
    tables = [torch.zeros_like(population.flat) for _ in range(2)]
    plain = Autograd(population, tables[0], loss=loss)
    monkeypatch.setattr(Recorded, "after", 1)
    recorded = Recorded(population, tables[1], loss=loss)
    inputs = data.train_inputs.to(population.flat) if case.tokens is None else data.train_inputs
    wanted = loss.wanted(data.train_targets, case.outputs, population.flat.dtype)
    for samples, rows in [(24, slice(0, 3))] * 3 + [(13, slice(0, 2)), (13, slice(1, 3))] * 2:
        batch = architecture.prepare(inputs[:samples].flip(0))
        targets = wanted[..., :samples]
        population.flat.mul_(0.99)  # what was recorded is no constant
        for way in (plain, recorded):
            way.gradient(batch, targets, rows)
        assert torch.equal(tables[0], tables[1])
        assert torch.equal(plain.outputs(rows, samples), recorded.outputs(rows, samples))
    assert [replay is not None for replay in recorded._records.values()] == [True, True]


def test_what_cannot_be_recorded_is_differentiated_each_time(monkeypatch):
    asked = []

    def refuse(_step):
        asked.append(1)
        raise RuntimeError("not this one")

    monkeypatch.setattr("bimt_bench.engine.recorded.make_fx", refuse)
    monkeypatch.setattr(Recorded, "after", 1)
    case = CASES["rnn"]
    task, data = case.task(steps=4), case.data()
    found = train_population(task, data, case.members(task))
    assert found.status == ("ok", "ok", "ok") and asked == [1]


LARGE = {
    "cnn": Case({"kind": "cnn", "channels": [4, 5]}, (1600,)),
    "rnn": Case({"kind": "rnn", "hidden": 700}, (3, 2)),
}


@pytest.mark.parametrize("recipe", ["l1_local", "dropout"])
@pytest.mark.parametrize("name", LARGE)
def test_members_of_large_networks_go_alone_to_the_bits_of_a_solo_run(name, recipe):
    case = LARGE[name]
    task, data = case.task(steps=3, dtype="float32", log_every=1), case.data(200)
    members = case.members(task, recipe, count=2)
    population = start(task, data, members)
    architecture = population.architecture
    assert architecture.goes_alone(200) and not architecture.goes_alone(20)
    states = [population.member(i).state_dict() for i in range(2)]
    pack = train_population(task, data, members, population=population)
    alone = train_population(task, data, members[1:])
    assert torch.equal(alone.population.flat[0], pack.population.flat[1])
    own = pack.curves[pack.curves["member"] == members[1].digest]
    assert own.reset_index(drop=True).equals(alone.curves)  # tests are not grouped either
    if recipe != "dropout":
        _, losses = train_module(task, data, members[1], steps=3, start=states[1])
        curve = pack.curves[pack.curves["member"] == members[1].digest]
        np.testing.assert_allclose(curve["train_loss"], losses, rtol=1e-5)
