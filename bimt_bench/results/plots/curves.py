"""Learning curves: seed means of losses, performance and cost, a band a recipe."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter
from scipy import stats

from bimt_bench.errors import InputError, closest
from bimt_bench.results.plots import theme

PANELS = {
    "test_loss": "test loss",
    "performance": "performance",
    "cost": "connection cost",
}
_LOGARITHMIC = ("test_loss", "cost")
_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class Curve:
    """One configuration's seed mean of one quantity over the steps, all arrays [steps].

    `low`, `high`: 95 % bootstrap interval of the mean over seeds. Only steps that all of its
    finished members logged appear.
    """

    recipe: str
    strength: float
    seeds: int
    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curves_figure(curves: pd.DataFrame, frame: pd.DataFrame, *, title: str = "") -> Figure:
    """Test loss, performance and connection cost against steps, by recipe.

    `curves` has columns member, step and the quantities; `frame` one row a member. Each recipe
    shows in full, with its 95 % bootstrap band, the configuration whose penalty is nearest to the
    task's own (strength 1); its other configurations are thin lines. Diverged members are left
    out. Raises InputError when columns are missing or no member finished.
    """
    _check(curves, ["member", "step", *PANELS], "curves")
    _check(frame, ["member", "configuration", "recipe", "strength", "seed", "status"], "frame")
    finished = frame[frame["status"] == "ok"].drop_duplicates("member")
    columns = ["member", "configuration", "recipe", "strength", "seed"]
    joined = curves.merge(finished[columns], on="member", how="inner")
    if joined.empty:
        raise InputError("curves: no member of the frame finished and has a curve")
    with theme.style():
        figure = Figure(figsize=(2 * theme.COLUMN_WIDTH, 2.35), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(PANELS)))
        shown = _panel(panels[0], joined, "test_loss")
        for axes, quantity in zip(panels[1:], list(PANELS)[1:], strict=True):
            _panel(axes, joined, quantity)
        theme.head(panels[0], title=title or _task(frame), subtitle=_subtitle(frame, shown))
        _legend(figure, shown)
    return figure


def seed_means(joined: pd.DataFrame, quantity: str) -> list[Curve]:
    """One curve a configuration from rows of member, configuration, recipe, strength, seed, step.

    The interval is the percentile one over seeds, the same resamples at every step; a single
    seed has an interval of no width. NaN at a step (not logged) drops the step.
    """
    found = []
    for _, rows in joined.sort_values(["configuration", "seed"]).groupby("configuration"):
        wide = rows.pivot(index="seed", columns="step", values=quantity).dropna(axis=1)
        values = wide.to_numpy(float)
        low = high = mean = values.mean(axis=0)
        if len(values) > 1 and values.size:
            low, high = stats.bootstrap(
                (values,),
                np.mean,
                axis=0,
                n_resamples=_RESAMPLES,
                method="percentile",
                rng=np.random.default_rng(0),
            ).confidence_interval
        first = rows.iloc[0]
        found.append(
            Curve(
                recipe=str(first["recipe"]),
                strength=float(first["strength"]),
                seeds=len(values),
                steps=wide.columns.to_numpy(float),
                mean=mean,
                low=np.asarray(low),
                high=np.asarray(high),
            )
        )
    return found


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
    if quantity == "performance":
        # An untrained network may be far below 0 in R^2; that part of the curve tells nothing.
        axes.set_ylim(bottom=max(axes.get_ylim()[0], -0.2))
    axes.set_xlabel("step")
    axes.set_ylabel(PANELS[quantity])
    axes.ticklabel_format(axis="x", style="plain")
    axes.margins(x=0.02)
    sns.despine(ax=axes)
    return shown


def _representatives(curves: Sequence[Curve]) -> list[Curve]:
    """Of each recipe the curve whose strength is nearest to 1 in ratio, in legend order."""

    def distance(curve: Curve) -> float:
        return abs(np.log(curve.strength)) if curve.strength > 0 else np.inf

    recipes = theme.in_order(c.recipe for c in curves)
    return [min((c for c in curves if c.recipe == r), key=distance) for r in recipes]


def _legend(figure: Figure, shown: Sequence[Curve]) -> None:
    colours = theme.colours(c.recipe for c in shown)
    handles = [
        Line2D([], [], color=colours[c.recipe], linewidth=1.4, label=_name(c)) for c in shown
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 5),
        handlelength=1.6,
        columnspacing=1.6,
    )


def _name(curve: Curve) -> str:
    name = theme.title_of(curve.recipe)
    return f"{name}, {theme.penalty(curve.strength)}" if curve.strength > 0 else name


def _task(frame: pd.DataFrame) -> str:
    return str(frame["task"].iloc[0]) if "task" in frame else "learning curves"


def _subtitle(frame: pd.DataFrame, shown: Sequence[Curve]) -> str:
    seeds = sorted({c.seeds for c in shown})
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    words = "one seed" if seeds == [1] else f"means of {count} seeds, 95 % bands"
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
