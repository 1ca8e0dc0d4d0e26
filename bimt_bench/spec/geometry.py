"""Where neurons sit and how distance is measured, as a specification."""

from typing import Annotated

from bimt_bench.spec.base import Spec, told
from bimt_bench.spec.doors import (
    DISTANCES,
    PLACEMENTS,
    DistanceSettings,
    OneOf,
    PlacementSettings,
    chosen,
)


class GeometrySpec(Spec):
    """Placement of input, hidden and output groups, and how distance is measured."""

    name: str = told("custom", "short name shown in tables")
    input: Annotated[PlacementSettings, OneOf(PLACEMENTS)] = chosen(PLACEMENTS, "line")
    hidden: Annotated[PlacementSettings, OneOf(PLACEMENTS)] = chosen(PLACEMENTS, "line")
    output: Annotated[PlacementSettings, OneOf(PLACEMENTS)] = chosen(PLACEMENTS, "line")
    distance: Annotated[DistanceSettings, OneOf(DISTANCES)] = chosen(DISTANCES, "l1")
