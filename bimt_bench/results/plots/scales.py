"""Scales of the trade-off figure: sizes of markers, looks of recipes and limits of the axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from bimt_bench.results.tradeoff import Direction, Point, Settings, TradeOff
from bimt_bench.results.words import dial_words, number

SMALLEST, LARGEST = 12.0, 54.0  # areas of markers, in points squared


@dataclass(frozen=True)
class Sizes:
    """Marker areas by where the dial stands; in the middle for a recipe without a dial.

    `dials` has the values of each dial in rising order. Sizes follow the logarithm of the values
    above 0, the smallest to the largest of that dial; 0 and below are as small as the smallest.
    """

    dials: Mapping[str, tuple[float, ...]]

    @classmethod
    def of(cls, points: Sequence[Point]) -> "Sizes":
        """The sizes of these points' dials."""
        found: dict[str, set[float]] = {}
        for settings in (p.settings for p in points):
            if settings.dial is not None and settings.dial_value is not None:
                found.setdefault(settings.dial, set()).add(settings.dial_value)
        return cls({dial: tuple(sorted(values)) for dial, values in found.items()})

    def __call__(self, settings: Settings) -> float:
        """The area of a configuration's marker."""
        return self.at(settings.dial, settings.dial_value)

    def at(self, dial: str | None, value: float | None) -> float:
        """The area of a marker where a dial has this value."""
        values = self.dials.get(dial, ()) if dial is not None else ()
        positive = [v for v in values if v > 0.0]
        if value is None or len(values) < 2:
            return (SMALLEST + LARGEST) / 2
        if value <= 0.0:
            return SMALLEST
        low, high = np.log(positive[0]), np.log(positive[-1])
        share = (np.log(value) - low) / (high - low) if high > low else 1.0
        return SMALLEST + float(share) * (LARGEST - SMALLEST)

    def shown(self) -> list[tuple[str, float | None]]:
        """For the legend: what to say, and the area; lowest, middle and highest of the only dial.

        Of several dials the two ends, and then, without a marker, the range of each.
        """
        if len(self.dials) > 1:
            ranges = [_range(dial, values) for dial, values in self.dials.items()]
            ends = [("dial at its lowest", SMALLEST), ("dial at its highest", LARGEST)]
            return [*ends, *((words, None) for words in ranges)]
        return [
            (dial_words(dial, value), self.at(dial, value))
            for dial, values in self.dials.items()
            for value in sorted({values[i] for i in (0, len(values) // 2, -1)})
        ]


def _range(dial: str, values: Sequence[float]) -> str:
    """'kept 0.02 to 1' of values in rising order."""
    first = dial_words(dial, values[0])
    return first if len(values) == 1 else f"{first} to {number(values[-1])}"


@dataclass(frozen=True)
class Looks:
    """How each recipe is drawn."""

    colours: Mapping[str, str]
    markers: Mapping[str, str]
    sizes: Sizes


@dataclass(frozen=True)
class Frame:
    """Limits of both axes, and how many members lie beyond them."""

    x: tuple[float, float]
    y: tuple[float, float]
    beyond: int

    @classmethod
    def around(cls, tradeoff: TradeOff) -> "Frame":
        """Limits that hold all members, but not what is worse than the reference point."""
        points = tradeoff.points
        xs, ys = ([v for p in points for v in getattr(p, axis)] for axis in ("xs", "ys"))
        x = _limits(xs, tradeoff.x_direction, tradeoff.reference.modularity)
        y = _limits(ys, tradeoff.y_direction, tradeoff.reference.performance)
        inside = [x[0] <= a <= x[1] and y[0] <= b <= y[1] for a, b in zip(xs, ys, strict=True)]
        return cls(x, y, inside.count(False))

    def apply(self, axes: Axes) -> None:
        """Sets the limits of the axes."""
        axes.set_xlim(*self.x)
        axes.set_ylim(*self.y)

    @property
    def scale(self) -> np.ndarray:
        """Lengths of the axes [2]."""
        return np.array([self.x[1] - self.x[0], self.y[1] - self.y[0]])


def _limits(values: list[float], direction: Direction, reference: float) -> tuple[float, float]:
    """Smallest interval with a margin that holds the values not worse than the reference."""
    if not values:
        return (
            (reference, reference + 1.0) if direction == "higher" else (reference - 1.0, reference)
        )
    low, high = min(values), max(values)
    if direction == "higher" and high > reference:
        low = max(low, reference)
    if direction == "lower" and low < reference:
        high = min(high, reference)
    # Even where all values agree the axis needs a length.
    margin = 0.06 * (high - low) or 0.05 * max(abs(high), 1e-3)
    return low - margin, high + margin
