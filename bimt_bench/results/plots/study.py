"""Heatmaps of studies: how metrics correlate, which recipes and made networks they tell apart."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bimt_bench.results.plots import theme
from bimt_bench.results.words import in_order, title_of

_CELL = 0.24  # inches
_MARGIN = 2.4


def correlation_figure(correlations: pd.DataFrame, *, title: str, subtitle: str = "") -> Figure:
    """A square heatmap [metric, metric] of rank correlations between -1 and 1; NaN stays white."""
    return _heatmap(
        correlations, annotated=False, label="Spearman correlation", title=title, subtitle=subtitle
    )


def effect_figure(effects: pd.DataFrame, *, title: str, subtitle: str = "") -> Figure:
    """A heatmap [metric, recipe] of Cliff's delta; positive (blue) is better."""
    named = effects[in_order(effects.columns)].rename(columns=title_of)
    return _heatmap(
        named,
        annotated=True,
        label="Cliff's delta, against the baseline where nothing else is said",
        title=title,
        subtitle=subtitle,
    )


def reference_figure(means: pd.DataFrame, *, title: str, subtitle: str = "") -> Figure:
    """A heatmap [kind of network, task] of a metric's means; without a value it stays white."""
    return _heatmap(means, annotated=True, label="mean", title=title, subtitle=subtitle)


def _heatmap(
    table: pd.DataFrame, *, annotated: bool, label: str, title: str, subtitle: str
) -> Figure:
    rows, columns = table.shape
    width = _CELL * (2.0 if annotated else 1.0)
    with theme.style():
        size = (_MARGIN + 0.8 + width * columns, _MARGIN + _CELL * rows)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        sns.heatmap(
            table,
            ax=axes,
            vmin=-1.0,
            vmax=1.0,
            cmap="RdBu",
            annot=annotated,
            fmt=".2f",
            annot_kws={"fontsize": 5.5},
            linewidths=0.4,
            cbar_kws={"label": label, "shrink": 0.6},
            xticklabels=True,
            yticklabels=True,
        )
        axes.grid(visible=False)
        axes.set_xlabel("")
        axes.set_ylabel("")
        theme.head(axes, title=title, subtitle=subtitle)
    return figure
