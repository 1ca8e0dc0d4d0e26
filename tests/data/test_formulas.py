"""Formulas: published data bit for bit, ground truth, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import sympy
from pydantic import ValidationError

from bimt_bench import data
from bimt_bench.data.expressions import parse, symbols
from bimt_bench.data.formulas import dependencies, load
from bimt_bench.ground import InputError
from bimt_bench.data.formulas import Formula
from bimt_bench.spec import catalog

GOLDEN = Path(__file__).parents[1] / "golden" / "independence.npz"


def formula(*outputs: str, inputs: tuple[str, ...] = ("x1", "x2"), **settings) -> Formula.Settings:
    return Formula.Settings(kind="formula", inputs=inputs, outputs=outputs, **settings)


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
    ],
)
def test_dependency_is_of_the_function_not_of_its_text(text: str, expected: list[bool]) -> None:
    known = symbols(("x1", "x2"), field="inputs")
    found = dependencies((parse(text, known, field="outputs.0"),), tuple(known.values()))
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
        ("x1 +", "is not a formula"),
        ("", "is not a formula"),
        ("(((x1)", "is not a formula"),
        ("3 + 4", "is constant"),
        ("x1 - x1", "is constant"),
        ("x1 + 1/0", "'1 / 0' is not a finite real number"),
        ("x1 + log(0)", "not a finite real number"),
        ("x1 + sqrt(-2)", "not a finite real number"),
        ("log(x1)", r"'log\(x1\)' is .* at x1=-0\.\d+, x2="),
        ("sqrt(x1)", r"\[-1, 1\]"),
        ("x1 / (x2 - x2)", "not a finite real number"),
        ("x1^(1/3)", "must be a finite real number"),
        ("exp(1000*x1)", "must be a finite real number"),
        ("exp(100*(x1+1))", "must be a finite real number"),
        ("x1^1000", "exponent 1000 is beyond 100"),
        ("(x1^90)^90", "exponent 8100 is beyond 100"),
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
        (("lambda",), "is not a name"),
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
