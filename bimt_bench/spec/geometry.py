"""Where neurons sit and how distance is measured, as a specification."""

from typing import Annotated

from bimt_bench.spec.base import Spec, Title, told
from bimt_bench.spec.doors import (
    DISTANCES,
    PLACEMENTS,
    DistanceSettings,
    OneOf,
    PlacementSettings,
    briefly,
    chosen,
)


class GeometrySpec(Spec):
    """Placement of input, hidden and output groups, and how distance is measured."""

    name: Title = told("custom", "short name shown in tables")
    input: Annotated[PlacementSettings, OneOf(PLACEMENTS)] = chosen(PLACEMENTS, "line")
    hidden: Annotated[PlacementSettings, OneOf(PLACEMENTS)] = chosen(PLACEMENTS, "line")
    output: Annotated[PlacementSettings, OneOf(PLACEMENTS)] = chosen(PLACEMENTS, "line")
    distance: Annotated[DistanceSettings, OneOf(DISTANCES)] = chosen(DISTANCES, "l1")

    @property
    def placement(self) -> str:
        """Where neurons sit, in words: one placement for all, or each part with its own."""
        placed = {part: briefly(getattr(self, part)) for part in ("input", "hidden", "output")}
        if len(set(placed.values())) == 1:
            return placed["hidden"]
        return "; ".join(f"{part} {one}" for part, one in placed.items())
