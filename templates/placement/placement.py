"""Template name: places and a distance of one's own. See docs/extending.md."""

import numpy as np
from pydantic import Field

from bimt_bench.network import Distance, Placement
from bimt_bench.spec import DISTANCES, PLACEMENTS, DistanceSettings, PlacementSettings


@PLACEMENTS.register
class TemplateName(Placement):
    """Points on a spiral from the middle outwards, as seeds sit in a sunflower."""

    name = "template_name"  # geometry: {hidden: {kind: template_name}}
    title = "Template name"

    class Settings(PlacementSettings):
        radius: float = Field(default=0.5, gt=0.0, le=0.5, description="of the whole spiral")

    def coordinates(self, settings: Settings, size: int, *, group: str) -> np.ndarray:
        index = np.arange(size) + 0.5
        angle, radius = np.pi * (1.0 + 5.0**0.5) * index, settings.radius * np.sqrt(index / size)
        return 0.5 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


@DISTANCES.register
class TemplateNameDistance(Distance):
    """Straight lines, of which none counts for more than `most`."""

    name = "template_name_distance"  # geometry: {distance: template_name_distance}
    title = "Template name distance"

    class Settings(DistanceSettings):
        most: float = Field(default=0.5, gt=0.0, description="what a wire costs at most")

    def between(self, settings: Settings, target: np.ndarray, source: np.ndarray) -> np.ndarray:
        straight = np.linalg.norm(target[:, None, :] - source[None, :, :], axis=2)
        return np.minimum(straight, settings.most)
