"""Finite groups: the product of two elements, over all pairs of elements."""

import math
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
_SMALL_ENOUGH = 20  # of n in n!, which is far beyond the largest
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
    if not isinstance(group, str):
        return _generated(group)
    _check_order(math.prod(_order(*part) for part in _parts(group)))
    # here, because SymPy's groups take a moment to import and only this task needs them
    from sympy.combinatorics.group_constructs import DirectProduct

    elements: Any = DirectProduct(*_factors(group)).generate(af=True)
    return np.array(sorted(elements), dtype=np.int64)


def _generated(generators: tuple[tuple[int, ...], ...]) -> Permutations:
    """All products of generators, found one after another until there are too many."""
    _check_generators(generators)
    start = tuple(range(len(generators[0])))
    found, waiting = {start}, [start]
    while waiting:
        one = waiting.pop()
        for generator in generators:
            new = tuple([generator[point] for point in one])
            if new not in found:
                found.add(new)
                waiting.append(new)
        if len(found) > _LARGEST:
            raise InputError(
                f"data.group: more than {_LARGEST} elements; a group here has 2 to {_LARGEST}"
            )
    _check_order(len(found))
    return np.array(sorted(found), dtype=np.int64)


def products(elements: Permutations) -> Int[np.ndarray, " n"]:
    """The place among the elements of a b, for each of `all_pairs`."""
    columns, steps, places = _told_apart(elements)
    found = []
    for b in elements:  # the second element of `all_pairs` is the slower one
        codes = np.zeros(len(elements), dtype=np.int64)
        for point, step in zip(b[columns], steps, strict=True):
            codes = step[codes, elements[:, point]]
        found.append(places[codes])
    return np.concatenate(found)


def _told_apart(
    elements: Permutations,
) -> tuple[list[int], list[Int[np.ndarray, "codes points"]], Int[np.ndarray, " elements"]]:
    """Points whose images tell all elements apart, which are few, and how.

    Step by step a code and the image of a point give the next code; the last one has a place.
    """
    count, points = 1, elements.shape[1]
    codes = np.zeros(len(elements), dtype=np.int64)
    columns, steps = list[int](), list[np.ndarray]()
    for column in range(points):
        pairs = codes * points + elements[:, column]
        distinct = np.unique(pairs)
        if len(distinct) == count:
            continue
        step = np.zeros(count * points, dtype=np.int64)
        step[distinct] = np.arange(len(distinct))
        codes, count = step[pairs], len(distinct)
        columns.append(column)
        steps.append(step.reshape(-1, points))
    places = np.empty(len(elements), dtype=np.int64)
    places[codes] = np.arange(len(elements))
    return columns, steps, places


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


def _order(letter: str, size: int) -> int:
    """How many elements a named group has, without making them: S100 would take minutes."""
    if letter in "ZD":
        return size if letter == "Z" else 2 * size
    permutations = math.factorial(min(size, _SMALL_ENOUGH))
    return permutations if letter == "S" else max(1, permutations // 2)


def _check_order(order: int) -> None:
    if not 2 <= order <= _LARGEST:
        shown = order if order < 10**9 else "more than a billion"
        raise InputError(f"data.group: {shown} elements; a group here has 2 to {_LARGEST}")


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
