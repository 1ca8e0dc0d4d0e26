"""Placements for any number of neurons: on a torus, in a cube, and at random."""

import math
from collections.abc import Iterator

import numpy as np
from pydantic import Field

from bimt_bench.ground import InputError, numpy_generator
from bimt_bench.network.placements import Coordinates, Placement, centres
from bimt_bench.spec import PLACEMENTS, PlacementSettings, Positive, Seed


@PLACEMENTS.register
class Torus(Placement):
    """Row-major cell centres of a sheet whose edges meet, as the distance `wrapped` has it.

    Without `rows` the sheet has as nearly as many rows as columns as the number of neurons allows.
    """

    name = "torus"
    title = "torus"

    class Settings(PlacementSettings):
        """The shape of the sheet."""

        rows: Positive | None = Field(default=None, description="rows of the sheet")

    def coordinates(self, settings: Settings, size: int, *, group: str) -> Coordinates:
        """Cell centres, row by row; InputError if `rows` does not divide the neurons."""
        rows = settings.rows or sides(size, 2)[0]
        if size % rows:
            raise InputError(
                f"geometry: {size} neurons of group '{group}' do not fit a torus of rows={rows}; "
                f"rows must divide {size}"
            )
        return cells(rows, size // rows)


@PLACEMENTS.register
class Cube(Placement):
    """Cell centres of a box in three dimensions, x fastest, as nearly a cube as can be."""

    name = "cube"
    title = "cube"

    def coordinates(self, settings: PlacementSettings, size: int, *, group: str) -> Coordinates:
        """Cell centres, [size, 3]."""
        return cells(*sides(size, 3))


@PLACEMENTS.register
class Random(Placement):
    """Points drawn evenly from the unit square or cube; each group has its own."""

    name = "random"
    title = "random"

    class Settings(PlacementSettings):
        """What is drawn, and in how many dimensions."""

        seed: Seed = 0
        dimension: int = Field(default=2, ge=1, le=3, description="of the places")

    def coordinates(self, settings: Settings, size: int, *, group: str) -> Coordinates:
        """Uniform draws, [size, dimension]."""
        generator = numpy_generator("placement", settings.seed, group)
        return generator.random((size, settings.dimension))


def cells(*counts: int) -> Coordinates:
    """Centres of the cells of a unit box with so many a side, the last side fastest and first."""
    axes = np.meshgrid(*(centres(count) for count in counts), indexing="ij")
    return np.stack([axis.ravel() for axis in reversed(axes)], axis=1)


def sides(size: int, dimension: int) -> tuple[int, ...]:
    """Whole numbers whose product is `size`, in rising order, with the smallest sum."""
    return min(_factorings(size, dimension), key=lambda found: (sum(found), found))


def _factorings(size: int, parts: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (size,)
        return
    for first in range(least, math.floor(size ** (1 / parts) + 1e-9) + 1):
        if size % first == 0:
            for rest in _factorings(size // first, parts - 1, first):
                yield (first, *rest)
