"""A torus with its distance: rows of neurons, every second one shifted, whose edges all meet."""

import numpy as np
from pydantic import Field

from bimt_bench.ground import InputError
from bimt_bench.network import Distance, Placement
from bimt_bench.spec import DISTANCES, PLACEMENTS, DistanceSettings, PlacementSettings


@PLACEMENTS.register
class Honeycomb(Placement):
    """Cell centres of a sheet whose odd rows are shifted by half a cell."""

    name = "honeycomb"
    title = "honeycomb"

    class Settings(PlacementSettings):
        rows: int = Field(default=2, ge=1, description="rows of the sheet")

    def coordinates(self, settings: Settings, size: int, *, group: str) -> np.ndarray:
        if size % settings.rows:
            raise InputError(
                f"geometry: {size} neurons of group '{group}' do not fill rows={settings.rows}"
            )
        columns = size // settings.rows
        row, column = np.divmod(np.arange(size), columns)
        x = (column + 0.25 + 0.5 * (row % 2)) / columns
        return np.stack([x, (row + 0.5) / settings.rows], axis=1)


@DISTANCES.register
class Around(Distance):
    """The straight line on a torus: on each axis the shorter way round counts."""

    name = "around"
    title = "around the torus"

    class Settings(DistanceSettings):
        stretch: float = Field(default=1.0, gt=0.0, description="of the way across rows")

    def between(self, settings: Settings, target: np.ndarray, source: np.ndarray) -> np.ndarray:
        apart = target[:, None, :] - source[None, :, :]
        ways = np.abs(apart - np.round(apart))
        ways[:, :, 1] *= settings.stretch
        return np.sqrt((ways**2).sum(axis=2))
