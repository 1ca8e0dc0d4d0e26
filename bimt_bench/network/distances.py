"""How far apart two neurons are within a plane: the distances that ship, and their contract."""

from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field
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


@DISTANCES.register
class Squared(Distance):
    """dx^2 + dy^2: one long wire costs more than two of half its length."""

    name = "squared"
    title = "squared L2"

    def between(self, settings: Any, target: np.ndarray, source: np.ndarray) -> Table:
        """Squares of Euclidean distances."""
        return cdist(target, source, "sqeuclidean")


@DISTANCES.register
class Wrapped(Distance):
    """The shorter way round on each axis, whose ends meet at 0 and 1: a torus."""

    name = "wrapped"
    title = "wrapped"

    class Settings(DistanceSettings):
        """How the ways along the axes are added up."""

        norm: Literal["l1", "l2"] = Field(
            default="l1", description="l1: their sum; l2: the root of the sum of their squares"
        )

    def between(self, settings: Settings, target: np.ndarray, source: np.ndarray) -> Table:
        """Norms of the shorter ways, at most 1/2 on each axis."""
        apart = target[:, None, :] - source[None, :, :]
        ways = np.abs(apart - np.round(apart))
        return ways.sum(axis=2) if settings.norm == "l1" else np.sqrt((ways**2).sum(axis=2))
