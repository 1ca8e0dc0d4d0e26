"""Scored populations made by hand: a multilayer perceptron and a task, no training."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import sympy
import torch
from hypothesis import settings
from torch import Tensor

from bimt_bench.data import GroundTruth, TaskData
from bimt_bench.data.formulas import Formula
from bimt_bench.metrics import Scored
from bimt_bench.network import Wiring
from bimt_bench.network.perceptrons import MlpKind
from bimt_bench.spec import (
    GeometrySpec,
    PenaltySpec,
    ReferencePoint,
    RelocationSpec,
    TaskSpec,
    TrainingSpec,
)
from tests import hand_made

# How long an example takes says nothing here: the first one draws or loads, machines are shared.
settings.register_profile("metrics", deadline=None)
settings.load_profile("metrics")


def make_task(
    *,
    name: str = "symbolic/by_hand",
    loss: str = "mse",
    performance: str = "r2",
    reduce: str = "sum",
    locality: float = 1.0,
    spacing: float = 0.1,
    no_locality_into: tuple[str, ...] = (),
) -> TaskSpec:
    return TaskSpec(
        name=name,
        title="By hand",
        description="For tests",
        source="none",
        data=Formula.Settings(kind="formula", inputs=("x1", "x2"), outputs=("x1", "x2")),
        model=MlpKind.Settings(kind="mlp", hidden=(2,)),
        loss=loss,
        performance=performance,
        geometry=GeometrySpec(),
        penalty=PenaltySpec(
            lam=1e-3,
            locality=locality,
            spacing=spacing,
            reduce=reduce,
            no_locality_into=no_locality_into,
        ),
        relocation=RelocationSpec(every=200, top_k=5),
        training=TrainingSpec(steps=10, learning_rate=1e-3, log_every=5),
        modularity_axis="modularity_q",
        reference=ReferencePoint(modularity=0.0, performance=0.0),
    )


def make_data(
    inputs: Tensor,
    targets: Tensor,
    *,
    depends: np.ndarray | None = None,
    expressions: Sequence[str] | None = None,
    tokens: int | None = None,
    scale: float = 1.0,
) -> TaskData:
    """The same rows serve as training and test data; inputs are x0, x1, ... in expressions."""
    symbols = tuple(sympy.Symbol(f"x{i}") for i in range(inputs.shape[1]))
    formulas = tuple(sympy.sympify(text) for text in expressions) if expressions else symbols
    whole = targets.is_floating_point()
    outputs = targets.shape[1] if whole else int(targets.max()) + 1
    return TaskData(
        train_inputs=inputs,
        train_targets=targets,
        test_inputs=inputs,
        test_targets=targets,
        input_names=tuple(str(symbol) for symbol in symbols),
        output_names=tuple(f"y{i}" for i in range(outputs)),
        tokens=tokens,
        scale=scale,
        truth=None if depends is None else GroundTruth(depends, formulas, symbols),
    )


Activation = Callable[[Tensor], Tensor]


def mlp(
    weights: Sequence[Tensor], inputs: Tensor, activation: Activation | Sequence[Activation]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Outputs of a population without biases, weights [P, out, in], and its hidden activations.

    The activation is the same for all hidden layers, or one a layer.
    """
    active = [activation] * len(weights) if callable(activation) else list(activation)
    hidden, seen = inputs.expand(len(weights[0]), *inputs.shape), {}
    for i, weight in enumerate(weights):
        hidden = hidden @ weight.transpose(1, 2)
        if i + 1 < len(weights):
            hidden = seen[f"hidden{i + 1}"] = active[i](hidden)
    return hidden, seen


def scored_mlp(
    weights: Sequence[Tensor],
    *,
    task: TaskSpec | None = None,
    data: TaskData | None = None,
    seeds: tuple[int, ...] | None = None,
    input_folds: int = 1,
    shuffles: int = 20,
    activation: Activation | Sequence[Activation] = torch.nn.functional.silu,
) -> Scored:
    """A scored population from weights [P, out, in] a layer, on lines, with zero biases."""
    members = len(weights[0])
    sizes = (weights[0].shape[2] // input_folds, *(w.shape[1] for w in weights))
    wiring = Wiring.layered(sizes, input_folds=input_folds)
    if data is None:
        draw = torch.Generator().manual_seed(0)
        shape = (12, weights[0].shape[2])
        inputs = torch.rand(shape, generator=draw, dtype=torch.float64) * 2 - 1
        data = make_data(inputs, torch.rand((12, sizes[-1]), generator=draw, dtype=torch.float64))
    names = [connection.parameter for connection in wiring.connections]
    parameters = dict(zip(names, weights, strict=True)) | {
        a.parameter: torch.zeros(members, wiring.group(a.group).size, dtype=torch.float64)
        for a in wiring.attachments
    }

    def run(own: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return mlp([own[name] for name in names], inputs, activation)

    return Scored(
        task=task or make_task(),
        data=data,
        population=hand_made.population(wiring, parameters, run),
        seeds=seeds or tuple(range(members)),
        shuffles=shuffles,
    )


def changed(
    scored: Scored,
    *,
    wiring: Wiring | None = None,
    parameters: Mapping[str, Tensor] | None = None,
    labels: Mapping[str, Tensor] | None = None,
    run: Callable[..., object] | None = None,
    **other: object,
) -> Scored:
    """The same with other parameters, labels, function or wiring, or another task or data."""
    old = scored.population
    population = hand_made.population(
        wiring or old.wiring,
        {**old.parameters, **(parameters or {})},
        run or old.architecture.run,
        labels={**old.labels, **(labels or {})},
    )
    return dataclasses.replace(scored, population=population, **other)


def random_weights(
    sizes: Sequence[int], *, members: int = 1, seed: int = 0, power: float = 1.0
) -> list[Tensor]:
    """Gaussian weights [P, out, in] a layer, their absolute values raised to `power`."""
    draw = torch.Generator().manual_seed(seed)
    shapes = [(members, b, a) for a, b in itertools.pairwise(sizes)]
    normal = [torch.randn(s, generator=draw, dtype=torch.float64) for s in shapes]
    return [w.sign() * w.abs() ** power for w in normal]


@pytest.fixture(scope="session")
def by_hand() -> SimpleNamespace:
    """The makers above under one name: conftest cannot be imported."""
    return SimpleNamespace(
        task=make_task,
        data=make_data,
        weights=random_weights,
        scored=scored_mlp,
        changed=changed,
        population=hand_made.population,
    )
