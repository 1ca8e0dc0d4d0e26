"""Denormal numbers are zero while members train, and only then; results keep their bits."""

import contextlib

import pytest
import torch

from bimt_bench import data, recipes
from bimt_bench.engine import Run, start, train_population
from bimt_bench.engine.denormals import FlushedDenormals, flushes_denormals
from bimt_bench.spec import Configuration, catalog, trained_as


@pytest.fixture(autouse=True)
def as_before():
    """Other tests find the thread as it was."""
    before = flushes_denormals()
    yield
    torch.set_flush_denormal(before)


@pytest.mark.parametrize("before", [False, True])
def test_a_thread_does_as_before_when_the_block_ends(before):
    torch.set_flush_denormal(before)
    inside = []
    with contextlib.suppress(KeyError), FlushedDenormals():
        inside.append(flushes_denormals())
        raise KeyError
    assert inside == [True]
    assert flushes_denormals() == before


def run_of(name, configuration, steps):
    configuration = Configuration.model_validate({**configuration, "steps": steps})
    task = catalog.task(name)
    loaded = data.load(task.data)
    members = [recipes.resolve(task, configuration, seed) for seed in range(2)]
    return trained_as(task, members[0]), loaded, members


def test_they_are_zero_in_a_step_and_not_between_steps(monkeypatch):
    torch.set_flush_denormal(False)
    task, loaded, members = run_of("symbolic/independence", {}, 3)
    run = Run(task, loaded, tuple(members), start(task, loaded, members))
    inside, advance = [], Run._advance

    def watched(self, *given, **options):
        inside.append(flushes_denormals())
        return advance(self, *given, **options)

    monkeypatch.setattr(Run, "_advance", watched)
    assert [flushes_denormals() for _ in run.steps()] == [False] * 3
    assert inside == [True] * 3


@pytest.mark.parametrize(
    ("task", "configuration"),
    [
        ("symbolic/independence", {"recipe": "bimt"}),
        ("symbolic/independence", {"recipe": "l1_prox", "strength": 300.0}),
        ("symbolic/compositionality", {"recipe": "pruning", "kept": 0.1}),
        ("vision/digits", {"recipe": "dropout", "rate": 0.1}),
        ("modular/addition_59", {"recipe": "vanilla"}),
    ],
)
def test_no_bit_of_a_result_changes(task, configuration, monkeypatch):
    spec, loaded, members = run_of(task, configuration, 100)
    found = train_population(spec, loaded, members)
    monkeypatch.setattr(
        "bimt_bench.engine.loop.FlushedDenormals", contextlib.nullcontext, raising=True
    )
    torch.set_flush_denormal(False)
    kept = train_population(spec, loaded, members)
    assert torch.equal(found.population.flat, kept.population.flat)
    assert found.curves.equals(kept.curves)
