"""The closed registry of metrics: one list a family, looked up by name."""

from collections.abc import Mapping
from types import MappingProxyType

from bimt_bench.ground import InputError, closest
from bimt_bench.metrics import (
    circuits,
    class_circuits,
    clusters,
    fourier,
    functional,
    lesions,
    modularity,
    performance,
    recovery,
    restricted,
    sparsity,
    structure,
    wires,
)
from bimt_bench.metrics.base import Metric

_FAMILIES = (
    performance.FAMILY,
    wires.FAMILY,
    sparsity.FAMILY,
    circuits.FAMILY,
    class_circuits.FAMILY,
    modularity.FAMILY,
    clusters.FAMILY,
    structure.FAMILY,
    recovery.FAMILY,
    fourier.FAMILY,
    restricted.FAMILY,
    functional.FAMILY,
    lesions.FAMILY,
)

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for family in _FAMILIES for metric in family}
)


def metric(name: str) -> Metric:
    """The metric of that name; InputError with the closest name if there is none."""
    if name not in METRICS:
        allowed = ", ".join(METRICS)
        raise InputError(f"metric: unknown metric '{name}'{closest(name, METRICS)} ({allowed})")
    return METRICS[name]
