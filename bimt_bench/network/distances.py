"""How far apart two neurons are within a plane: the distances that ship, and their contract."""

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from bimt_bench.spec import DISTANCES, DistanceSettings

Table = Float[np.ndarray, "target source"]


class Distance:
    """One way of measuring length. Fill in the facts, the settings, and `between`.

    name: what a geometry's `distance:` calls it. title: what tables print. source: where it comes
    from, if it is published.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""

    class Settings(DistanceSettings):
        """No settings."""

    def between(
        self,
        settings: Any,
        target: Float[np.ndarray, "target dimension"],
        source: Float[np.ndarray, "source dimension"],
    ) -> Table:
        """The distance of every target from every source, [target, source]: finite, at least 0.

        A neuron is at distance 0 from its own place, and as far from another as that from it.
        """
        raise NotImplementedError


@DISTANCES.register
class L1(Distance):
    """|dx| + |dy|, as wires run along streets."""

    name = "l1"
    title = "L1"
    source = "arXiv 2305.08746, section 2"

    def between(self, settings: Any, target: np.ndarray, source: np.ndarray) -> Table:
        """Sums of absolute differences."""
        return cdist(target, source, "cityblock")


@DISTANCES.register
class L2(Distance):
    """sqrt(dx^2 + dy^2), as the crow flies."""

    name = "l2"
    title = "L2"

    def between(self, settings: Any, target: np.ndarray, source: np.ndarray) -> Table:
        """Euclidean distances."""
        return cdist(target, source, "euclidean")
