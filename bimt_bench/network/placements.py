"""Where the neurons of a group sit: the published examples' placements, and their contract."""

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from bimt_bench.ground import InputError
from bimt_bench.spec import PLACEMENTS, PlacementSettings, Positive

Coordinates = Float[np.ndarray, "size dimension"]


class Placement:
    """One way of placing neurons. Fill in the facts, the settings, and `coordinates`.

    name: what a geometry's `{kind: ...}` calls it. title: what tables print. source: where it
    comes from, if it is published.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""

    class Settings(PlacementSettings):
        """No settings."""

    def coordinates(self, settings: Any, size: int, *, group: str) -> Coordinates:
        """Positions of `size` neurons, [size, dimension], best within the unit square or cube.

        The same at every call with the same settings. InputError if so many neurons cannot be
        placed; `group` is what their group is called.
        """
        raise NotImplementedError


class _Published(PlacementSettings):
    """What the first release asked of every placement, as digests of published tasks have it."""

    has_rows: ClassVar[bool] = False

    rows: Positive | None = Field(default=None, description="rows of a grid; square if absent")
    radius: float = Field(default=0.25, gt=0.0, le=0.5, description="radius of a ring")

    @model_validator(mode="after")
    def _rows_belong_to_grids(self) -> "_Published":
        if self.rows is not None and not self.has_rows:
            raise ValueError(f"rows belongs to kind '{Grid.name}', not to kind '{self.kind}'")
        return self


@PLACEMENTS.register
class Line(Placement):
    """n cell centres (k + 1/2) / n at height 1/2."""

    name = "line"
    title = "line"
    source = "arXiv 2305.08746, section 2"

    class Settings(_Published):
        """None that counts."""

    def coordinates(self, settings: _Published, size: int, *, group: str) -> Coordinates:
        """Cell centres at height 1/2."""
        return np.stack([centres(size), np.full(size, 0.5)], axis=1)


@PLACEMENTS.register
class Grid(Placement):
    """Row-major cell centres, x fastest; square unless `rows` says otherwise."""

    name = "grid"
    title = "grid"
    source = "arXiv 2305.08746, section 3.5"

    class Settings(_Published):
        """`rows` is this kind's."""

        has_rows: ClassVar[bool] = True

    def coordinates(self, settings: _Published, size: int, *, group: str) -> Coordinates:
        """Cell centres, row by row; InputError if the neurons do not fill the grid."""
        rows = _grid_rows(settings.rows, size, group)
        y, x = np.meshgrid(centres(rows), centres(size // rows), indexing="ij")
        return np.stack([x.ravel(), y.ravel()], axis=1)


@PLACEMENTS.register
class Ring(Placement):
    """n points at angles 2 pi (k + 1/2) / n round the centre, at distance `radius`."""

    name = "ring"
    title = "ring"
    source = "arXiv 2305.08746, section 3.5"

    class Settings(_Published):
        """`radius` is this kind's."""

    def coordinates(self, settings: _Published, size: int, *, group: str) -> Coordinates:
        """Points round the centre."""
        angle = 2.0 * np.pi * centres(size)
        return 0.5 + settings.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def centres(count: int) -> Float[np.ndarray, " count"]:
    """The centres of `count` equal cells of [0, 1]."""
    return (np.arange(count) + 0.5) / count


def _grid_rows(rows: int | None, size: int, group: str) -> int:
    side = int(np.sqrt(size))
    if rows is None:
        if side * side != size:
            raise InputError(
                f"geometry: {size} neurons of group '{group}' do not fit a square grid; use "
                f"{side * side} or {(side + 1) ** 2} neurons, give the placement 'rows', or "
                "choose a line or a ring"
            )
        return side
    if size % rows:
        raise InputError(
            f"geometry: {size} neurons of group '{group}' do not fit a grid of "
            f"rows={rows}; rows must divide {size}"
        )
    return rows
