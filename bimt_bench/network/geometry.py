"""Geometry: where the neurons of a group sit, and how far apart two groups are."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from bimt_bench.ground import InputError, closest
from bimt_bench.network.distances import Distance
from bimt_bench.network.placements import Coordinates, Placement
from bimt_bench.network.wiring import Wiring
from bimt_bench.spec import (
    DISTANCES,
    PLACEMENTS,
    DistanceSettings,
    GeometrySpec,
    PlacementSettings,
    choose,
)

def _geometry(name: str, placed: Sequence[str], distance: str = "l1") -> GeometrySpec:
    """A geometry whose input, hidden and output groups are placed so, each as its kind does."""
    ends = [choose(PLACEMENTS, kind) for kind in placed]
    return GeometrySpec.model_validate(
        {"name": name, "distance": distance, **dict(zip(_ENDS, ends, strict=True))}
    )


_ENDS = ("input", "hidden", "output")

GEOMETRIES: Mapping[str, GeometrySpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _geometry("line", ("line", "line", "line")),
            _geometry("grid", ("grid", "grid", "grid")),
            _geometry("ring", ("ring", "ring", "ring")),
            _geometry("grid_line", ("grid", "grid", "line")),
            _geometry("grid_ring", ("grid", "grid", "ring")),
            _geometry("grid_ring_l2", ("grid", "grid", "ring"), "l2"),
            _geometry("ring_l2", ("ring", "ring", "ring"), "l2"),
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


def coordinates(
    placement: PlacementSettings, size: int, *, group: str = "group"
) -> Coordinates:
    """Positions of `size` neurons, [size, dimension] (arXiv 2305.08746, section 2).

    Raises InputError if they cannot be placed.
    """
    kind: Placement = PLACEMENTS.get_kind(placement.kind)()
    return kind.coordinates(placement, size, group=group)


def group_coordinates(geometry: GeometrySpec, wiring: Wiring) -> dict[str, Coordinates]:
    """Positions of every group of a wiring, name -> [size, 2]; InputError if a group cannot fit."""
    placements = {"input": geometry.input, "hidden": geometry.hidden, "output": geometry.output}
    return {
        group.name: coordinates(placements[group.role], group.size, group=group.name)
        for group in wiring.groups
    }


def distances(
    target: Float[np.ndarray, "target dimension"],
    source: Float[np.ndarray, "source dimension"],
    distance: DistanceSettings,
) -> Float[np.ndarray, "target source"]:
    """In-plane distance between two groups, [target, source]."""
    kind: Distance = DISTANCES.get_kind(distance.kind)()
    return kind.between(distance, target, source)
