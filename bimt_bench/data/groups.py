"""Finite groups: the product of two elements, over all pairs of elements."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from pydantic import Field

from bimt_bench.data.kind import DataKind
from bimt_bench.data.pairs import of_pairs
from bimt_bench.data.types import TaskData
from bimt_bench.ground import InputError
from bimt_bench.spec import DATA, DataSettings

_LARGEST = 1024  # elements
_FACTOR = re.compile(r"([SADZ])_?([1-9][0-9]{0,3})")
_MOST_POINTS = 64  # that a permutation moves

Permutations = Int[np.ndarray, "elements points"]


@DATA.register
class Groups(DataKind):
    """The products a b of a finite group: b first, then a.

    A group is a name (S4, A5, D6, Z12: all permutations, the even ones, the symmetries of a
    polygon, a cycle), a product of such (Z2 x Z4), or the permutations that generate it
    ([[1, 0, 2], [1, 2, 0]]). Elements are permutations in lexicographic order.
    """

    name = "groups"
    title = "finite groups"
    source = "arXiv 2305.08746, section 3.3"

    class Settings(DataSettings):
        """The group, and which share of all pairs is trained on."""

        group: str | tuple[tuple[int, ...], ...] = Field(
            description="S4, A5, D6, Z2 x Z4, or permutations of 0 to n - 1 that generate it"
        )
        train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)

    def load(self, settings: Any, *, data_dir: Path | None = None) -> TaskData:
        """Tokens (a, b) int64 [n, 2] below the order, classes int64 [n]; see `of_pairs`.

        Raises InputError for a name that is no group's, for what are no permutations, and for a
        group of one element or too many.
        """
        elements = permutations(settings.group)
        return of_pairs(
            products(elements),
            names(settings.group, elements),
            train_fraction=settings.train_fraction,
            seed=settings.seed,
        )


def permutations(group: str | tuple[tuple[int, ...], ...]) -> Permutations:
    """The elements of a group as permutations of points, in lexicographic order."""
    # here, because SymPy's groups take a moment to import and only this task needs them
    from sympy.combinatorics import Permutation, PermutationGroup
    from sympy.combinatorics.group_constructs import DirectProduct

    if isinstance(group, str):
        found = DirectProduct(*_factors(group))
    else:
        _check_generators(group)
        found = PermutationGroup([Permutation(list(one)) for one in group])
    order = int(found.order())
    if not 2 <= order <= _LARGEST:
        raise InputError(f"data.group: {order} elements; a group here has 2 to {_LARGEST}")
    elements: Any = found.generate(af=True)
    return np.array(sorted(elements), dtype=np.int64)


def products(elements: Permutations) -> Int[np.ndarray, " n"]:
    """The place among the elements of a b, for each of `all_pairs`."""
    place = {element.tobytes(): i for i, element in enumerate(elements)}
    # the second element of `all_pairs` is the slower one
    return np.array([place[a[b].tobytes()] for b in elements for a in elements])


def names(group: str | tuple[tuple[int, ...], ...], elements: Permutations) -> tuple[str, ...]:
    """What elements are called.

    Rotations by their steps ('3', or '1,3' in a product), permutations of up to 9 points by where
    they send 1, 2, 3, ... ('2134'), others by number ('g17').
    """
    factors = _parts(group) if isinstance(group, str) else []
    if factors and all(letter == "Z" for letter, _ in factors):
        starts = np.cumsum([0, *(size for _, size in factors)])[:-1]
        return tuple(",".join(map(str, one)) for one in elements[:, starts] - starts)
    if elements.shape[1] > 9:
        return tuple(f"g{i}" for i in range(len(elements)))
    return tuple("".join(str(point + 1) for point in element) for element in elements)


def _parts(name: str) -> list[tuple[str, int]]:
    """The letters and sizes in a name."""
    parts = [_FACTOR.fullmatch(part.strip()) for part in re.split(r"[x×]", name)]
    found = [(part[1], int(part[2])) for part in parts if part]
    if len(found) < len(parts):
        raise InputError(
            f"data.group: '{name}' given; should be S4, A5, D6, Z12 or their like, a product such "
            "as Z2 x Z4, or a list of permutations"
        )
    points = sum(size for _, size in found)
    if points > _LARGEST:
        raise InputError(f"data.group: '{name}' moves {points} points, which is too many")
    return found


def _factors(name: str) -> list[Any]:
    """The groups whose product a name means."""
    from sympy.combinatorics import named_groups

    makers = {
        "S": named_groups.SymmetricGroup,
        "A": named_groups.AlternatingGroup,
        "D": named_groups.DihedralGroup,
        "Z": named_groups.CyclicGroup,
    }
    return [makers[letter](size) for letter, size in _parts(name)]


def _check_generators(generators: tuple[tuple[int, ...], ...]) -> None:
    points = len(generators[0]) if generators else 0
    for i, one in enumerate(generators):
        if sorted(one) != list(range(points)):
            raise InputError(
                f"data.group.{i}: {list(one)} given; should be 0 to {points - 1} in some order"
            )
    if not 1 <= points <= _MOST_POINTS:
        raise InputError(
            f"data.group: permutations of {points} points given; should be 1 to {_MOST_POINTS}"
        )
