"""Learning curves as plain SVG data: paths and ticks, made of numbers alone."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bimt_bench.leaderboard.entry import CurvePoint, MemberRecord

WIDTH, HEIGHT = 520, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 30
_STEPS = (1.0, 2.0, 5.0, 10.0)
_LOGARITHMIC = 20.0  # the largest over the smallest from which on an axis is logarithmic
_TICKS = 5
_LOSS = "Test loss"

Series = tuple[tuple[float, float], ...]
"""What was measured at steps: (step, value), by step."""


@dataclass(frozen=True)
class Line:
    """The members of one dial value: a path a seed, that of their mean, and a share of colour."""

    dial_value: float | None
    colour: int
    mean: str
    seeds: tuple[str, ...]


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where on the drawing, and what it says."""

    at: int
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing of lines with its axes."""

    title: str
    logarithmic: bool
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def charts(members: Sequence[MemberRecord], performance: str) -> tuple[Chart, ...]:
    """Performance and test loss over training, as the members' curves have them."""
    wanted: list[tuple[str, Callable[[CurvePoint], float | None]]] = [
        (performance, lambda point: point.performance),
        (_LOSS, lambda point: point.test_loss),
    ]
    found = (_chart(title, members, value) for title, value in wanted)
    return tuple(one for one in found if one is not None)


def _chart(
    title: str, members: Sequence[MemberRecord], value: Callable[[CurvePoint], float | None]
) -> Chart | None:
    """None where no member has two points."""
    order = sorted(members, key=lambda one: (one.dial_value or 0.0, one.seed))
    groups = [
        (dial, [found for one in own if len(found := _series(one.curve, value)) > 1])
        for dial, own in groupby(order, key=lambda one: one.dial_value)
    ]
    groups = [(dial, own) for dial, own in groups if own]
    numbers = [y for _, own in groups for one in own for _, y in one]
    if not numbers:
        return None
    steps = [x for _, own in groups for one in own for x, _ in one]
    x = _Axis.of(steps, _LEFT, WIDTH - _RIGHT, logarithmic=False)
    low, high = min(numbers), max(numbers)
    wide = title == _LOSS and low > 0 and high / low > _LOGARITHMIC
    y = _Axis.of(numbers, HEIGHT - _BOTTOM, _TOP, logarithmic=wide)
    lines = tuple(
        Line(
            dial_value=dial,
            colour=round(100 * (k + 1) / len(groups)),
            mean=_path(_mean(own), x, y),
            seeds=tuple(_path(one, x, y) for one in own),
        )
        for k, (dial, own) in enumerate(groups)
    )
    return Chart(title, y.logarithmic, x.ticks(), y.ticks(), lines)


def _series(curve: Iterable[CurvePoint], value: Callable[[CurvePoint], float | None]) -> Series:
    found = ((float(point.step), value(point)) for point in curve)
    return tuple((step, one) for step, one in found if one is not None)


def _mean(own: Sequence[Series]) -> Series:
    """The mean at steps that all have."""
    tables = [dict(one) for one in own]
    shared = [step for step in tables[0] if all(step in one for one in tables)]
    return tuple((step, sum(one[step] for one in tables) / len(tables)) for step in shared)


def _path(series: Series, x: "_Axis", y: "_Axis") -> str:
    points = [f"{x(step):.0f} {y(value):.0f}" for step, value in series]
    return f"M{'L'.join(points)}" if points else ""


@dataclass(frozen=True)
class _Axis:
    """Numbers from low to high, to a drawing from begin to end."""

    low: float
    high: float
    begin: int
    end: int
    logarithmic: bool

    @classmethod
    def of(cls, numbers: Sequence[float], begin: int, end: int, *, logarithmic: bool) -> "_Axis":
        low, high = min(numbers), max(numbers)
        if low == high:
            low, high = low - 0.5, high + 0.5
            logarithmic = logarithmic and low > 0
        return cls(low, high, begin, end, logarithmic)

    def __call__(self, value: float) -> float:
        turn = math.log10 if self.logarithmic else float
        share = (turn(value) - turn(self.low)) / (turn(self.high) - turn(self.low))
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> tuple[Tick, ...]:
        """Round numbers inside the axis."""
        return tuple(Tick(round(self(one)), f"{one:,.10g}") for one in self._round())

    def _round(self) -> list[float]:
        if self.logarithmic:
            powers = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
            return [10.0**one for one in powers]
        rough = (self.high - self.low) / _TICKS
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(one * size for one in _STEPS if one * size >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]
