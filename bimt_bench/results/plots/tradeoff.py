"""The trade-off figure: performance against modularity, a line a recipe, bands and the front."""

from collections.abc import Sequence
from itertools import pairwise
from textwrap import shorten

import numpy as np
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from scipy.spatial import ConvexHull

from bimt_bench.ground import printable
from bimt_bench.results.plots import theme
from bimt_bench.results.plots.scales import Frame, Looks, Sizes
from bimt_bench.results.tradeoff import Direction, Line, Point, TradeOff

INK = "#1a1a1a"
_HEIGHT = 3.7  # inches, with two lines below the title
_LETTERS = 60  # of a line below the title
_ROW = 0.125  # inches of a row of the legend, or of a third line below the title
_SLIMMEST = 0.004  # half width, as a share of the axis, of a band across an interval of no width


def tradeoff_figure(tradeoff: TradeOff, *, title: str, x_label: str, y_label: str) -> Figure:
    """Performance against modularity, one column of a paper wide.

    Each recipe keeps its colour in all figures. Faint dots are members; markers are seed means
    and grow with the dial; a line joins configurations that differ in the dial only, and the band
    is the union of the 95 % intervals along it. Ringed markers and the dashed staircase are the
    non-dominated front of all recipes.
    """
    with theme.style():
        figure = Figure(figsize=(theme.COLUMN_WIDTH, _HEIGHT), layout="constrained")
        _fill(figure, tradeoff, title=title, x_label=x_label, y_label=y_label)
    return figure


def tradeoff_axes(
    tradeoff: TradeOff,
    ax: Axes | None = None,
    *,
    title: str = "",
    x_label: str,
    y_label: str,
    legend: bool = True,
) -> Axes:
    """A trade-off as `tradeoff_figure` draws it, on a new figure that notebooks show or on `ax`.

    On `ax` the legend names the recipes and the front only, and lies within.
    """
    with theme.style():
        if ax is None:
            figure = theme.new_figure((theme.COLUMN_WIDTH, _HEIGHT))
            return _fill(figure, tradeoff, title=title, x_label=x_label, y_label=y_label)
        looks = _draw(ax, tradeoff, Frame.around(tradeoff), x_label=x_label, y_label=y_label)
        ax.set_title(printable(title), loc="left", fontsize=8.0, fontweight="bold")
        if legend:
            marks = _mark_handles(tradeoff)[:1]
            ax.legend(handles=[*_recipe_handles(tradeoff, looks), *marks], loc="best")
    return ax


def _fill(figure: Figure, tradeoff: TradeOff, *, title: str, x_label: str, y_label: str) -> Axes:
    """The whole figure: the panel, words above it and the legend below it."""
    frame = Frame.around(tradeoff)
    subtitle = _subtitle(tradeoff, frame)
    figure.set_figheight(_HEIGHT + _ROW * max(0, subtitle.count("\n") - 1))
    axes = figure.add_subplot()
    looks = _draw(axes, tradeoff, frame, x_label=x_label, y_label=y_label)
    theme.head(axes, title=title, subtitle=subtitle)
    _legend(figure, tradeoff, looks)
    return axes


def _draw(axes: Axes, tradeoff: TradeOff, frame: Frame, *, x_label: str, y_label: str) -> Looks:
    """Bands, members, means and the front on one panel; returns how each recipe looks."""
    recipes = [line.recipe for line in tradeoff.lines]
    looks = Looks(theme.colours(recipes), theme.markers(recipes), Sizes.of(tradeoff.points))
    for line in tradeoff.lines:
        _band(axes, line, frame, looks)
        _members(axes, line, looks)
    for line in tradeoff.lines:
        _means(axes, line, looks)
    _front(axes, tradeoff, looks)
    frame.apply(axes)
    axes.set_xlabel(f"{x_label}  ({_better(tradeoff.x_direction)})")
    axes.set_ylabel(f"{y_label}  ({_better(tradeoff.y_direction)})")
    sns.despine(ax=axes)
    axes.set_axisbelow(True)
    return looks


# --------------------------------------------------------------------------- layers of the figure


def _runs(line: Line) -> list[tuple[Point, ...]]:
    """What the lines of a recipe join: points between which the dial moves, and only the dial."""
    return [run for run in line.series if len(run) > 1]


def _band(axes: Axes, line: Line, frame: Frame, looks: Looks) -> None:
    """Union of the intervals along the line, as one path: no darker overlaps."""
    runs = _runs(line)
    joined = {p.settings.configuration for run in runs for p in run}
    alone = [(p,) for p in line.points if p.settings.configuration not in joined]
    outlines = [o for run in (*runs, *alone) for o in _outlines(run, frame.scale)]
    if not outlines:
        return
    # All outlines turn the same way, and renderers fill by winding number: the path is a union.
    path = Path.make_compound_path(*(Path(o, closed=True) for o in outlines))
    colour = looks.colours[line.recipe]
    axes.add_patch(PathPatch(path, facecolor=colour, alpha=0.17, linewidth=0, zorder=1))


def _outlines(run: Sequence[Point], scale: np.ndarray) -> list[np.ndarray]:
    """Convex outlines [k, 2] of each two neighbours' intervals; none where no interval is shown."""
    shown = [p for p in run if has_band(p)]
    if all(p.x.low == p.x.high and p.y.low == p.y.high for p in shown):
        return []
    ovals = [_oval(p, scale) for p in shown]
    pairs = pairwise(ovals) if len(ovals) > 1 else [(ovals[0],)]
    outlines = []
    for pair in pairs:
        corners = np.concatenate(pair)
        outline = corners[ConvexHull(corners).vertices]
        outlines.append(np.concatenate([outline, outline[:1]]) * scale)
    return outlines


def has_band(point: Point) -> bool:
    """Whether its interval is drawn; of a few seeds the single ones say more."""
    return point.x.has_interval and point.y.has_interval and len(point.seeds) > theme.FEW_SEEDS


def _oval(point: Point, scale: np.ndarray) -> np.ndarray:
    """Four quarters of ellipses about the mean, whose half axes are the interval's; scaled."""
    angle = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    centre = np.array([point.x.mean, point.y.mean])
    down = np.maximum((centre - [point.x.low, point.y.low]) / scale, _SLIMMEST)
    up = np.maximum(([point.x.high, point.y.high] - centre) / scale, _SLIMMEST)
    return centre / scale + direction * np.where(direction < 0.0, down, up)


def _members(axes: Axes, line: Line, looks: Looks) -> None:
    sns.scatterplot(
        x=[v for p in line.points for v in p.xs],
        y=[v for p in line.points for v in p.ys],
        color=looks.colours[line.recipe],
        s=4.0,
        alpha=0.35,
        linewidth=0,
        ax=axes,
        zorder=2,
        legend=False,
    )


def _means(axes: Axes, line: Line, looks: Looks) -> None:
    colour = looks.colours[line.recipe]
    for run in _runs(line):
        x, y = [p.x.mean for p in run], [p.y.mean for p in run]
        axes.plot(x, y, color=colour, linewidth=1.1, zorder=4)
    axes.scatter(
        [p.x.mean for p in line.points],
        [p.y.mean for p in line.points],
        s=[looks.sizes(p.settings) for p in line.points],
        color=colour,
        marker=looks.markers[line.recipe],
        edgecolor="white",
        linewidth=0.5,
        zorder=5,
    )


def _front(axes: Axes, tradeoff: TradeOff, looks: Looks) -> None:
    """The dashed staircase of the front, and a ring round each of its points."""
    front = tradeoff.front
    if not front:
        return
    xs, ys = [p.x.mean for p in front], [p.y.mean for p in front]
    corner = (tradeoff.reference.modularity, tradeoff.reference.performance)
    higher = tradeoff.x_direction == "higher"
    # The stairs end where the reference point's axes begin.
    best_y, best_x = (0, -1) if higher else (-1, 0)
    to_side, to_floor = (corner[0], ys[best_y]), (xs[best_x], corner[1])
    first, last = (to_side, to_floor) if higher else (to_floor, to_side)
    axes.plot(
        [first[0], *xs, last[0]],
        [first[1], *ys, last[1]],
        drawstyle="steps-pre" if higher else "steps-post",
        color=INK,
        linewidth=0.7,
        dashes=(3, 2),
        zorder=3,
    )
    axes.scatter(
        xs,
        ys,
        s=[looks.sizes(p.settings) + 34.0 for p in front],
        facecolor="none",
        edgecolor=INK,
        linewidth=0.8,
        zorder=6,
    )


# --------------------------------------------------------------------------- words


def _better(direction: Direction) -> str:
    return "better →" if direction == "higher" else "← better"


def _subtitle(tradeoff: TradeOff, frame: Frame) -> str:
    seeds = len(tradeoff.seeds)
    banded = any(has_band(p) for p in tradeoff.points)
    shown = "95 % intervals" if banded else "single seeds as dots"
    first = "one seed, so no intervals" if seeds == 1 else f"means of {seeds} seeds, {shown}"
    lost = tradeoff.lost
    first += f" · {lost} of {tradeoff.members} members lost" if lost else " · no member lost"
    if tradeoff.without:
        first += f" · {tradeoff.without} more were not measured"
    second = [f"shortened to {tradeoff.steps:,} steps"] if tradeoff.shortened else []
    if frame.beyond:
        members = "member" if frame.beyond == 1 else "members"
        second.append(f"{frame.beyond} {members} beyond the axes, worse than the reference")
    line = " · ".join(second)
    # The figure is one column wide: what does not fit beside the length has a line of its own.
    below = [line] if 0 < len(line) <= _LETTERS else second
    others = dict.fromkeys(name for found in tradeoff.lines for name in found.others)
    if others:
        names = ", ".join(name.replace("_", " ") for name in others)
        below += [shorten(f"points also differ in {names}", _LETTERS, placeholder=" …")]
    if tradeoff.searched_on:
        below.append(f"searched on {tradeoff.searched_on}")
    return "\n".join([first, *below])


def _legend(figure: Figure, tradeoff: TradeOff, looks: Looks) -> None:
    """Below the axes: recipes, what sizes mean, marks, in three columns or as few as fit.

    Where the legend has more than five rows, the figure grows with it.
    """
    recipes, sizes = _recipe_handles(tradeoff, looks), _size_handles(looks)
    marks = _mark_handles(tradeoff)
    height = figure.get_figheight()
    layouts = ([recipes, sizes, marks], [recipes, sizes + marks], [recipes + sizes + marks])
    for layout in layouts:
        columns = [column for column in layout if column]
        rows = max(len(column) for column in columns)
        blank = Line2D([], [], linestyle="none", label=" ")
        legend = figure.legend(
            handles=[h for c in columns for h in [*c, *[blank] * (rows - len(c))]],
            loc="outside lower center",
            ncols=len(columns),
            handlelength=1.8,
            columnspacing=1.4,
            labelspacing=0.35,
        )
        figure.set_figheight(height + _ROW * max(0, rows - 5))
        if legend.get_window_extent().width <= figure.bbox.width or layout is layouts[-1]:
            return
        legend.remove()


def _recipe_handles(tradeoff: TradeOff, looks: Looks) -> list[Artist]:
    return [
        Line2D(
            [],
            [],
            color=looks.colours[line.recipe],
            marker=looks.markers[line.recipe],
            markersize=5,
            markeredgecolor="white",
            markeredgewidth=0.5,
            linewidth=1.1 if _runs(line) else 0,
            label=line.title,
        )
        for line in tradeoff.lines
    ]


def _size_handles(looks: Looks) -> list[Artist]:
    return [
        Line2D(
            [],
            [],
            color="#9a9a9a",
            marker="" if area is None else "o",
            linestyle="none",
            markeredgecolor="white",
            markersize=(area or 0.0) ** 0.5,
            label=label,
        )
        for label, area in looks.sizes.shown()
    ]


def _mark_handles(tradeoff: TradeOff) -> list[Artist]:
    grey = "#9a9a9a"
    handles: list[Artist] = [
        Line2D(
            [],
            [],
            color=INK,
            linewidth=0.7,
            dashes=(3, 2),
            marker="o",
            markersize=7,
            markerfacecolor="none",
            markeredgewidth=0.8,
            label="not dominated",
        )
    ]
    if len(tradeoff.seeds) > 1:
        dot = {"marker": "o", "markersize": 2.2, "markeredgewidth": 0, "alpha": 0.6}
        handles.append(Line2D([], [], color=grey, linestyle="none", label="one member", **dot))
        if any(has_band(p) for p in tradeoff.points):
            handles.append(Patch(facecolor=grey, alpha=0.25, linewidth=0, label="95 % interval"))
    return handles
