"""Modular arithmetic: the published split, any polynomial, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from bimt_bench import data
from bimt_bench.data.modular import load, residues
from bimt_bench.ground import InputError
from bimt_bench.data.modular import Modular
from bimt_bench.spec import catalog

GOLDEN = Path(__file__).parents[1] / "golden" / "modular_addition.npz"


def modular(expression: str, modulus: int = 7, **settings) -> Modular.Settings:
    return Modular.Settings(kind="modular", modulus=modulus, expression=expression, **settings)


def test_addition_reproduces_the_published_pairs_split_and_classes() -> None:
    loaded = data.load(catalog.task("modular/addition_59").data)
    golden = np.load(GOLDEN)
    pairs, classes = golden["data/data_id"], golden["data/labels"]
    # the published test pairs stand in the order of a Python set; a mean does not see it
    train, test = golden["data/train_id"], np.sort(golden["data/test_id"])
    np.testing.assert_array_equal(loaded.train_inputs, pairs[train])
    np.testing.assert_array_equal(loaded.test_inputs, pairs[test])
    np.testing.assert_array_equal(loaded.train_targets, classes[train])
    np.testing.assert_array_equal(loaded.test_targets, classes[test])
    assert loaded.tokens == 59
    assert loaded.input_names == ("a", "b")
    assert loaded.output_names == tuple(str(i) for i in range(59))


@pytest.mark.parametrize(
    ("expression", "function"),
    [
        ("a + b", lambda a, b: a + b),
        ("a - b", lambda a, b: a - b),
        ("a*b", lambda a, b: a * b),
        ("a", lambda a, b: a),
        ("b^2", lambda a, b: b**2),
        ("a^2 + 3*a*b - 2*b^2 + 5", lambda a, b: a**2 + 3 * a * b - 2 * b**2 + 5),
        ("(a - 2*b)^5 * (a + 1)", lambda a, b: (a - 2 * b) ** 5 * (a + 1)),
        ("-a - 100*b", lambda a, b: -a - 100 * b),
        ("((a + b)^50 + 1)^50", lambda a, b: ((a + b) ** 50 + 1) ** 50),
    ],
)
@pytest.mark.parametrize("modulus", [7, 12])
def test_any_polynomial_is_exact(expression: str, function, modulus: int) -> None:
    pairs = np.array([[a, b] for b in range(modulus) for a in range(modulus)])
    # Python's integers never overflow, so they are the oracle
    expected = [function(int(a), int(b)) % modulus for a, b in pairs]
    assert residues(modular(expression, modulus), pairs).tolist() == expected


def test_train_and_test_part_all_pairs() -> None:
    loaded = load(modular("a + b", 11, train_fraction=0.3, seed=1))
    pairs = np.concatenate([loaded.train_inputs, loaded.test_inputs])
    assert len(loaded.train_inputs) == int(121 * 0.3)
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs) == 121


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("sin(a)", "not a polynomial in a and b with integer coefficients"),
        ("a / 2", "not a polynomial"),
        ("a / b", "not a polynomial"),
        ("0.5 * a", "not a polynomial"),
        ("2^a", "not a polynomial"),
        ("a^b", "not a polynomial"),
        ("a^-1", "not a polynomial"),
        ("pi * a", "not a polynomial"),
        ("abs(a)", "not a polynomial"),
        ("a + c", r"data\.expression: 'a \+ c': unknown symbol 'c'"),
        ("a +", "is not a formula"),
        ("a - a + 3", "is 3 modulo 7 for every pair"),
        ("7 * a", "is 0 modulo 7 for every pair"),
        ("a % 2", "is not allowed"),
    ],
)
def test_unusable_expressions_are_refused(expression: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(modular(expression))


def test_an_empty_training_part_is_refused() -> None:
    with pytest.raises(InputError, match=r"data\.train_fraction: 0\.1 given; of 4 pairs none"):
        load(modular("a + b", 2, train_fraction=0.1))
