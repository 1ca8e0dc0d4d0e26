"""Symbolic tasks: data drawn uniformly, targets from formulas, ground truth by derivatives."""

import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
import sympy
import torch
from pydantic import Field, model_validator

from bimt_bench.data.expressions import parse, symbols
from bimt_bench.data.kind import DataKind
from bimt_bench.data.randomness import stream
from bimt_bench.data.truth import GroundTruth
from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA, DataSettings, Positive

_CERTAIN = 1e-6  # far above the rounding of 15 digits, which could pass for a slope


@DATA.register
class Formula(DataKind):
    """Outputs as formulas of inputs drawn uniformly from [low, high]."""

    name = "formula"
    title = "formulas"
    source = "arXiv 2305.08746, section 3.1"

    class Settings(DataSettings):
        """Names of the inputs, one formula an output, and how many samples are drawn from where."""

        inputs: tuple[str, ...] = Field(min_length=1)
        outputs: tuple[str, ...] = Field(min_length=1, description="one formula an output")
        low: float = -1.0
        high: float = 1.0
        train: Positive = 100
        test: Positive = 100

        @model_validator(mode="after")
        def _range_is_not_empty(self) -> Self:
            if not self.low < self.high:
                raise ValueError(f"low must be below high, but low={self.low}, high={self.high}")
            return self

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """See `load`."""
        return load(settings)


def load(spec: Formula.Settings) -> TaskData:
    """Inputs float32 [n, inputs] from U[low, high], targets float32 [n, outputs].

    The training inputs come first in the seed's stream, then the test inputs, as in the
    published examples of arXiv 2305.08746, section 3.1. Raises InputError for a formula that
    cannot be read, is constant, or is not finite on the drawn inputs.
    """
    known = symbols(spec.inputs, field="data.inputs")
    expressions = tuple(
        parse(text, known, field=f"data.outputs.{i}") for i, text in enumerate(spec.outputs)
    )
    depends = dependencies(expressions, tuple(known.values()))
    for i in np.flatnonzero(~depends.any(axis=1)):
        text = spec.outputs[i]
        raise InputError(f"data.outputs.{i}: '{text}' is constant; it depends on no input")
    random = stream(spec.seed)
    draws = [
        random.uniform(spec.low, spec.high, size=(n, len(known))) for n in (spec.train, spec.test)
    ]
    train_targets, test_targets = (evaluate(spec, expressions, inputs) for inputs in draws)
    return TaskData(
        train_inputs=torch.tensor(draws[0], dtype=torch.float32),
        train_targets=torch.tensor(train_targets, dtype=torch.float32),
        test_inputs=torch.tensor(draws[1], dtype=torch.float32),
        test_targets=torch.tensor(test_targets, dtype=torch.float32),
        input_names=spec.inputs,
        output_names=spec.outputs,
        tokens=None,
        truth=GroundTruth(depends, expressions, inputs=tuple(known.values())),
    )


def dependencies(
    expressions: tuple[sympy.Expr, ...], inputs: tuple[sympy.Symbol, ...]
) -> np.ndarray:
    """Bool [outputs, inputs]: whether the derivative by the input is anything but zero.

    x1 - x1 does not depend on x1, nor does sin(x1)^2 + cos(x1)^2.
    """
    rows = [[_depends(expression, symbol) for symbol in inputs] for expression in expressions]
    return np.array(rows, dtype=bool)


def _depends(expression: sympy.Expr, symbol: sympy.Symbol) -> bool:
    if symbol not in expression.free_symbols:
        return False
    slope = sympy.diff(expression, symbol)
    # one point where the slope is not zero settles it; simplifying takes a hundred times longer
    free = sorted(slope.free_symbols, key=str)
    at_point = slope.evalf(subs={s: sympy.Rational(7 + 3 * i, 31) for i, s in enumerate(free)})
    if at_point.is_Float and abs(at_point) > _CERTAIN:
        return True
    return sympy.simplify(slope) != 0


def evaluate(
    spec: Formula.Settings, expressions: tuple[sympy.Expr, ...], inputs: np.ndarray
) -> np.ndarray:
    """Targets float64 [n, outputs] at inputs [n, inputs].

    Raises InputError with one offending input if an output is not a finite float32.
    """
    known = symbols(spec.inputs, field="data.inputs")
    columns = []
    for i, expression in enumerate(expressions):
        # dummify: no name of an input can clash with a name in the generated function
        function = sympy.lambdify(list(known.values()), expression, modules="numpy", dummify=True)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = np.asarray(function(*inputs.T))
            usable = np.isreal(values) & np.isfinite(np.real(values).astype(np.float32))
        if not usable.all():
            _refuse(spec, i, values[~usable][0], inputs[~usable][0])
        columns.append(np.real(values))
    return np.stack(columns, axis=1)


def _refuse(spec: Formula.Settings, output: int, value: complex, inputs: np.ndarray) -> None:
    drawn = f"[{spec.low:g}, {spec.high:g}]"
    given = ", ".join(f"{n}={x:.4g}" for n, x in zip(spec.inputs, inputs, strict=True))
    raise InputError(
        f"data.outputs.{output}: '{spec.outputs[output]}' is {value:.4g} at {given}; a formula "
        f"must be a finite real number wherever inputs are drawn, here {drawn}"
    )
