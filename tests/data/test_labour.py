"""Formulas that would keep SymPy or mpmath busy: refused by the work that they cause."""

import sys
import time
from contextlib import suppress

import pytest

from bimt_bench.data.formulas import Formula
from bimt_bench.data.labour import working_out
from bimt_bench.ground import InputError

HARD = (
    "(Heaviside(((max(log10((1/1)), (tanh(1)-min(x1, 1e-3, 2)), acos(sinh(0.5))))**3"
    "*(((sigmoid(3.7)*sigmoid(x3))*(x1)**2)/(x1+sin((2*100)))))))**10"
)
FAILING = (
    "(ln(erf(Heaviside(max(arctan(((x2*x3)-sqrt(pi))), atan(abs(log(1))), ((sign(x1)/(x1+1e-3))"
    "-max((100+0.5), arccos(x3), atan2(1e-3, 3.7))))))))**-1"
)


def refused(text: str) -> str:
    given = Formula.Settings(kind="formula", inputs=("x1", "x2", "x3"), outputs=(text,))
    began = time.process_time()
    with pytest.raises(InputError) as caught:
        Formula().load(given)
    assert time.process_time() - began < 60.0  # a tenth of that where nothing else runs
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("text", [HARD, FAILING], ids=["hangs", "fails inside"])
def test_a_formula_that_hangs_or_fails_inside_sympy_is_refused_in_one_line(text: str) -> None:
    assert refused(text).startswith(f"data.outputs.0: '{text[:60]}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("((x1+x2)**50+(x3+x1)**50)**50", "degree 2500 is beyond 100"),
        ("*".join(f"sin({i}*x1)" for i in range(2, 62)), "60 functions; a formula has at most 50"),
        ("sin(" * 20 + "x1" + ")" * 20, "functions stand more than 10 deep"),
        ("sin(10**99)*x1", "'10 ** 99' is too large a number"),
    ],
)
def test_formulas_beyond_the_limits_are_refused(text: str, told: str) -> None:
    assert told in refused(text)


def busy() -> None:
    """Calls functions for ever, and keeps errors to itself, as SymPy does."""
    while True:
        with suppress(Exception):
            str.upper("a")


def test_work_is_counted_and_the_count_ends(monkeypatch) -> None:
    monkeypatch.setattr("bimt_bench.data.labour.MOST_CALLS", 1000)
    told = "^f: 'x1' takes too long to work out; write it more simply$"
    with pytest.raises(InputError, match=told), working_out("x1", field="f"):
        busy()
    assert sys.getprofile() is None
    with working_out("x1", field="f"):
        pass


@pytest.mark.parametrize(
    "error", [TypeError("odd\nlines"), RecursionError(), NotImplementedError()]
)
def test_whatever_fails_inside_is_one_line(error: Exception) -> None:
    with (
        pytest.raises(InputError, match=r"^f: 'x1' cannot be worked out: \w+Error: ") as caught,
        working_out("x1", field="f"),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_what_refuses_by_itself_is_passed_on() -> None:
    with pytest.raises(InputError, match="^mine$"), working_out("x1", field="f"):
        raise InputError("mine")
