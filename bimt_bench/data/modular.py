"""Modular arithmetic: a formula in a and b modulo p, over all pairs of residues."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from pydantic import Field

from bimt_bench.data.kind import DataKind
from bimt_bench.data.pairs import NAMES, all_pairs, of_pairs
from bimt_bench.data.remainders import remainders
from bimt_bench.data.types import Residues, TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA, DataSettings, Seed


@DATA.register
class Modular(DataKind):
    """A formula in a and b modulo `modulus`, over all pairs of residues where it has a value.

    a + b, a - b, a * b, a / b (the inverse of b modulo p, for every b that has one), a^3, a^b, and
    a if b % 2 == 0 else b.
    """

    name = "modular"
    title = "modular arithmetic"
    source = "arXiv 2305.08746, section 3.3"

    class Settings(DataSettings):
        """The modulus, the formula, and which share of all pairs is trained on."""

        modulus: int = Field(ge=2, le=1024)
        expression: str = Field(default="a + b", description="a formula in a and b")
        train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)
        seed: Seed = 4

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Tokens (a, b) int64 [n, 2] below the modulus, classes int64 [n]; see `of_pairs`.

        Raises InputError if the formula cannot be read, or is the same for every pair.
        """
        p = settings.modulus
        pairs = all_pairs(p)
        classes = residues(settings, pairs)
        return of_pairs(
            classes,
            tuple(map(str, range(p))),
            train_fraction=settings.train_fraction,
            seed=settings.seed,
            residues=Residues(p, added=bool(np.array_equal(classes, pairs.sum(axis=1) % p))),
        )


def residues(settings: Modular.Settings, pairs: Int[np.ndarray, "n 2"]) -> Int[np.ndarray, " n"]:
    """The formula modulo p, exactly, at pairs of residues; -1 where it has no value."""
    values: dict[str, np.ndarray] = dict(zip(NAMES, pairs.T, strict=True))
    field, text = "data.expression", settings.expression
    found = remainders(text, values, modulus=settings.modulus, field=field)
    given = np.unique(found[found >= 0])
    if len(given) == 0:
        raise InputError(f"{field}: '{text}' has no value modulo {settings.modulus} for any pair")
    if len(given) == 1:
        raise InputError(
            f"{field}: '{text}' is {given[0]} modulo {settings.modulus} for every pair"
        )
    return found
