"""Modular arithmetic: a polynomial in a and b modulo p, over all pairs of residues."""

from pathlib import Path
from typing import Any

import numpy as np
import sympy
import torch
from pydantic import Field

from bimt_bench.data.expressions import parse, symbols
from bimt_bench.data.kind import DataKind
from bimt_bench.data.randomness import stream
from bimt_bench.data.types import Residues, TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA, DataSettings, Seed

_NAMES = ("a", "b")


@DATA.register
class Modular(DataKind):
    """A polynomial expression in a and b modulo `modulus`, over all pairs of residues."""

    name = "modular"
    title = "modular arithmetic"
    source = "arXiv 2305.08746, section 3.3"

    class Settings(DataSettings):
        """The modulus, the expression, and which share of all pairs is trained on."""

        modulus: int = Field(ge=2, le=1024)
        expression: str = "a + b"
        train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)
        seed: Seed = 4

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """See `load`."""
        return load(settings)


def load(spec: Modular.Settings) -> TaskData:
    """Tokens (a, b) int64 [n, 2] below the modulus, classes int64 [n].

    Pair i is (i mod p, i div p); the seed's stream chooses the training pairs, and the test
    pairs are the others in order, as in the published example of arXiv 2305.08746, section 3.3.
    Raises InputError if the expression is no polynomial with integer coefficients, or constant.
    """
    p = spec.modulus
    index = np.arange(p * p)
    pairs = np.stack([index % p, index // p], axis=1)
    classes = residues(spec, pairs)
    count = int(p * p * spec.train_fraction)
    if count == 0:
        raise InputError(
            f"data.train_fraction: {spec.train_fraction:g} given; of {p * p} pairs none is left "
            "for training"
        )
    train = stream(spec.seed).choice(p * p, count, replace=False)
    test = np.setdiff1d(index, train)
    return TaskData(
        train_inputs=torch.tensor(pairs[train]),
        train_targets=torch.tensor(classes[train]),
        test_inputs=torch.tensor(pairs[test]),
        test_targets=torch.tensor(classes[test]),
        input_names=_NAMES,
        output_names=tuple(str(residue) for residue in range(p)),
        tokens=p,
        residues=Residues(p, added=spec.expression.replace(" ", "") in ("a+b", "b+a")),
    )


def residues(spec: Modular.Settings, pairs: np.ndarray) -> np.ndarray:
    """The expression modulo p, exactly: int64 [n] at pairs [n, 2]."""
    field = "data.expression"
    known = symbols(_NAMES, field=field)
    expression = parse(spec.expression, known, field=field)
    integer = all(number.is_Integer for number in expression.atoms(sympy.Number))
    if not (expression.is_polynomial(*known.values()) and integer) or expression.atoms(
        sympy.NumberSymbol
    ):
        raise InputError(
            f"{field}: '{spec.expression}' is not a polynomial in a and b with integer coefficients"
        )
    values = {known[name]: pairs[:, i].astype(np.int64) for i, name in enumerate(_NAMES)}
    result = np.broadcast_to(_fold(expression, values, spec.modulus), pairs.shape[:1])
    if (result == result[0]).all():
        raise InputError(
            f"{field}: '{spec.expression}' is {result[0]} modulo {spec.modulus} for every pair"
        )
    return result.copy()


def _fold(
    expression: sympy.Basic, values: dict[sympy.Symbol, np.ndarray], modulus: int
) -> np.ndarray:
    """Evaluate modulo `modulus` at every node, so that no number ever outgrows int64."""
    match expression:
        case sympy.Integer():
            return np.array(int(expression) % modulus, dtype=np.int64)
        case sympy.Symbol():
            return values[expression] % modulus
        case sympy.Pow():
            base, exponent = expression.args
            table = [pow(residue, int(exponent), modulus) for residue in range(modulus)]
            return np.array(table, dtype=np.int64)[_fold(base, values, modulus)]
    result = np.array(0 if isinstance(expression, sympy.Add) else 1, dtype=np.int64)
    for part in expression.args:
        value = _fold(part, values, modulus)
        result = (result + value if isinstance(expression, sympy.Add) else result * value) % modulus
    return result
