"""Symbolic tasks: inputs drawn from ranges, targets from formulas, and the truth about both."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import sympy
import torch
from jaxtyping import Bool, Float
from pydantic import Field, model_validator

from bimt_bench.data.dependence import dependencies
from bimt_bench.data.expressions import parse, symbols, vectorised
from bimt_bench.data.kind import DataKind
from bimt_bench.data.labour import working_out
from bimt_bench.data.randomness import stream
from bimt_bench.data.ranges import InputRange
from bimt_bench.data.truth import GroundTruth
from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError, closest
from bimt_bench.spec import DATA, DataSettings, NonNegative, Positive, later

Samples = Float[np.ndarray, "n inputs"]
Targets = Float[np.ndarray, "n outputs"]
_COPIES = 4  # of the inputs while they are drawn
Expressions = tuple[sympy.Expr, ...]


@DATA.register
class Formula(DataKind):
    """Outputs as formulas of inputs, drawn from [low, high] or from ranges of their own."""

    name = "formula"
    title = "formulas"
    source = "arXiv 2305.08746, section 3.1"

    class Settings(DataSettings):
        """Names of the inputs, one formula an output, and how many samples are drawn from where."""

        inputs: tuple[str, ...] = Field(min_length=1, max_length=1000)
        outputs: tuple[str, ...] = Field(
            min_length=1, max_length=100, description="one formula an output"
        )
        low: float = Field(default=-1.0, allow_inf_nan=False)
        high: float = Field(default=1.0, allow_inf_nan=False)
        train: Positive = 100
        test: Positive = 100
        ranges: Mapping[str, InputRange] = later(
            {}, "where inputs are drawn that are not drawn from [low, high]", absent={}
        )
        noise: NonNegative = later(
            0.0,
            "deviation of the noise on training targets, as a share of each target's own deviation",
            absent=0.0,
        )

        @model_validator(mode="after")
        def _ranges_fit(self) -> Self:
            if not self.low < self.high:
                raise ValueError(f"low must be below high, but low={self.low}, high={self.high}")
            for name in self.ranges:
                if name not in self.inputs:
                    raise ValueError(
                        f"ranges.{name}: unknown input '{name}'{closest(name, self.inputs)} "
                        f"(inputs: {', '.join(self.inputs)})"
                    )
            return self

        def range_of(self, name: str) -> InputRange:
            """Where an input is drawn."""
            return self.ranges.get(name) or InputRange(low=self.low, high=self.high)

    def memory(self, settings: Any) -> int:
        """Shares, columns and tables of inputs, and of targets, in float64."""
        numbers = _COPIES * len(settings.inputs) + 3 * len(settings.outputs)
        return 8 * numbers * (settings.train + settings.test)

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Inputs float32 [n, inputs], targets float32 [n, outputs].

        The training inputs come first in the seed's stream, then the test inputs, as in the
        published examples, then the noise of the training targets; test targets have none. Raises
        InputError for a formula that cannot be read, is constant, or is not finite on the drawn
        inputs.
        """
        known = symbols(settings.inputs, field="data.inputs")
        expressions = tuple(_parsed(settings, known))
        random = stream(settings.seed)
        train, test = (draw(settings, random, count) for count in (settings.train, settings.test))
        variables = tuple(known.values())
        train_targets, test_targets = (
            evaluate(settings, expressions, variables, inputs) for inputs in (train, test)
        )
        depends = _dependencies(settings, expressions, variables, np.concatenate([train, test]))
        for i in np.flatnonzero(~depends.any(axis=1)):
            raise InputError(
                f"data.outputs.{i}: '{settings.outputs[i]}' is constant; it depends on no input"
            )
        if settings.noise > 0.0:
            train_targets = _with_noise(settings, train_targets, random)
        return TaskData(
            train_inputs=torch.tensor(train, dtype=torch.float32),
            train_targets=torch.tensor(train_targets, dtype=torch.float32),
            test_inputs=torch.tensor(test, dtype=torch.float32),
            test_targets=torch.tensor(test_targets, dtype=torch.float32),
            input_names=settings.inputs,
            output_names=settings.outputs,
            tokens=None,
            truth=GroundTruth(depends, expressions, inputs=variables),
        )

    def drawn_anew(
        self, settings: Any, *, seed: int, data_dir: Path | None = None
    ) -> TaskData | None:
        """Other points of the same formulas."""
        return self.load(settings.model_copy(update={"seed": seed}))


def _parsed(settings: Formula.Settings, known: Mapping[str, sympy.Symbol]) -> Iterator[sympy.Expr]:
    for i, text in enumerate(settings.outputs):
        field = f"data.outputs.{i}"
        with working_out(text, field=field):
            expression = parse(text, known, field=field)
        yield expression


def _dependencies(
    settings: Formula.Settings,
    expressions: Expressions,
    inputs: tuple[sympy.Symbol, ...],
    at: Samples,
) -> Bool[np.ndarray, "outputs inputs"]:
    found = []
    for i, (text, expression) in enumerate(zip(settings.outputs, expressions, strict=True)):
        with working_out(text, field=f"data.outputs.{i}"):
            found.append(dependencies([expression], inputs, at))
    return np.concatenate(found)


def _with_noise(
    settings: Formula.Settings, targets: Targets, random: np.random.RandomState
) -> Targets:
    deviation = settings.noise * targets.std(axis=0)
    found = targets + deviation * random.standard_normal(targets.shape)
    with np.errstate(over="ignore"):
        fits = np.isfinite(found.astype(np.float32)).all()
    if not fits:
        raise InputError(f"data.noise: {settings.noise:g} given; targets are then beyond float32")
    return found


def draw(settings: Formula.Settings, random: np.random.RandomState, count: int) -> Samples:
    """Inputs float64 [count, inputs], each from its range.

    InputError for a range beyond float32, or so narrow that it is one number there.
    """
    shares = random.random_sample((count, len(settings.inputs)))
    columns = [
        settings.range_of(name).at(share)
        for name, share in zip(settings.inputs, shares.T, strict=True)
    ]
    for name, column in zip(settings.inputs, columns, strict=True):
        field = f"data.ranges.{name}" if name in settings.ranges else "data.low, data.high"
        drawn = f"{field}: drawn from {settings.range_of(name)}"
        with np.errstate(over="ignore"):
            held = column.astype(np.float32)
        if not np.isfinite(held).all():
            raise InputError(f"{drawn}, which is beyond float32")
        if count > 1 and np.ptp(held) == 0.0:
            raise InputError(f"{drawn}, which is one number in float32")
    return np.stack(columns, axis=1)


def evaluate(
    settings: Formula.Settings,
    expressions: Expressions,
    inputs: tuple[sympy.Symbol, ...],
    at: Samples,
) -> Targets:
    """Targets in float64; InputError with one offending input if one is not a finite float32."""
    columns = []
    for i, expression in enumerate(expressions):
        field, text = f"data.outputs.{i}", settings.outputs[i]
        with working_out(text, field=field), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = np.broadcast_to(vectorised(expression, inputs)(*at.T), len(at))
            usable = np.isreal(values) & np.isfinite(np.real(values).astype(np.float32))
        if not usable.all():
            _refuse(settings, i, values[~usable][0], at[~usable][0])
        columns.append(np.real(values))
    return np.stack(columns, axis=1)


def _refuse(settings: Formula.Settings, output: int, value: complex, at: np.ndarray) -> None:
    drawn = ", ".join(dict.fromkeys(str(settings.range_of(name)) for name in settings.inputs))
    given = ", ".join(f"{n}={x:.4g}" for n, x in zip(settings.inputs, at, strict=True))
    raise InputError(
        f"data.outputs.{output}: '{settings.outputs[output]}' is {value:.4g} at {given}; a formula "
        f"must be a finite real number wherever inputs are drawn, here {drawn}"
    )
