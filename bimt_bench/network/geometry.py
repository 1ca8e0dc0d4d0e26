"""Geometry: where the neurons of a group sit, and how far apart two groups are."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from bimt_bench.ground import InputError, closest
from bimt_bench.network.wiring import Wiring
from bimt_bench.spec import GeometrySpec, Placement

Coordinates = Float[np.ndarray, "size 2"]

_LINE = Placement(kind="line")
_GRID = Placement(kind="grid")
_RING = Placement(kind="ring")

GEOMETRIES: Mapping[str, GeometrySpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            GeometrySpec(name="line"),
            GeometrySpec(name="grid", input=_GRID, hidden=_GRID, output=_GRID),
            GeometrySpec(name="ring", input=_RING, hidden=_RING, output=_RING),
            GeometrySpec(name="grid_line", input=_GRID, hidden=_GRID, output=_LINE),
            GeometrySpec(name="grid_ring", input=_GRID, hidden=_GRID, output=_RING),
            GeometrySpec(
                name="grid_ring_l2", input=_GRID, hidden=_GRID, output=_RING, distance="l2"
            ),
            GeometrySpec(name="ring_l2", input=_RING, hidden=_RING, output=_RING, distance="l2"),
        )
    }
)


def named(name: str) -> GeometrySpec:
    """The geometry of that name; InputError if there is none."""
    if name not in GEOMETRIES:
        allowed = ", ".join(GEOMETRIES)
        raise InputError(
            f"geometry: unknown geometry '{name}'{closest(name, GEOMETRIES)} (named: {allowed})"
        )
    return GEOMETRIES[name]


def coordinates(placement: Placement, size: int, *, group: str = "group") -> Coordinates:
    """Positions of `size` neurons in the unit square, [size, 2] (arXiv 2305.08746, section 2).

    Raises InputError if the neurons do not fill the grid.
    """
    if placement.kind == "line":
        return np.stack([_centres(size), np.full(size, 0.5)], axis=1)
    if placement.kind == "ring":
        angle = 2.0 * np.pi * _centres(size)
        return 0.5 + placement.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rows = _grid_rows(placement, size, group)
    y, x = np.meshgrid(_centres(rows), _centres(size // rows), indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _centres(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / count


def _grid_rows(placement: Placement, size: int, group: str) -> int:
    side = int(np.sqrt(size))
    if placement.rows is None:
        if side * side != size:
            raise InputError(
                f"geometry: {size} neurons of group '{group}' do not fit a square grid; use "
                f"{side * side} or {(side + 1) ** 2} neurons, give the placement 'rows', or "
                "choose a line or a ring"
            )
        return side
    if size % placement.rows:
        raise InputError(
            f"geometry: {size} neurons of group '{group}' do not fit a grid of "
            f"rows={placement.rows}; rows must divide {size}"
        )
    return placement.rows


def group_coordinates(geometry: GeometrySpec, wiring: Wiring) -> dict[str, Coordinates]:
    """Positions of every group of a wiring, name -> [size, 2]; InputError if a group cannot fit."""
    placements = {"input": geometry.input, "hidden": geometry.hidden, "output": geometry.output}
    return {
        group.name: coordinates(placements[group.role], group.size, group=group.name)
        for group in wiring.groups
    }


def distances(
    target: Float[np.ndarray, "target 2"], source: Float[np.ndarray, "source 2"], norm: str
) -> Float[np.ndarray, "target source"]:
    """In-plane distance between two groups, [target, source]; norm 'l1' or 'l2'."""
    if norm == "l1":
        return cdist(target, source, "cityblock")
    return cdist(target, source, "euclidean")
