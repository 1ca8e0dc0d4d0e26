"""Where the neurons of a network stand on its drawing, and lines between them as SVG paths.

A path holds letters and numbers of ours alone. Inputs are at the bottom, outputs on top, as the
drawings of results have them; groups that fill a plane are seen aslant.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bimt_bench.results import NetworkDrawing, Plane

Other = TypeVar("Other")

WIDTH = 640
CROWD = 64
"""Groups of more neurons than this have smaller ones."""
_MARGIN = 30
_GAP, _PLANE_GAP = 112.0, 150.0
_SLANT = np.array([0.36, 0.2])  # where one unit into a plane goes, in widths of the plane
_BESIDE = 1.12  # groups of one layer, in widths of a group
_BEND = 0.22  # how far a line within a layer leaves the straight one, of its length
_LETTER = 11.5  # the width of a letter of a label
_LONGEST = 14  # letters of a label


@dataclass(frozen=True)
class Label:
    """The name of an input or output, where it stands, and whether it is turned."""

    text: str
    x: int
    y: int
    above: bool
    turned: bool


@dataclass(frozen=True, eq=False)
class Layout:
    """The places of all neurons, by group in the wiring's order: [neurons, 2] in a drawing."""

    places: tuple[np.ndarray, ...]
    levels: tuple[int, ...]
    height: int
    sheets: tuple[str, ...]
    labels: tuple[Label, ...]

    @classmethod
    def of(cls, drawing: NetworkDrawing, groups: Sequence[str]) -> "Layout":
        """That of a network; of a group that is read several times, one of its planes."""
        planes = {plane.group: plane for plane in reversed(drawing.planes)}
        own = [planes[name] for name in groups]
        layers = sorted({plane.layer for plane in own})
        levels = [layers.index(plane.layer) for plane in own]
        paper = _Paper.of(own, levels, flat=drawing.is_flat)
        found = [
            paper.placed(plane, plane.coordinates, level) for plane, level in _both(own, levels)
        ]
        return cls(
            places=tuple(found),
            levels=tuple(levels),
            height=paper.height,
            sheets=() if paper.flat else tuple(paper.sheet(*one) for one in _both(own, levels)),
            labels=tuple(label for plane, at in _both(own, found) for label in _labels(plane, at)),
        )

    def line(self, source: tuple[int, int], target: tuple[int, int]) -> str:
        """The path from a neuron (group, position) to another; bent within a layer or downwards."""
        x, y = self.places[source[0]][source[1]].tolist()
        u, v = self.places[target[0]][target[1]].tolist()
        begin, end = f"M{x:.0f} {y:.0f}", f"{u:.0f} {v:.0f}"
        if self.levels[target[0]] > self.levels[source[0]]:
            return f"{begin}L{end}"
        across, up = (x + u) / 2 + _BEND * (y - v), (y + v) / 2 + _BEND * (u - x)
        return f"{begin}Q{across:.0f} {up:.0f} {end}"

    def dots(self, neurons: Iterable[tuple[int, int]]) -> tuple[str, str]:
        """The paths of neurons (group, position): those of ordinary groups, and of large ones.

        A dot is a line without length; the page gives it round ends.
        """
        found = ["", ""]
        for group, position in neurons:
            x, y = self.places[group][position].tolist()
            found[len(self.places[group]) > CROWD] += f"M{x:.0f} {y:.0f}h0"
        return found[0], found[1]


def _both(planes: Sequence[Plane], others: Sequence[Other]) -> Iterator[tuple[Plane, Other]]:
    return zip(planes, others, strict=True)


@dataclass(frozen=True)
class _Paper:
    """Where points of planes go: breadth is that of a plane's unit square, bottom the lowest's."""

    flat: bool
    places: int
    breadth: float
    bottom: float
    height: int

    @classmethod
    def of(cls, planes: Sequence[Plane], levels: Sequence[int], *, flat: bool) -> "_Paper":
        places = max(plane.places for plane in planes)
        aslant = np.zeros(2) if flat else _SLANT
        breadth = (WIDTH - 2 * _MARGIN) / (1 + _BESIDE * (places - 1) + aslant[0])
        rise = (_GAP if flat else _PLANE_GAP) * max(levels)
        bottom = _MARGIN + _room(planes, "output") + breadth * aslant[1] + rise
        height = int(np.ceil(bottom + _room(planes, "input") + _MARGIN))
        return cls(flat, places, float(breadth), float(bottom), height)

    def placed(self, plane: Plane, points: np.ndarray, level: int) -> np.ndarray:
        """Points [k, 2] of a plane's unit square; groups of one layer stand side by side."""
        beside = _BESIDE * (plane.place + (self.places - plane.places) / 2)
        across, up = points[:, 0] + beside, np.zeros(len(points))
        if not self.flat:
            across, up = across + _SLANT[0] * points[:, 1], _SLANT[1] * points[:, 1]
        base = self.bottom - (_GAP if self.flat else _PLANE_GAP) * level
        return np.stack([_MARGIN + self.breadth * across, base - self.breadth * up], axis=1)

    def sheet(self, plane: Plane, level: int) -> str:
        """The path round a plane."""
        square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        corners = self.placed(plane, square, level)
        return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in corners) + "Z"


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _turned(plane: Plane) -> bool:
    """Whether labels side by side would touch."""
    widest = max(len(_shown(text)) for text in plane.labels) * _LETTER + 6
    return widest * len(plane.labels) > WIDTH - 2 * _MARGIN


def _room(planes: Sequence[Plane], role: str) -> float:
    """The height that the labels of a role take."""
    named = [plane for plane in planes if plane.role == role and plane.labels]
    if not named:
        return 0.0
    longest = max(len(_shown(text)) for plane in named for text in plane.labels)
    return _LETTER * longest if any(map(_turned, named)) else 20.0


def _labels(plane: Plane, places: np.ndarray) -> list[Label]:
    if not plane.labels:
        return []
    turned, above = _turned(plane), plane.role == "output"
    return [
        Label(_shown(text), round(x), round(y + (-14 if above else 30)), above, turned)
        for text, (x, y) in zip(plane.labels, places, strict=True)
    ]
