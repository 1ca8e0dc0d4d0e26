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
from bimt_bench.metrics.asked import (  # isort: skip
    ALL,
    USUAL,
    asked_as,
    measured_of,
    metric_names,
    others_line,
    usual,
)
from bimt_bench.metrics.directions import direction  # isort: skip
from bimt_bench.metrics.faults import (  # isort: skip
    FAULTS,
    GAPS,
    NOT_MEASURED,
    fault_lines,
    gap_lines,
    is_unmeasured,
    joined_reasons,
    reason_in,
)
from bimt_bench.metrics.omissions import lacking, omissions, omissions_line  # isort: skip
from bimt_bench.metrics.scorecard import measured, scorecards  # isort: skip
from bimt_bench.metrics.versions import (  # isort: skip
    VERSIONS,
    one_version,
    told_versions,
    versions_column,
    versions_in,
)

__all__ = [
    "ALL",
    "FAULTS",
    "GAPS",
    "METRICS",
    "NOT_MEASURED",
    "USUAL",
    "VERSIONS",
    "AttributionGraph",
    "Metric",
    "Need",
    "PerMember",
    "Questions",
    "Scored",
    "asked_as",
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
    "gap_lines",
    "is_unmeasured",
    "joined_reasons",
    "lacking",
    "lesions",
    "measured",
    "measured_of",
    "metric",
    "metric_names",
    "modularity",
    "omissions",
    "omissions_line",
    "once",
    "one_version",
    "others_line",
    "per_member",
    "performance",
    "ratio",
    "reason_in",
    "recovery",
    "restricted",
    "scorecards",
    "sparsity",
    "structure",
    "told_versions",
    "usual",
    "versions_column",
    "versions_in",
    "wires",
]
