"""The four figures of docs/method-of-comparison.md, from simulations with a known truth.

Run: python -m benchmarks.comparison_figures
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from benchmarks.coverage import planes
from bimt_bench.results.statistics import (
    corner_range,
    half_split,
    ranks_over_corners,
    raw_volume,
    smoothed,
    t_interval,
)

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
SIZE = (6.4, 2.9)
GREY, BLUE, ORANGE = "#6b6b6b", "#0072B2", "#D55E00"


def front() -> plt.Figure:
    """What a front and its volume are, and which configurations do not count."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    points = np.array([[0.25, 0.97], [0.5, 0.9], [0.72, 0.7], [0.4, 0.72], [0.62, 0.5]])
    kept = points[:3]
    stairs_x, stairs_y = [0.0], [kept[0, 1]]
    for x, y in kept:
        stairs_x += [stairs_x[-1], x]
        stairs_y += [y, y]
    axes.fill_between([*stairs_x, kept[-1, 0]], [*stairs_y, 0], color=BLUE, alpha=0.15, lw=0)
    axes.plot([*stairs_x, kept[-1, 0]], [*stairs_y, 0.0], color=BLUE, lw=1.0, ls="--")
    axes.scatter(*kept.T, color=BLUE, zorder=3, label="on the front")
    axes.scatter(*points[3:].T, color=GREY, zorder=3, label="another is better in both")
    axes.plot(0, 0, marker="+", color="black", ms=11, clip_on=False, label="reference corner")
    axes.text(0.2, 0.35, f"volume {raw_volume(*points.T):.2f}", color=BLUE)
    axes.set(xlabel="modularity  (better →)", ylabel="performance  (better →)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def volumes() -> plt.Figure:
    """The three volumes of nine equal configurations, and of one, over many repeats."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    generator, rows = np.random.default_rng(0), []
    for count in (1, 9):
        means = (np.full(count, 0.67), np.full(count, 0.67))
        x, y = planes(means, 5, 600, generator)
        raw = raw_volume(x.mean(axis=-1), y.mean(axis=-1))
        for name, values in (
            ("raw", raw),
            ("H", half_split(x, y).value),
            ("M", smoothed(x, y).value),
        ):
            rows += [(f"{count} configuration{'s' * (count > 1)}", name, v) for v in values]
    kinds, names, values = zip(*rows, strict=True)
    sns.violinplot(
        x=list(names), y=list(values), hue=list(kinds), ax=axes, inner="quart", linewidth=0.8,
        palette=[GREY, BLUE], cut=0,
    )  # fmt: skip
    axes.axhline(0.67**2, color=ORANGE, lw=1.2)
    axes.text(2.52, 0.67**2, "truth", color=ORANGE, va="center")
    axes.set(ylabel="volume", xlabel="")
    axes.legend(loc="upper right", frameon=False)
    return figure


def intervals() -> plt.Figure:
    """Twenty sweeps of five seeds: the t intervals of a mean, and those of a bootstrap."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    generator = np.random.default_rng(4)
    draws = 0.9 + 0.05 * generator.standard_normal((20, 5))
    mean, low, high = t_interval(draws)
    places = generator.integers(0, 5, (2000, 5))
    resampled = draws[:, places].mean(axis=-1)
    ends = np.percentile(resampled, [2.5, 97.5], axis=-1)
    for shift, (a, b), colour, label in (
        (-0.15, (low, high), BLUE, "Student's t"),
        (0.15, ends, ORANGE, "percentile bootstrap"),
    ):
        missed = ~((a <= 0.9) & (b >= 0.9))
        at = np.arange(20) + shift
        axes.vlines(at, a, b, color=colour, lw=1.6, label=label)
        axes.scatter(at[missed], np.full(missed.sum(), 0.795), color=colour, marker="x", s=22)
    axes.scatter(np.arange(20), mean, color="black", s=7, zorder=3)
    axes.axhline(0.9, color=GREY, lw=0.9)
    axes.set(xlabel="twenty repeats of one sweep; × : the truth is missed", ylabel="performance")
    axes.set_xticks([])
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def corners() -> plt.Figure:
    """Where each of two recipes comes first, over the reference corners."""
    figure, (left, right) = plt.subplots(1, 2, figsize=SIZE, layout="constrained")
    wide = (np.array([0.55, 0.95]), np.array([0.82, 0.6]))
    tall = (np.array([0.35, 0.6]), np.array([0.97, 0.9]))
    recipes = {}
    generator = np.random.default_rng(1)
    for name, (x, y) in (("A", wide), ("B", tall)):
        noise = 0.005 * generator.standard_normal((2, 2, 5))
        recipes[name] = (x[:, None] + noise[0], y[:, None] + noise[1])
    for (name, (x, y)), colour in zip(recipes.items(), (BLUE, ORANGE), strict=True):
        order = np.argsort(x.mean(axis=1))
        left.plot(x.mean(axis=1)[order], y.mean(axis=1)[order], "o-", color=colour, label=name)
    grid = corner_range((0.33, 0.58), (0.0, 0.0))
    found = ranks_over_corners(recipes, grid)
    first = np.array(found["A"].ranks) == 1
    for mask, colour in ((first, BLUE), (~first, ORANGE)):
        right.scatter(*grid[mask].T, color=colour, marker="s", s=90)
    left.set(xlabel="modularity", ylabel="performance", xlim=(0, 1), ylim=(0.4, 1))
    left.legend(frameon=False, loc="lower left")
    right.set(xlabel="corner's modularity", ylabel="corner's performance")
    right.set_title(f"A: {found['A'].standing};  B: {found['B'].standing}", fontsize=8)
    return figure


def main() -> None:
    """Writes all four."""
    plt.rcParams.update({"font.size": 8})
    for name, made in (
        ("front", front),
        ("volumes", volumes),
        ("intervals", intervals),
        ("corners", corners),
    ):
        figure = made()
        for axes in figure.axes:
            _plain(axes)
        figure.savefig(FIGURES / f"comparison-{name}.png", dpi=160, metadata={"Software": None})
        plt.close(figure)


def _plain(axes: Axes) -> None:
    sns.despine(ax=axes)


if __name__ == "__main__":
    main()
