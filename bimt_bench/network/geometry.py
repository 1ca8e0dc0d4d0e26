"""Geometry: where the neurons of a group sit, and how far apart two groups are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from bimt_bench.ground import InputError, closest, located
from bimt_bench.network import lattices  # noqa: F401  (registers those that ship)
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

_MIDDLE = 0.5
_CHECKED = 64  # places of a group that are looked at to see whether a distance is one
_AT_PLACE = 1e-9


def _geometry(
    name: str, placed: Sequence[str], distance: str | Mapping[str, str] = "l1"
) -> GeometrySpec:
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
            _geometry("line_squared", ("line", "line", "line"), "squared"),
            _geometry("torus", ("torus", "torus", "torus"), "wrapped"),
            _geometry("torus_l2", ("torus", "torus", "torus"), {"kind": "wrapped", "norm": "l2"}),
            _geometry("cube", ("cube", "cube", "cube")),
            _geometry("random", ("random", "random", "random")),
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


def coordinates(placement: PlacementSettings, size: int, *, group: str = "group") -> Coordinates:
    """Positions of `size` neurons, [size, dimension] (arXiv 2305.08746, section 2).

    Raises InputError if they cannot be placed, or if the placement gives no such table of numbers.
    """
    kind: Placement = PLACEMENTS.get_kind(placement.kind)()
    with _named("placement", kind):
        found: Any = kind.coordinates(placement, size, group=group)
    if not _is_table(found) or found.ndim != 2 or len(found) != size or not found.shape[1]:
        raise InputError(
            f"geometry: placement '{kind.name}' gave {_told(found)} for the {size} neurons of "
            f"group '{group}'; must be an array of numbers [{size}, dimension]"
        )
    if not np.isfinite(found).all():
        raise InputError(
            f"geometry: placement '{kind.name}' put neuron "
            f"{int(np.argmin(np.isfinite(found).all(axis=1)))} of group '{group}' at a place that "
            "is not finite"
        )
    return found.astype(np.float64, copy=False)


def group_coordinates(geometry: GeometrySpec, wiring: Wiring) -> dict[str, Coordinates]:
    """Positions of every group of a wiring, name -> [size, dimension].

    All groups have the dimension of the one that has most: the others lie in its middle, at 1/2,
    as a line does in the plane. InputError if a group cannot be placed.
    """
    placements = {"input": geometry.input, "hidden": geometry.hidden, "output": geometry.output}
    found = {
        group.name: coordinates(placements[group.role], group.size, group=group.name)
        for group in wiring.groups
    }
    dimension = max(places.shape[1] for places in found.values())
    return {name: in_dimensions(places, dimension) for name, places in found.items()}


def in_dimensions(places: Coordinates, dimension: int) -> Float[np.ndarray, "size {dimension}"]:
    """The same places in more dimensions, in the middle of those that are added."""
    added = dimension - places.shape[1]
    return np.pad(places, ((0, 0), (0, added)), constant_values=_MIDDLE) if added else places


def distances(
    target: Float[np.ndarray, "target dimension"],
    source: Float[np.ndarray, "source dimension"],
    distance: DistanceSettings,
) -> Float[np.ndarray, "target source"]:
    """In-plane distance between two groups, [target, source].

    InputError unless the distance gives a table of finite numbers, none below 0.
    """
    kind: Distance = DISTANCES.get_kind(distance.kind)()
    with _named("distance", kind):
        found: Any = kind.between(distance, target, source)
    shape = (len(target), len(source))
    if not _is_table(found) or found.shape != shape:
        raise InputError(
            f"geometry: distance '{kind.name}' gave {_told(found)} for {shape[0]} targets and "
            f"{shape[1]} sources; must be an array of numbers {list(shape)}"
        )
    if not (np.isfinite(found).all() and (found >= 0.0).all()):
        worst = found[~(np.isfinite(found) & (found >= 0.0))][0]
        raise InputError(
            f"geometry: distance '{kind.name}' gave {worst:g}; must be finite and at least 0"
        )
    return found


def check(geometry: GeometrySpec, wiring: Wiring) -> None:
    """InputError if a group cannot be placed, or if the distance is none.

    A placement must give the same at every call. A neuron must be at distance 0 from its own place,
    and as far from another as that from it.
    """
    places = group_coordinates(geometry, wiring)
    for group, again in group_coordinates(geometry, wiring).items():
        if not np.array_equal(again, places[group]):
            placement = getattr(geometry, wiring.group(group).role)
            raise InputError(
                f"geometry: placement '{placement.kind}' gave other places for group '{group}' "
                "at a second call; what is drawn must come from a seed"
            )
    name = geometry.distance.kind
    for connection in wiring.connections:
        target, source = (_some(places[end]) for end in (connection.target, connection.source))
        there = distances(target, source, geometry.distance)
        back = distances(source, target, geometry.distance)
        if not np.allclose(there, back.T, rtol=1e-9, atol=1e-12):
            i, j = np.unravel_index(np.argmax(np.abs(there - back.T)), there.shape)
            raise InputError(
                f"geometry: distance '{name}' gave {there[i, j]:g} one way and {back[j, i]:g} "
                "back; must be the same both ways"
            )
        own = np.diagonal(distances(source, source, geometry.distance))
        if own.max(initial=0.0) > _AT_PLACE:
            raise InputError(
                f"geometry: distance '{name}' gave {own.max():g} from a place to itself; must be 0"
            )


@contextmanager
def _named(word: str, kind: Placement | Distance) -> Iterator[None]:
    """What a kind raises becomes a line that names it, but for what it says of its input."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever a stranger's code raises
        raise InputError(f"geometry: {word} '{kind.name}': {located(error, kind)}") from error


def _some(places: Coordinates) -> np.ndarray:
    """At most `_CHECKED` of the places [n, dimension], evenly chosen."""
    return places[:: max(1, -(-len(places) // _CHECKED))]


def _is_table(found: object) -> bool:
    return isinstance(found, np.ndarray) and found.dtype.kind in "fiu"


def _told(found: object) -> str:
    if isinstance(found, np.ndarray):
        return f"an array {list(found.shape)} of {found.dtype}"
    return f"no array but {type(found).__name__}"
