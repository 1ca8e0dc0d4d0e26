"""The examples in the docstrings of what users call, run as they stand, on one cheap network."""

import doctest
import inspect
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

import bimt_bench
from bimt_bench.results import Curves, DrawnTradeOff, Network, Results

CALLS = (
    bimt_bench.train,
    bimt_bench.sweep,
    bimt_bench.sync,
    bimt_bench.load,
    bimt_bench.load_network,
    bimt_bench.tradeoff,
    Results,
    Network,
)
PLOTS = (DrawnTradeOff.plot, Curves.plot)
SMALL = """
name: small
title: Two recipes, one seed
tasks: [{task: symbolic/independence, steps: 50}]
space: {recipe: [vanilla, bimt]}
seeds: [0]
search: {kind: grid}
"""
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for call in (*CALLS, *PLOTS):
        found = finder.find(inspect.unwrap(call), call.__qualname__)
        yield from (one for one in found if one.examples)


@pytest.fixture(scope="module")
def words() -> dict[str, object]:
    """What the examples may use: packages, results of a short training, a network, its inputs."""
    results = bimt_bench.train("symbolic/independence", steps=50, device="cpu")
    net = results.network()
    packages = {"bimt_bench": bimt_bench, "np": np, "pd": pd, "torch": torch, "plt": plt}
    return {**packages, "results": results, "net": net, "x": net.data.test_inputs[:3].numpy()}


def told_by(example: doctest.DocTest) -> str:
    """Where the example does something else than it says, in this folder; empty if nowhere."""
    told: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(example, out=told.append, clear_globs=False)
    plt.close("all")
    return "".join(told)


@pytest.fixture(scope="module")
def swept(
    words: dict[str, object], ray_session: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Results]:
    """What the example that sweeps told, and its results, which others look at."""
    (example,) = (one for one in examples() if one.name == "sweep")
    folder = tmp_path_factory.mktemp("swept")
    (folder / "small.yaml").write_text(SMALL)
    example.globs = dict(words)
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        told = told_by(example)
    return told, example.globs["swept"]


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_the_example_does_what_it_says(example, words, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    example.globs = dict(words)
    if example.name == "sweep":
        told, _ = request.getfixturevalue("swept")
    else:
        if example.name == "sync":
            _, example.globs["swept"] = request.getfixturevalue("swept")
        told = told_by(example)
    assert not told, told


def test_every_public_call_has_an_example():
    held = {example.name for example in examples()}
    wanted = {call.__name__ for call in CALLS}
    wanted |= {
        f"{call.__name__}.{name}"
        for call in CALLS
        if inspect.isclass(call)
        for name, part in vars(call).items()
        if not name.startswith("_") and (callable(part) or isinstance(part, property | classmethod))
    }
    assert not wanted - held
