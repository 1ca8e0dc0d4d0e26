"""The perceptrons' fast path is a choice of the engine: the plain module computes the same."""

from dataclasses import replace

import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Autograd, PerceptronGradient, start, train_population
from bimt_bench.engine.objective import TaskLoss
from bimt_bench.network import ModelKind, ModuleArchitecture, Wiring, build, models
from bimt_bench.spec import MODELS, Configuration, catalog

TASKS = ["symbolic/independence", "modular/addition_59", "vision/digits"]
LIMITS = {"float64": 1e-10, "float32": 1e-4}


def short(name, dtype, steps=6):
    task = catalog.task(name)
    training = {**task.training.model_dump(), "steps": steps, "log_every": 2, "dtype": dtype}
    return task.model_copy(
        update={"training": type(task.training).model_validate(training)}
    ), data.load(task.data)


def plainly(monkeypatch):
    """From here on perceptrons are run as any module is."""
    monkeypatch.setattr(models, "_fast", lambda _found: None)


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", TASKS)
def test_outputs_and_gradients_are_those_of_the_plain_module(name, dtype, monkeypatch):
    task, loaded = short(name, dtype)
    members = [recipes.resolve(task, Configuration(), seed) for seed in range(2)]
    fast = start(task, loaded, members)
    assert not isinstance(fast.architecture, ModuleArchitecture)
    plainly(monkeypatch)
    plain = start(task, loaded, members)
    assert isinstance(plain.architecture, ModuleArchitecture)
    assert plain.wiring == fast.wiring
    inputs = loaded.train_inputs[:50]
    if inputs.dtype != torch.int64:
        inputs = inputs.to(fast.flat.dtype) * loaded.scale
    tables = {}
    for population in (fast, plain):
        for parameter, value in population.parameters.items():
            value.copy_(fast.parameters[parameter])
        for group in population.labels:
            size = population.wiring.group(group).size
            if population.wiring.group(group).movable:
                order = torch.arange(size).roll(2).repeat(2, 1)
                population.relabel(group, order)
        way = PerceptronGradient if population is fast else Autograd
        table = torch.zeros_like(population.flat)
        outputs = fast.wiring.by_role("output").size
        targets = torch.arange(50) % outputs
        batch = population.architecture.prepare(inputs)
        way(population, table, loss=TaskLoss.of("cross_entropy")).gradient(
            batch, targets, slice(0, 2)
        )
        tables[population] = population.views(table)
    limit = LIMITS[dtype]
    close = {"rtol": limit, "atol": limit}
    torch.testing.assert_close(plain.outputs(inputs), fast.outputs(inputs), **close)
    for parameter, value in tables[fast].items():
        torch.testing.assert_close(tables[plain][parameter], value, **close)
    seen = plain.activations(inputs)
    for group, active in fast.activations(inputs).items():
        torch.testing.assert_close(seen[group], active, **close)


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", TASKS)
def test_a_short_training_is_that_of_the_plain_module(name, dtype, monkeypatch):
    task, loaded = short(name, dtype)
    asked = Configuration(recipe="bimt", swap_every=4)
    members = [recipes.resolve(task, asked, seed) for seed in range(2)]
    begun = start(task, loaded, members)
    kept = {parameter: value.clone() for parameter, value in begun.parameters.items()}
    fast = train_population(task, loaded, members, population=begun)
    plainly(monkeypatch)
    population = start(task, loaded, members)
    for parameter, value in population.parameters.items():
        value.copy_(kept[parameter])
    plain = train_population(task, loaded, members, population=population)
    for column in ("train_loss", "test_loss", "cost"):
        found, expected = (torch.tensor(t.curves[column].to_numpy()) for t in (plain, fast))
        torch.testing.assert_close(found, expected, rtol=LIMITS[dtype], atol=0.0)


def test_a_perceptron_that_is_wired_otherwise_is_run_as_any_module(monkeypatch):
    task, loaded = short("symbolic/independence", "float64")
    kind: ModelKind = MODELS.get_kind("mlp")()
    usual = kind.wiring

    def shifted(self, settings, shapes) -> Wiring:
        wiring = usual(settings, shapes)
        groups = [replace(group, layer=2 * group.layer) for group in wiring.groups]
        return replace(wiring, groups=tuple(groups))

    monkeypatch.setattr(type(kind), "wiring", shifted)
    found = build(task, loaded)
    assert isinstance(found, ModuleArchitecture)
    assert found.wiring.group("output").layer == 6
