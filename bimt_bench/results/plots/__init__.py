"""Figures fit for a paper: trade-offs, networks, learning curves. Only here is anything drawn.

Figures are made from records (`TradeOff`, `NetworkDrawing`) or the frame, and belong to nobody:
they are not registered with pyplot, so nothing has to be closed.
"""

from bimt_bench.results.plots.curves import curves_figure
from bimt_bench.results.plots.network import network_figure
from bimt_bench.results.plots.study import correlation_figure, effect_figure, reference_figure
from bimt_bench.results.plots.theme import save
from bimt_bench.results.plots.tradeoff import tradeoff_figure

__all__ = [
    "correlation_figure",
    "curves_figure",
    "effect_figure",
    "network_figure",
    "reference_figure",
    "save",
    "tradeoff_figure",
]
