"""Metrics: how well a trained member performs and how modular it is, one module per family."""

from bimt_bench.metrics.base import Metric, Scored
from bimt_bench.metrics.directions import direction
from bimt_bench.metrics.omissions import omissions, omissions_line
from bimt_bench.metrics.registry import METRICS, metric
from bimt_bench.metrics.scorecard import scorecards

__all__ = [
    "METRICS",
    "Metric",
    "Scored",
    "direction",
    "metric",
    "omissions",
    "omissions_line",
    "scorecards",
]
