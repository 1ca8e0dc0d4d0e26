"""Figures fit for a paper: trade-offs, networks, learning curves. Only here is anything drawn.

Figures are made from records (`TradeOff`, `NetworkDrawing`) or the frame. Those that
`..._figure` returns belong to nobody: they are not registered with pyplot, so nothing has to be
closed. `..._axes` draws on the axes that it is given, or on a new figure of pyplot's.
"""

from matplotlib.axes import Axes

from bimt_bench.results.plots.curves import curves_axes, curves_figure
from bimt_bench.results.plots.network import network_axes, network_figure, network_size
from bimt_bench.results.plots.study import correlation_figure, effect_figure, reference_figure
from bimt_bench.results.plots.theme import FORMATS, save
from bimt_bench.results.plots.tradeoff import tradeoff_axes, tradeoff_figure

__all__ = [
    "FORMATS",
    "Axes",
    "correlation_figure",
    "curves_axes",
    "curves_figure",
    "effect_figure",
    "network_axes",
    "network_figure",
    "network_size",
    "reference_figure",
    "save",
    "tradeoff_axes",
    "tradeoff_figure",
]
