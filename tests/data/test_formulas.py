"""Formulas: published data bit for bit, ground truth, and what is refused."""

import time
from contextlib import suppress
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import sympy
import torch
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import erf
from scipy.stats import kstest

from bimt_bench import data
from bimt_bench.data.dependence import dependencies
from bimt_bench.data.expressions import parse, symbols
from bimt_bench.data.formulas import Formula
from bimt_bench.data.functions import FUNCTIONS
from bimt_bench.ground import InputError
from bimt_bench.spec import catalog

GOLDEN = Path(__file__).parents[1] / "golden" / "independence.npz"


load = Formula().load
POINTS = np.random.default_rng(0).uniform(-1, 1, (200, 2))


def formula(*outputs: str, inputs: tuple[str, ...] = ("x1", "x2"), **others) -> Formula.Settings:
    return Formula.Settings(kind="formula", inputs=inputs, outputs=outputs, **others)


def test_independence_reproduces_the_published_data_exactly() -> None:
    loaded = data.load(catalog.task("symbolic/independence").data)
    golden = np.load(GOLDEN)
    np.testing.assert_array_equal(loaded.train_inputs, golden["data/inputs"])
    np.testing.assert_array_equal(loaded.test_inputs, golden["data/inputs_test"])
    np.testing.assert_array_equal(loaded.train_targets, golden["data/labels"][0])
    np.testing.assert_array_equal(loaded.test_targets, golden["data/labels_test"][0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("symbolic/independence", [[1, 0, 1, 0], [0, 1, 0, 1]]),
        ("symbolic/feature_sharing", [[1, 0, 0], [1, 1, 0], [1, 1, 1]]),
        ("symbolic/compositionality", [[1, 1, 1, 1]]),
    ],
)
def test_published_tasks_depend_on_what_they_say(name: str, expected: list[list[int]]) -> None:
    truth = data.load(catalog.task(name).data).truth
    assert truth is not None
    assert truth.depends.dtype == bool
    np.testing.assert_array_equal(truth.depends, np.array(expected, dtype=bool))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x1 - x1 + x2", [False, True]),
        ("sin(x1)^2 + cos(x1)^2 + x2", [False, True]),
        ("0.1*x1 + 0.2*x1 - 0.3*x1 + x2", [False, True]),
        ("(x1 + x2)^2 - x1^2 - 2*x1*x2", [False, True]),
        ("abs(x1) * 1e-9", [True, False]),
        ("sqrt(x1 - 100) + x2", [True, True]),
        ("sign(x1) + x2", [True, True]),
        ("Heaviside(x1 - 0.99) + x2", [True, True]),
        ("max(x1, -2) - x1 + x2", [False, True]),
        ("(x1 + 10^7)^2 - x1^2 - 2*10^7*x1 + x2", [False, True]),
        ("max(x1, x2) + min(x1, x2) - x1", [False, True]),
    ],
)
def test_dependency_is_of_the_function_not_of_its_text(text: str, expected: list[bool]) -> None:
    known = symbols(("x1", "x2"), field="inputs")
    found = dependencies([parse(text, known, field="outputs.0")], tuple(known.values()), POINTS)
    assert found.tolist() == [expected]


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("x1^2 + x2", lambda a, b: a**2 + b),
        ("2**x1 - -x2 / 4", lambda a, b: 2**a + b / 4),
        ("-x1^2", lambda a, b: -(a**2)),
        ("2^3^x1 * pi", lambda a, b: 2 ** (3**a) * np.pi),
        ("exp(e * x1) * tanh(x2)", lambda a, b: np.exp(np.e * a) * np.tanh(b)),
        ("sigmoid(x1) + abs(x2) + +x1", lambda a, b: 1 / (1 + np.exp(-a)) + abs(b) + a),
        ("sqrt(x1 + 1.5) * log(x2 + 2)", lambda a, b: np.sqrt(a + 1.5) * np.log(b + 2)),
        ("(x1 + x2)^0.5", lambda a, b: np.sqrt(a + b)),
        ("ln(x1 + 2) + log10(x2 + 2)", lambda a, b: np.log(a + 2) + np.log10(b + 2)),
        ("sign(x1) * abs(x2) + Heaviside(x2)", lambda a, b: np.sign(a) * abs(b) + (b > 0)),
        (
            "min(x1, x2, 0.5) - max(x1, -x2)",
            lambda a, b: np.minimum(np.minimum(a, b), 0.5) - np.maximum(a, -b),
        ),
        ("arcsin(x1) + 2*arccos(x2)", lambda a, b: np.arcsin(a) + 2 * np.arccos(b)),
        ("atan2(x1, x2) + arctan(x1)", lambda a, b: np.arctan2(a, b) + np.arctan(a)),
        ("erf(x1 - x2)", lambda a, b: erf(a - b)),
        (
            "atan(x1) + asin(x2) + acos(x1)",
            lambda a, b: np.pi / 2 + np.arctan(a) - np.arcsin(a) + np.arcsin(b),
        ),
    ],
)
def test_targets_are_the_formula(text: str, function) -> None:
    low = 0.0 if text == "(x1 + x2)^0.5" else -1.0
    loaded = load(formula(text, low=low, seed=7))
    a, b = loaded.train_inputs.double().numpy().T
    np.testing.assert_allclose(loaded.train_targets[:, 0], function(a, b), rtol=2e-5, atol=2e-6)


def test_shapes_sizes_and_range() -> None:
    loaded = load(formula("x1", "x1*x2", "x2", low=2.0, high=3.0, train=7, test=5))
    assert loaded.train_inputs.shape == (7, 2)
    assert loaded.train_targets.shape == (7, 3)
    assert loaded.test_inputs.shape == (5, 2)
    assert loaded.test_targets.shape == (5, 3)
    assert loaded.output_names == ("x1", "x1*x2", "x2")
    assert loaded.tokens is None
    assert float(loaded.train_inputs.min()) >= 2.0
    assert float(loaded.train_inputs.max()) <= 3.0


def test_same_seed_same_bits_and_other_seed_other_data() -> None:
    one, again, other = (load(formula("x1 + x2", seed=s)) for s in (3, 3, 4))
    assert one.train_inputs.equal(again.train_inputs)
    assert one.test_targets.equal(again.test_targets)
    assert not one.train_inputs.equal(other.train_inputs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x1 + x22", r"data\.outputs\.0.*unknown symbol 'x22'; did you mean 'x2'\?"),
        ("x1 + zebra", r"unknown symbol 'zebra'; inputs are x1, x2"),
        ("sim(x1)", r"unknown function 'sim'; did you mean 'sin'\?"),
        ("sin + x1", "function 'sin' needs an argument"),
        ("sin(x1, x2)", "takes one argument"),
        ("max(x1)", "function 'max' takes 2 to 10 arguments, as in max"),
        ("atan2(x1)", "function 'atan2' takes 2 arguments, as in atan2"),
        ("max + x1", "function 'max' needs an argument: max"),
        ("heaviside(x1)", "unknown function 'heaviside'; did you mean 'Heaviside'?"),
        ("x1 +", "is not a formula"),
        ("", "is not a formula"),
        ("(((x1)", "is not a formula"),
        ("3 + 4", "is constant"),
        ("x1 - x1", "is constant"),
        ("x1 + 1/0", "'1 / 0' is not a finite real number"),
        ("x1 + log(0)", "not a finite real number"),
        ("x1 + sqrt(-2)", "not a finite real number"),
        ("max(x1, acos(3)) + x2", r"'acos\(3\)' is not a finite real number"),
        ("atan2(x2, acos(x1 + 5))", "must be a finite real number"),
        ("log(x1)", r"'log\(x1\)' is .* at x1=-0\.\d+, x2="),
        ("sqrt(x1)", r"\[-1, 1\]"),
        ("x1 / (x2 - x2)", "not a finite real number"),
        ("x1^(1/3)", "must be a finite real number"),
        ("exp(1000*x1)", "must be a finite real number"),
        ("exp(100*(x1+1))", "must be a finite real number"),
        ("x1^1000", "exponent 1000 is beyond 100"),
        ("(x1^90)^90", "degree 8100 is beyond 100"),
        ("9^9^9^9", "beyond 100"),
        ("((9^90)^90)^90 * x1", "too large"),
        ("1e400 * x1", "too large"),
        ("+".join(["x1"] * 600), "at most 1000"),
        ("-" * 990 + "x1", "not a formula that can be read"),
        ("(" * 400 + "x1" + ")" * 400, "not a formula"),
        ("x1\0", "not a formula"),
    ],
)
def test_unusable_formulas_are_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(formula(text))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch owned')",
        "x1.__class__",
        "(lambda: x1)()",
        "[x1 for x1 in (1, 2)]",
        "x1 if x2 else 0",
        "x1 and x2",
        "x1 < x2",
        "x1 // x2",
        "x1 % 2",
        "'x1'",
        "x1[0]",
        "True * x1",
        "1j * x1",
        "(y := x1)",
        "f'{x1}'",
        "sin(x1).subs(x1, 0)",
        "eval('x1')",
        "sin(*[x1])",
        "sin(x=x1)",
        "... + x1",
    ],
)
def test_nothing_but_arithmetic_is_read(text: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"data\.outputs\.0"):
        load(formula(text))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (("x1", "x1"), r"data\.inputs\.1: 'x1' is declared twice"),
        (("pi",), "already means"),
        (("sin",), "already means"),
        (("lambda",), "is a word of Python"),
        (("x 1",), "is not a name"),
        (("x);import os",), "is not a name"),
    ],
)
def test_unusable_input_names_are_refused(inputs: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(formula("1", inputs=inputs))


def test_an_input_may_be_named_as_numpy_names_things() -> None:
    loaded = load(formula("sin(array) + numpy*exp2", inputs=("array", "numpy", "exp2")))
    a, b, c = loaded.train_inputs.double().numpy().T
    np.testing.assert_allclose(loaded.train_targets[:, 0], np.sin(a) + b * c, atol=1e-6)


def test_a_seed_beyond_numpys_range_is_refused() -> None:
    load(formula("x1", seed=2**32 - 1))
    with pytest.raises(ValidationError, match="less than or equal to 4294967295"):
        formula("x1", seed=2**32)


def test_expressions_keep_their_structure() -> None:
    truth = load(formula("(x1 + x2)^2")).truth
    assert truth is not None
    x1, x2 = sympy.symbols("x1 x2", real=True)
    assert truth.expressions == ((x1 + x2) ** 2,)


def test_data_is_loaded_once_a_process() -> None:
    spec = formula("x1 * x2", seed=11)
    assert data.load(spec) is data.load(formula("x1 * x2", seed=11))
    assert data.load(spec) is not data.load(formula("x1 * x2", seed=12))


# ------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("((x1+x2)**50+(x3+x4)**50)**50", "degree 2500 is beyond 100"),
        ("*".join(f"sin({i + 1}*x1)" for i in range(60)), "60 functions; a formula has at most 50"),
        ("sin(" * 60 + "x1" + ")" * 60, "60 functions; a formula has at most 50"),
        ("sin(" * 12 + "x1" + ")" * 12, "functions stand more than 10 deep"),
        ("sin(10**99)*x1", "'10 [*][*] 99' is too large a number"),
        ("exp(exp(exp(40)))*x1", r"'exp\(40\)' is too large a number"),
        ("1000000*1000000*1000000*x1", "is too large a number"),
        ("x1*10**15*10**15", "a number beyond 1e\\+15"),
        ("max(" + ",".join(["x1"] * 60) + ")", "'max' takes 2 to 10 arguments"),
        ("x1**(10**9)", "exponent 1000000000 is beyond 100"),
    ],
)
def test_what_would_take_long_is_refused_at_once_in_one_line(text: str, message: str) -> None:
    began = time.process_time()
    with pytest.raises(InputError, match=message) as caught:
        load(formula(text, inputs=("x1", "x2", "x3", "x4")))
    assert time.process_time() - began < 1.0
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


NODES = st.recursive(
    st.sampled_from(["x1", "x2", "2", "0.5", "pi"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        st.tuples(inner, st.integers(2, 9)).map(lambda t: f"{t[0]}^{t[1]}"),
        st.tuples(st.sampled_from([f for f in FUNCTIONS if FUNCTIONS[f].most == 1]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(st.sampled_from(["min", "max", "atan2"]), inner, inner).map(
            lambda t: f"{t[0]}({t[1]},{t[2]})"
        ),
    ),
    max_leaves=30,
)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(text=NODES)
def test_any_formula_is_read_or_refused_in_seconds(text: str) -> None:
    began = time.process_time()
    with suppress(InputError):
        assert bool(torch.isfinite(load(formula(text)).train_targets).all())
    assert time.process_time() - began < 10.0


# ------------------------------------------------------------------------------ ranges and noise


def test_a_range_an_input() -> None:
    ranges = {
        "a": {"low": 0, "high": 5},
        "b": {"low": 1e-3, "high": 1e3, "log": True},
        "c": {"mean": 2, "deviation": 0.5},
    }
    loaded = load(formula("a+b+c+d", inputs=tuple("abcd"), ranges=ranges, train=4000, seed=1))
    a, b, c, d = loaded.train_inputs.double().numpy().T
    assert kstest(a, "uniform", (0, 5)).pvalue > 0.01
    assert kstest(np.log10(b), "uniform", (-3, 6)).pvalue > 0.01
    assert kstest(c, "norm", (2, 0.5)).pvalue > 0.01
    assert kstest(d, "uniform", (-1, 2)).pvalue > 0.01


def test_a_range_that_says_the_same_is_the_same_data_under_another_digest() -> None:
    plain, said = formula("x1*x2"), formula("x1*x2", ranges={"x2": {"low": -1, "high": 1}})
    assert load(plain).train_inputs.equal(load(said).train_inputs)
    assert plain.digest() != said.digest()
    assert formula("x1*x2", ranges={}, noise=0.0).digest() == plain.digest()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"ranges": {"x9": {"low": 0, "high": 1}}},
            r"ranges.x9: unknown input 'x9' \(inputs: x1, x2\)",
        ),
        ({"ranges": {"x1": {"low": 1, "high": 0}}}, "low must be below high"),
        ({"ranges": {"x1": {"low": -1, "high": 1, "log": True}}}, "low must be above 0 under log"),
        ({"ranges": {"x1": {"low": 1}}}, "give low and high"),
        ({"ranges": {"x1": {"low": 1, "high": 2, "mean": 0, "deviation": 1}}}, "give low and high"),
        ({"ranges": {"x1": {"mean": 0, "deviation": 0}}}, "greater than 0"),
        ({"low": float("inf")}, "finite number"),
        ({"noise": -0.1}, "greater than or equal to 0"),
    ],
)
def test_ranges_that_cannot_be_drawn_from_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        formula("x1+x2", **given)


def test_inputs_beyond_float32_are_refused() -> None:
    with pytest.raises(InputError, match=r"data\.ranges\.x1: drawn from \[0, 1e\+300\], which is"):
        load(formula("x1+x2", ranges={"x1": {"low": 0, "high": 1e300}}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": -1e308, "high": 1e308}, r"data\.low, data\.high: drawn from .*, which is beyond"),
        ({"low": 1e39, "high": 2e39}, r"data\.low, data\.high: drawn from .*, which is beyond"),
        ({"low": 1.0, "high": 1.000000000001},
         r"data\.low, data\.high: drawn from \[1\.0, 1\.000000000001\], which is one number in fl"),
        ({"ranges": {"x1": {"mean": 1e9, "deviation": 1.0}}},
         r"data\.ranges\.x1: drawn from normal .*, which is one number in float32"),
        ({"noise": 1e300}, r"data\.noise: 1e\+300 given; targets are then beyond float32"),
    ],
)  # fmt: skip
def test_ranges_that_overflow_or_vanish_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(formula("x1+x2", **options))


@pytest.mark.parametrize("text", ["1e-46*x1", "1 + 1e-15*x1"])
def test_targets_that_vanish_in_float32_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="constant|in every sample, in float32"):
        data.load(formula(text))


def test_noise_is_a_share_of_the_deviation_of_training_targets_and_spares_the_test() -> None:
    options = {"train": 5000, "seed": 3}
    exact, noisy = (
        load(formula("x1", "100*x2", **options)),
        load(formula("x1", "100*x2", noise=0.2, **options)),
    )
    assert noisy.train_inputs.equal(exact.train_inputs)
    assert noisy.test_targets.equal(exact.test_targets)
    left = (noisy.train_targets - exact.train_targets) / exact.train_targets.std(dim=0)
    assert left.std(dim=0).tolist() == pytest.approx([0.2, 0.2], rel=0.05)
    assert left.mean(dim=0).abs().max() < 0.01
    assert noisy.train_targets.equal(
        load(formula("x1", "100*x2", noise=0.2, **options)).train_targets
    )
