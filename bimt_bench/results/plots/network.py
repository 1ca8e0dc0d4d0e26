"""The network drawing: neurons in place, wires signed by colour and scaled by weight."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from bimt_bench.ground import fitting, printable
from bimt_bench.network import Role
from bimt_bench.results.drawing import NetworkDrawing, Plane
from bimt_bench.results.plots import theme

NEURON = "#222222"
CROWD = "#7d7d7d"
IDLE = "#cfcfcf"
MANY = 200
"""Groups of more neurons than this are drawn lighter, so that they do not hide their wires."""
_THICKEST = 2.2  # points
_CROWDED = 300  # wires of a connection that can still be told apart at full width
_POINTS = 16  # of a bent wire
_LOOP = 0.02  # radius of a neuron's wire onto itself
_SLANT = np.array([0.42, 0.26])  # where one unit into a 2-D plane goes on paper
_LABEL_POINTS = 6.5
# letters of a line across a column: of labels side by side, of a title on axes, of the key
_LETTERS, _TITLE_LETTERS, _KEY_LETTERS = 70, 46, 84
_LONGEST_LABEL = 60  # characters


def network_figure(drawing: NetworkDrawing, *, title: str) -> Figure:
    """One member, inputs at the bottom and outputs on top.

    Blue wires are positive, red ones negative; width and opacity follow |weight| relative to the
    connection's largest. Neurons that no drawn wire touches are pale. Labels are names of inputs
    and outputs at the positions where relocation put them. Groups on lines become rows; if any
    group fills a plane, all are shown as planes in an oblique projection. Groups of one layer stand
    side by side. Wires within a layer, back down or past a layer are bent.
    """
    with theme.style():
        figure = Figure(figsize=network_size(drawing), layout="constrained")
        _fill(figure, drawing, title)
    return figure


def network_axes(drawing: NetworkDrawing, ax: Axes | None = None, *, title: str = "") -> Axes:
    """One member as `network_figure` draws it, on `ax` or on a new figure that notebooks show.

    On `ax`, the words are broken and neurons sized for the width that it has now. InputError for
    what is no axes.
    """
    with theme.style():
        if ax is None:
            return _fill(theme.new_figure(network_size(drawing)), drawing, title)
        axes = theme.panel(ax, size=network_size(drawing))
        share = axes.get_window_extent().width / axes.figure.dpi / theme.COLUMN_WIDTH
        _draw(axes, drawing, share)
        above, below = (_beyond(drawing, role, share) for role in ("output", "input"))
        head = _broken(printable(title), _TITLE_LETTERS * share)
        axes.set_title(head, loc="left", fontsize=7.5, fontweight="bold", pad=above)
        axes.annotate(
            _broken(_key(drawing), _KEY_LETTERS * share),
            (0.5, 0.0),
            xycoords="axes fraction",
            xytext=(0.0, -below),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=5.5,
            color=theme.QUIET,
            linespacing=1.3,
        )
    return axes


def network_size(drawing: NetworkDrawing) -> tuple[float, float]:
    """Width and height in inches that suit a drawing."""
    return theme.COLUMN_WIDTH, _Projection.of(drawing).height


def _fill(figure: Figure, drawing: NetworkDrawing, title: str) -> Axes:
    """A member on the whole of an empty figure, with a title above and a key below."""
    axes = figure.add_subplot()
    _draw(axes, drawing)
    figure.suptitle(printable(title), x=0.02, ha="left", fontweight="bold")
    figure.supxlabel(_key(drawing), fontsize=5.5, color=theme.QUIET, linespacing=1.3)
    return axes


def _draw(axes: Axes, drawing: NetworkDrawing, share: float = 1.0) -> None:
    """Planes, wires, neurons and labels; the axes lose their frame.

    `share`: how wide the axes are, in columns of a paper.
    """
    projection = _Projection.of(drawing, share=share)
    axes.axis("off")
    places = [projection(plane) for plane in drawing.planes]
    if not projection.flat:
        _outlines(axes, drawing, projection)
    _draw_wires(axes, drawing, places, projection)
    _draw_neurons(axes, drawing, places, projection)
    _draw_labels(axes, drawing, places, projection)
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.03)


def _beyond(drawing: NetworkDrawing, role: Role, share: float) -> float:
    """How far the labels of a role reach beyond the axes, in points."""
    labelled = [plane for plane in drawing.planes if plane.role == role and plane.labels]
    turned = [p for p in labelled if drawing.is_flat and _crowded(p, _LETTERS * share)]
    letters = max((len(label) for plane in turned for label in plane.labels), default=0)
    return 6.0 + (_LABEL_POINTS if labelled else 0.0) + 0.5 * _LABEL_POINTS * letters


def _broken(text: str, letters: float) -> str:
    """A text whose lines are broken where they have more than so many letters."""
    lines = [wrap(line, max(12, int(letters))) or [""] for line in text.split("\n")]
    return "\n".join(part for parts in lines for part in parts)


@dataclass(frozen=True)
class _Projection:
    """Where points of planes go on paper, in units of the width of a plane.

    `share`: how wide the paper is, in columns. `height`: of a paper one column wide, in inches.
    """

    flat: bool
    gap: float
    height: float
    levels: Mapping[int, int]
    share: float

    @classmethod
    def of(cls, drawing: NetworkDrawing, *, share: float = 1.0) -> "_Projection":
        found = sorted({plane.layer for plane in drawing.planes})
        levels = {layer: level for level, layer in enumerate(found)}
        layers, wide = len(found), max(plane.places for plane in drawing.planes)
        if drawing.is_flat:
            gap = (0.34 if layers <= 4 else 0.26) * wide
            height = 0.85 + 3.2 * gap * max(layers - 1, 1) / wide
            return cls(True, gap, height, levels, share)
        height = 0.75 + 2.25 * (0.42 * max(layers - 1, 1) + 0.26) / wide
        return cls(False, 0.42, height, levels, share)

    def __call__(self, plane: Plane) -> np.ndarray:
        """Places [n, 2] on paper."""
        return self.place(plane, plane.coordinates)

    def place(self, plane: Plane, points: np.ndarray) -> np.ndarray:
        """Where points [k, 2] of the plane's unit square go on paper."""
        if self.flat:
            base = np.stack([points[:, 0], np.zeros(len(points))], axis=-1)
        else:
            base = points[:, :1] * np.array([1.0, 0.0]) + points[:, 1:] * _SLANT
        return base + self.offset(plane)

    def offset(self, plane: Plane) -> np.ndarray:
        """A layer's height; folds of a group stand a little apart, no neuron above another.

        Groups of one layer stand side by side.
        """
        middle = plane.fold - (plane.folds - 1) / 2
        cell = 1.0 / max(len(plane.coordinates), 1)
        apart = middle * np.array([0.3 * cell, -0.16 * self.gap])
        beside = 1.15 * (plane.place - (plane.places - 1) / 2)
        return apart + np.array([beside, self.level(plane) * self.gap])

    def level(self, plane: Plane) -> int:
        """How many layers lie below the plane's."""
        return self.levels[plane.layer]

    def bend(self, source: Plane, target: Plane) -> float:
        """How far wires leave the straight line, as a share of their length; 0 to the next layer.

        Those within a layer would lie on each other, those back down on those up, and those past a
        layer on its neurons.
        """
        rise = self.level(target) - self.level(source)
        return 0.0 if rise == 1 else 0.35 if rise == 0 else 0.18


def _outlines(axes: Axes, drawing: NetworkDrawing, projection: _Projection) -> None:
    """The edge of every plane, as a quiet sheet under its neurons."""
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    sheets = [projection.place(plane, square) for plane in drawing.planes]
    axes.add_collection(
        PolyCollection(sheets, facecolor="#f6f6f6", edgecolor="#dcdcdc", linewidth=0.5, zorder=0)
    )


def _draw_wires(
    axes: Axes, drawing: NetworkDrawing, places: list[np.ndarray], projection: _Projection
) -> None:
    """All wires of a connection in one collection; the weakest are drawn first."""
    blue, red = to_rgb(theme.POSITIVE), to_rgb(theme.NEGATIVE)
    for wires in drawing.wires:
        if not len(wires.weights):
            continue
        starts = places[wires.source_plane][wires.sources]
        ends = places[wires.target_plane][wires.targets]
        colours = np.empty((len(wires.weights), 4))
        colours[:, :3] = np.where(wires.weights[:, None] > 0, blue, red)
        # thousands of wires would cover each other: draw them finer, so that bundles show
        crowd = float(np.clip((_CROWDED / len(wires.weights)) ** 0.5, 0.3, 1.0))
        colours[:, 3] = np.clip(wires.widths * crowd, 0.03, 0.95)
        bend = projection.bend(
            drawing.planes[wires.source_plane], drawing.planes[wires.target_plane]
        )
        axes.add_collection(
            LineCollection(
                list(_courses(starts, ends, bend)),
                colors=colours,
                linewidths=_THICKEST * crowd * np.clip(wires.widths, 0.08, 1.0),
                capstyle="round",
                zorder=1 + 0.1 * drawing.planes[wires.source_plane].layer,
            )
        )


def _courses(starts: np.ndarray, ends: np.ndarray, bend: float) -> np.ndarray:
    """The points [wire, point, 2] that wires run through: straight, or bent to the left.

    A neuron's wire onto itself is a loop above it.
    """
    if bend == 0.0:
        return np.stack([starts, ends], axis=1)
    at = np.linspace(0.0, 1.0, _POINTS)[None, :, None]
    way = (ends - starts)[:, None, :]
    aside = np.stack([-way[..., 1], way[..., 0]], axis=-1)
    courses = starts[:, None, :] + at * way + 4.0 * bend * at * (1.0 - at) * aside
    onto_itself = (np.abs(way) < 1e-12).all(axis=(1, 2))
    turn = 2.0 * np.pi * at[..., 0]
    loop = _LOOP * np.stack([np.sin(turn), 1.0 - np.cos(turn)], axis=-1)
    courses[onto_itself] += loop
    return courses


def _touched(drawing: NetworkDrawing) -> list[np.ndarray]:
    """Which neurons of each plane a drawn wire touches."""
    touched = [np.zeros(len(plane.coordinates), dtype=bool) for plane in drawing.planes]
    for wires in drawing.wires:
        touched[wires.source_plane][wires.sources] = True
        touched[wires.target_plane][wires.targets] = True
    return touched


def _draw_neurons(
    axes: Axes, drawing: NetworkDrawing, places: list[np.ndarray], projection: _Projection
) -> None:
    live = zip(drawing.planes, places, _touched(drawing), strict=True)
    for plane, place, touched in live:
        size = _neuron_size(len(place), projection)
        order = np.argsort(touched, kind="stable")
        axes.scatter(
            place[order, 0],
            place[order, 1],
            s=size,
            color=np.where(touched[order], CROWD if len(place) > MANY else NEURON, IDLE),
            linewidth=0,
            zorder=3 + 0.1 * plane.layer,
        )


def _neuron_size(count: int, projection: _Projection) -> float:
    """Area of a neuron, in points squared: smaller where many share a row or a plane."""
    across = (count if projection.flat else count**0.5 * 2.5) / projection.share
    return float(np.clip((130.0 / max(across, 1.0)) ** 2 / 4.0, 1.0, 14.0))


def _draw_labels(
    axes: Axes, drawing: NetworkDrawing, places: list[np.ndarray], projection: _Projection
) -> None:
    """Names below inputs and above outputs; names of folds at the left of their rows."""
    halo = [patheffects.withStroke(linewidth=1.6, foreground="white")]
    for plane, place in zip(drawing.planes, places, strict=True):
        if plane.name:
            axes.annotate(
                _mathematical(plane.name),
                place[np.argmin(place[:, 0])],
                xytext=(-6, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=_LABEL_POINTS + 0.5,
                parse_math=True,
            )
        if not plane.labels:
            continue
        below = plane.role == "input"
        turned = projection.flat and _crowded(plane, _LETTERS * projection.share)
        for label, at in zip(plane.labels, place, strict=True):
            axes.annotate(
                _mathematical(label),
                at,
                xytext=(0, -5 if below else 5),
                textcoords="offset points",
                ha="center",
                va="top" if below else "bottom",
                rotation=90 if turned else 0,
                fontsize=_LABEL_POINTS,
                path_effects=halo,
                parse_math=True,
                zorder=9,
            )


def _crowded(plane: Plane, letters: float) -> bool:
    """Whether labels side by side would touch, where so many letters fit a row."""
    longest = min(max(len(label) for label in plane.labels), _LONGEST_LABEL)
    return (longest + 1) * len(plane.labels) > letters


def _mathematical(name: str) -> str:
    """Variables with an index, powers and pi as mathematics writes them; the rest as it is.

    A name that has signs of TeX itself stays as it is, and a long one is cut.
    """
    name = fitting(name, _LONGEST_LABEL)
    if "\\" in name or "$" in name:
        return name.replace("$", r"\$")
    name = re.sub(r"\b([A-Za-z])_?(\d+)\b", r"$\1_{\2}$", name)
    name = re.sub(r"(?:\*\*|\^)(\d+)", r"$^{\1}$", name)
    name = re.sub(r"\bpi\b", r"$\\pi$", name)
    return re.sub(r" ?\* ?", " ", name)


def _key(drawing: NetworkDrawing) -> str:
    """What the colours mean, and which wires are not shown."""
    first = "blue: positive, red: negative; width: |weight| relative to its layer's largest"
    if drawing.drawn < drawing.eligible:
        return (
            f"{first}\nshown: the {drawing.most:,} strongest wires of each layer, "
            f"{drawing.drawn:,} of {drawing.total:,}"
        )
    if drawing.drawn < drawing.total:
        return (
            f"{first}\nshown: {drawing.drawn:,} of {drawing.total:,} wires, those of at least "
            f"{drawing.faintest:.0%} of that"
        )
    return first
