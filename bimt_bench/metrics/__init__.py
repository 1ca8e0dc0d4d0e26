"""Metrics: how well a trained member performs and how modular it is, one file a family.

Importing this package registers the metrics that ship.
"""

from bimt_bench.metrics.attribution import AttributionGraph, attributions
from bimt_bench.metrics.base import PerMember, Questions, Scored, once, per_member, ratio
from bimt_bench.metrics.contract import Metric, metric
from bimt_bench.metrics.needs import Need
from bimt_bench.spec import METRICS

# in the order of columns
from bimt_bench.metrics import performance  # isort: skip
from bimt_bench.metrics import wires  # isort: skip
from bimt_bench.metrics import sparsity  # isort: skip
from bimt_bench.metrics import circuits  # isort: skip
from bimt_bench.metrics import class_circuits  # isort: skip
from bimt_bench.metrics import modularity  # isort: skip
from bimt_bench.metrics import clusters  # isort: skip
from bimt_bench.metrics import structure  # isort: skip
from bimt_bench.metrics import recovery  # isort: skip
from bimt_bench.metrics import fourier  # isort: skip
from bimt_bench.metrics import restricted  # isort: skip
from bimt_bench.metrics import functional  # isort: skip
from bimt_bench.metrics import lesions  # isort: skip
from bimt_bench.metrics import excess  # isort: skip
from bimt_bench.metrics import draw_errors  # isort: skip
from bimt_bench.metrics.directions import direction  # isort: skip
from bimt_bench.metrics.faults import FAULTS, fault_lines  # isort: skip
from bimt_bench.metrics.omissions import lacking, omissions, omissions_line  # isort: skip
from bimt_bench.metrics.scorecard import measured, scorecards  # isort: skip

__all__ = [
    "FAULTS",
    "METRICS",
    "AttributionGraph",
    "Metric",
    "Need",
    "PerMember",
    "Questions",
    "Scored",
    "attributions",
    "circuits",
    "class_circuits",
    "clusters",
    "direction",
    "draw_errors",
    "excess",
    "fault_lines",
    "fourier",
    "functional",
    "lacking",
    "lesions",
    "measured",
    "metric",
    "modularity",
    "omissions",
    "omissions_line",
    "once",
    "per_member",
    "performance",
    "ratio",
    "recovery",
    "restricted",
    "scorecards",
    "sparsity",
    "structure",
    "wires",
]
