"""Where neurons sit and how distance is measured, as a specification."""

from typing import Literal, Self

from pydantic import Field, model_validator

from bimt_bench.spec.base import Positive, Spec, told


class Placement(Spec):
    """Where the neurons of one group sit in the unit square.

    line: n cell centres (k + 1/2) / n at height 1/2. grid: row-major cell centres, x fastest;
    square unless `rows` says otherwise. ring: n points at angles 2 pi (k + 1/2) / n round the
    centre, at distance `radius`. Source: arXiv 2305.08746, sections 2 and 3.5.
    """

    kind: Literal["line", "grid", "ring"]
    rows: Positive | None = Field(default=None, description="rows of a grid; square if absent")
    radius: float = Field(default=0.25, gt=0.0, le=0.5, description="radius of a ring")

    @model_validator(mode="after")
    def _rows_belong_to_grids(self) -> Self:
        if self.rows is not None and self.kind != "grid":
            raise ValueError(f"rows belongs to kind 'grid', not to kind '{self.kind}'")
        return self


class GeometrySpec(Spec):
    """Placement of input, hidden and output groups, and how distance is measured."""

    name: str = told("custom", "short name shown in tables")
    input: Placement = Placement(kind="line")
    hidden: Placement = Placement(kind="line")
    output: Placement = Placement(kind="line")
    distance: Literal["l1", "l2"] = "l1"
