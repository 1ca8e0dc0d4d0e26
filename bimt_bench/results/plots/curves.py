"""Learning curves: seed means of losses, performance and cost, a band a recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter

from bimt_bench.ground import InputError, closest, printable
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.results import statistics
from bimt_bench.results.columns import plain_cell, setting_columns
from bimt_bench.results.plots import theme
from bimt_bench.results.words import differing, in_order, setting_words, title_with_dial

PANELS = {
    "test_loss": "test loss",
    "performance": "performance",
    "cost": "connection cost",
}
_KEYS = ("member", "step")
_LOGARITHMIC = ("train_loss", "test_loss", "cost", "charged_cost")
_HEIGHT = 2.35  # inches
_WIDEST = 60  # letters of settings in an entry of the legend
_ROW, _ROWS = 0.14, 2  # inches of a row of the legend; rows that the figure has place for


@dataclass(frozen=True, eq=False)
class Curve:
    """One configuration's seed mean of one quantity over the steps, all arrays [steps].

    `low`, `high`: 95 % interval (Student's t) of the mean over seeds; of three seeds or fewer the
    range. Only steps that all of its finished members logged appear.
    """

    recipe: str
    configuration: str
    dial: str | None
    dial_value: float | None
    seeds: int
    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curves_figure(curves: pd.DataFrame, frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Test loss, performance and connection cost against steps, by recipe.

    `curves` has columns member, step and the quantities; `frame` one row a member. Each recipe
    shows in full, with its band, the configuration whose dial is nearest to its
    default (the task's own lambda, where the dial is a strength); its other configurations are
    thin lines. Diverged members are left out, and so is a quantity that nobody logged. Raises
    InputError when columns are missing or no member finished.
    """
    _check(curves, [*_KEYS, *PANELS], "curves")
    finished, joined = _joined(curves, frame)
    with theme.style():
        figure = Figure(figsize=(2 * theme.COLUMN_WIDTH, _HEIGHT), layout="constrained")
        logged = [name for name in PANELS if joined[name].notna().any()] or list(PANELS)[:1]
        panels = np.atleast_1d(figure.subplots(1, len(logged)))
        shown, *_ = [_panel(axes, joined, name) for axes, name in zip(panels, logged, strict=True)]
        theme.head(panels[0], title=title or _task(frame), subtitle=_subtitle(frame, shown))
        _legend(figure, shown, finished)
    return figure


def curves_axes(
    curves: pd.DataFrame,
    frame: pd.DataFrame,
    y: str,
    ax: Axes | None = None,
    *,
    title: str = "",
    legend: bool = True,
) -> Axes:
    """One quantity against steps as `curves_figure` draws it, on `ax` or on a new figure.

    `y` is a column of `curves`. A new figure, which notebooks show, has words about seeds above
    and the legend below; on `ax` the legend lies within. InputError as `curves_figure`, and for a
    quantity that nobody logged.
    """
    _check(curves, [*_KEYS, y], "curves")
    if y in _KEYS or not pd.api.types.is_numeric_dtype(curves[y]):
        raise InputError(f"y: '{y}' is no quantity; curves have {', '.join(_quantities(curves))}")
    finished, joined = _joined(curves, frame)
    if joined[y].isna().all():
        raise InputError(f"y: '{y}' was not logged for these members")
    with theme.style():
        if ax is None:
            figure = theme.new_figure((theme.COLUMN_WIDTH, _HEIGHT))
            axes = figure.add_subplot()
            shown = _panel(axes, joined, y)
            theme.head(axes, title=title, subtitle=_subtitle(frame, shown))
            if legend:
                _legend(figure, shown, finished)
            return axes
        shown = _panel(ax, joined, y)
        ax.set_title(printable(title), loc="left", fontsize=8.0, fontweight="bold")
        if legend:
            ax.legend(handles=_handles(shown, finished), loc="best")
    return ax


def _joined(curves: pd.DataFrame, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The members that finished, and their curves with what they are; InputError if none has."""
    columns = ["member", "configuration", "recipe", "dial", "dial_value", "seed"]
    _check(frame, [*columns, "status"], "frame")
    finished = frame[frame["status"] == "ok"].drop_duplicates("member")
    joined = curves.merge(finished[columns], on="member", how="inner")
    if joined.empty:
        raise InputError("curves: no member of the frame finished and has a curve")
    return finished, joined


def _quantities(curves: pd.DataFrame) -> list[str]:
    return [str(name) for name in curves.select_dtypes("number") if name not in _KEYS]


def seed_means(joined: pd.DataFrame, quantity: str) -> list[Curve]:
    """One curve a configuration, from rows of its members' identity, seed, step and the quantity.

    NaN at a step (not logged) drops the step.
    """
    found = []
    for _, rows in joined.groupby("configuration"):
        steps, values = _by_seed(rows, quantity)
        mean, low, high = statistics.t_interval(values.T)
        if len(values) <= theme.FEW_SEEDS and values.size:
            low, high = values.min(axis=0), values.max(axis=0)
        first = rows.iloc[0]
        found.append(
            Curve(
                recipe=str(first["recipe"]),
                configuration=str(first["configuration"]),
                dial=plain_cell(first["dial"]),
                dial_value=plain_cell(first["dial_value"]),
                seeds=len(values),
                steps=steps,
                mean=mean,
                low=np.asarray(low),
                high=np.asarray(high),
            )
        )
    return found


def _by_seed(rows: pd.DataFrame, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """The steps at which every seed has the quantity, ascending, and its values [seed, step]."""
    seeds, seed = np.unique(rows["seed"].to_numpy(), return_inverse=True)
    steps, step = np.unique(rows["step"].to_numpy(float), return_inverse=True)
    values = np.full((len(seeds), len(steps)), np.nan)
    values[seed, step] = rows[quantity].to_numpy(float)
    whole = ~np.isnan(values).any(axis=0)
    return steps[whole], values[:, whole]


class _PlainLog(LogFormatter):
    """Labels of a logarithmic axis as plain numbers: 0.1, not 1e-01."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def _panel(axes: Axes, joined: pd.DataFrame, quantity: str) -> list[Curve]:
    """Draw one quantity; return the curves shown in full, one a recipe."""
    curves = seed_means(joined, quantity)
    colours = theme.colours(c.recipe for c in curves)
    shown = _representatives(curves)
    for curve in curves:
        if curve not in shown:
            axes.plot(
                curve.steps, curve.mean, color=colours[curve.recipe], linewidth=0.5, alpha=0.35
            )
    for curve in shown:
        colour = colours[curve.recipe]
        axes.fill_between(
            curve.steps, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0, zorder=3
        )
        axes.plot(curve.steps, curve.mean, color=colour, linewidth=1.2, zorder=4)
    if quantity in _LOGARITHMIC and all(np.all(c.mean > 0) for c in curves):
        axes.set_yscale("log")
        for axis_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            axis_formatter(_PlainLog(labelOnlyBase=False, minor_thresholds=(1.2, 0.5)))
    if quantity == "performance" and axes.get_ylim()[1] > 0.0:
        # An untrained network may be far below 0 in R^2; that part of the curve tells nothing.
        axes.set_ylim(bottom=max(axes.get_ylim()[0], -0.2))
    axes.set_xlabel("step")
    axes.set_ylabel(PANELS.get(quantity, quantity.replace("_", " ")))
    axes.ticklabel_format(axis="x", style="plain")
    axes.margins(x=0.02)
    sns.despine(ax=axes)
    return shown


def _representatives(curves: Sequence[Curve]) -> list[Curve]:
    """Of each recipe the curve whose dial is nearest to its default, in legend order."""
    recipes = in_order(c.recipe for c in curves)
    return [_representative([c for c in curves if c.recipe == recipe]) for recipe in recipes]


def _representative(curves: Sequence[Curve]) -> Curve:
    """The curve nearest to the dial's default, in ratio; the middle one where there is none."""
    ordered = sorted(curves, key=lambda c: -np.inf if c.dial_value is None else c.dial_value)
    recipe, dial = curves[0].recipe, curves[0].dial
    usual = settings_for(RECIPES[recipe])[dial].default if dial and recipe in RECIPES else None
    if not isinstance(usual, int | float) or usual <= 0:
        return ordered[len(ordered) // 2]

    def distance(curve: Curve) -> float:
        value = curve.dial_value
        return abs(np.log(value / usual)) if value is not None and value > 0 else np.inf

    return min(ordered, key=distance)


def _others(curve: Curve, frame: pd.DataFrame) -> str:
    """What else the configuration of a curve sets, where its recipe's differ in more than a dial.

    A long list stops after the words that fit a legend.
    """
    rows = frame[frame["recipe"] == curve.recipe].drop_duplicates("configuration")
    columns = setting_columns(frame)
    values = {
        str(row["configuration"]): {name: plain_cell(row[name]) for name in columns}
        for _, row in rows.iterrows()
    }
    names = differing(list(values.values()), curve.dial)
    return shorten(setting_words(values[curve.configuration], names), _WIDEST, placeholder=" …")


def _handles(shown: Sequence[Curve], frame: pd.DataFrame) -> list[Line2D]:
    """What a legend says of the curves shown in full."""
    colours = theme.colours(c.recipe for c in shown)
    return [
        Line2D(
            [],
            [],
            color=colours[c.recipe],
            linewidth=1.4,
            label=title_with_dial(c.recipe, c.dial, c.dial_value, others=_others(c, frame)),
        )
        for c in shown
    ]


def _legend(figure: Figure, shown: Sequence[Curve], frame: pd.DataFrame) -> None:
    """One entry a curve shown in full, in as many columns as fit the figure."""
    handles = _handles(shown, frame)
    height = figure.get_figheight()
    for columns in range(min(len(handles), 5), 0, -1):
        legend = figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=columns,
            handlelength=1.6,
            columnspacing=1.6,
        )
        if legend.get_window_extent().width <= figure.bbox.width or columns == 1:
            rows = -(-len(handles) // columns)
            figure.set_figheight(height + _ROW * max(0, rows - _ROWS))
            return
        legend.remove()


def _task(frame: pd.DataFrame) -> str:
    return str(frame["task"].iloc[0]) if "task" in frame else "learning curves"


def _subtitle(frame: pd.DataFrame, shown: Sequence[Curve]) -> str:
    seeds = sorted({c.seeds for c in shown})
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    band = "range" if seeds[-1] <= theme.FEW_SEEDS else "95 % interval"
    words = "one seed" if seeds == [1] else f"means of {count} seeds, bands: {band}"
    diverged = int((frame["status"] == "diverged").sum())
    if "shortened" in frame and bool(frame["shortened"].iloc[0]):
        words += f" · shortened to {int(frame['steps'].iloc[0]):,} steps"
    return words + (f" · {diverged} of {len(frame)} members diverged" if diverged else "")


def _check(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    for column in columns:
        if column not in frame.columns:
            raise InputError(
                f"{name}: has no column '{column}'{closest(column, map(str, frame.columns))}"
            )
