"""Which output of a formula depends on which input, where inputs are drawn."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy
from jaxtyping import Bool, Float

from bimt_bench.data.expressions import vectorised

_DIGITS = 60  # where terms cancel, far more than 15 digits are needed to see what is left
_CERTAIN = 1e-30  # a change, as a share of the function, that is no rounding of so many digits
_POINTS = 12  # pairs of points at which a smooth function is compared
_ROUNDING = 1e-9  # the same of 15 digits
_STEPS = (sympy.Heaviside, sympy.sign, sympy.Min, sympy.Max, sympy.Abs)
_PRECISE = {
    "Max": max,
    "Min": min,
    "Heaviside": lambda x, middle=0.5: mpmath.mpf(middle if x == 0 else x > 0),
}


def dependencies(
    expressions: Sequence[sympy.Expr],
    inputs: Sequence[sympy.Symbol],
    points: Float[np.ndarray, "n inputs"],
) -> Bool[np.ndarray, "outputs inputs"]:
    """Whether an output changes when the input alone moves from one of the points to another.

    x1 - x1 does not depend on x1, nor does sin(x1)^2 + cos(x1)^2, nor max(x1, -2) if x1 is never
    so small.
    """
    found = [list(_row(expression, tuple(inputs), points)) for expression in expressions]
    return np.array(found, dtype=bool).reshape(len(expressions), len(inputs))


def _row(
    expression: sympy.Expr, inputs: tuple[sympy.Symbol, ...], points: np.ndarray
) -> Iterator[bool]:
    """For each input, whether the expression depends on it."""
    function = sympy.lambdify(inputs, expression, modules=[_PRECISE, "mpmath"], dummify=True)
    for which, symbol in enumerate(inputs):
        if symbol not in expression.free_symbols:
            yield False
            continue
        moved = points.copy()
        moved[:, which] = np.roll(points[:, which], -1)
        pairs = zip(points[:_POINTS], moved, strict=False)
        yield any(_differ(function, here, there) for here, there in pairs) or (
            expression.has(*_STEPS) and _jumps(vectorised(expression, inputs), points, moved)
        )


def _differ(function: Callable[..., Any], here: np.ndarray, there: np.ndarray) -> bool:
    """Whether a function has other values at two points, however much of it cancels."""
    with mpmath.workdps(_DIGITS):
        try:
            one, other = (function(*map(mpmath.mpf, at)) for at in (here, there))
            size = 1 + max(abs(one), abs(other))
            return bool(mpmath.isfinite(size) and abs(one - other) > _CERTAIN * size)
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            # no real number here, which mpmath says in many ways; elsewhere there may be one
            return False


def _jumps(function: Callable[..., np.ndarray], points: np.ndarray, moved: np.ndarray) -> bool:
    """Whether a function with steps, flat at the first points, changes at any of them."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here, there = (np.asarray(function(*at.T)) for at in (points, moved))
        return bool(np.any(np.abs(here - there) > _ROUNDING * (1.0 + np.abs(here))))
