"""Ground truth: components of the dependency graph and shared sub-expressions, with values."""

import numpy as np
import pytest
import sympy

from bimt_bench import data
from bimt_bench.data.formulas import Formula
from bimt_bench.spec import catalog


def truth(*outputs, inputs=("x1", "x2", "x3")):
    found = Formula().load(Formula.Settings(kind="formula", inputs=inputs, outputs=outputs)).truth
    assert found is not None
    return found


def test_independence_falls_into_two_components():
    found = data.load(catalog.task("symbolic/independence").data).truth
    assert found is not None
    assert found.components.outputs.tolist() == [0, 1]
    assert found.components.inputs.tolist() == [0, 1, 0, 1]
    assert found.shared == ()


def test_a_chain_of_formulas_is_one_component_and_an_unused_input_its_own():
    found = truth("x1 * x2", "x2 + x3", inputs=("x1", "x2", "x3", "x4"))
    assert found.components.outputs.tolist() == [0, 0]
    assert found.components.inputs.tolist() == [0, 0, 0, 1]


def test_feature_sharing_shares_the_first_square_and_the_first_sum():
    found = data.load(catalog.task("symbolic/feature_sharing").data).truth
    assert found is not None
    shared = {str(part.expression): part.outputs for part in found.shared}
    assert shared == {"x1**2": (0, 1, 2), "x1**2 + x2**2": (1, 2)}


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (("sin(x1)", "sin(x1) * x2"), {"sin(x1)": (0, 1)}),
        (("sin(x1) + cos(sin(x1))", "x2"), {}),  # twice, but in one formula
        (("x1", "x1 + x2"), {}),  # an input is no sub-expression
        (
            ("exp(sin(x1) + x2)", "exp(sin(x1) + x2) * x3", "sin(x1)"),
            {"sin(x1)": (0, 1, 2), "exp(x2 + sin(x1))": (0, 1)},
        ),
    ],
)
def test_shared_sub_expressions(outputs, expected):
    found = {str(part.expression): part.outputs for part in truth(*outputs).shared}
    assert found == expected


def test_values_are_those_of_the_expression():
    found = truth("sin(x1) * x2", "sin(x1) * x3")
    points = np.random.default_rng(0).uniform(-1, 1, (5, 3))
    (part,) = found.shared
    np.testing.assert_allclose(found.values(part.expression, points), np.sin(points[:, 0]))
    assert found.values(sympy.Integer(2), points).tolist() == [2.0] * 5
