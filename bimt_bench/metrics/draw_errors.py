"""Errors of figures that rest on draws: null networks are so many and no more.

A metric beside each such figure, named after it. What rests on lesions or on module excess keeps
its error in its own file.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from bimt_bench.metrics import clusters, excess, functional, modularity
from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.contract import Metric
from bimt_bench.metrics.nulls import Comparison
from bimt_bench.spec import METRICS

_Compared = Callable[[Scored], Sequence[Comparison | None]]

_FULL: dict[str, _Compared] = {
    "modularity": modularity.against_shuffled,
    "ncut": clusters.ncut_against_shuffled,
    "cross_cluster_mass": clusters.mass_against_shuffled,
}
_TOPOLOGY: dict[str, _Compared] = {
    "modularity": modularity.against_topology,
    "ncut": clusters.ncut_against_topology,
    "cross_cluster_mass": clusters.mass_against_topology,
}


def _error_of(
    name: str, compute: Callable[[Scored], PerMember], *, source: str, version: int = 1
) -> None:
    """Registers the standard error of a metric as a metric of its family."""
    of = METRICS[name]
    METRICS.register(
        Metric(
            name=f"{name}_error",
            family=of.family,
            title=f"{of.title}, its error",
            direction="lower",
            low=0.0,
            unit="standard error",
            cost=of.cost,
            source=source,
            undefined=of.undefined,
            untrained="as small as the draws make it, or a large graph's budget ends them",
            compute=compute,
            version=version,
        )
    )


def _of_z(name: str, compared: _Compared) -> None:
    def z_error(scored: Scored) -> PerMember:
        """The standard error of a z-score: sqrt(1 / n + z^2 / (2 (n - 1))) over n draws.

        NaN where z is.
        """
        return np.array([math.nan if c is None else c.z_error for c in compared(scored)])

    _error_of(name, z_error, source="sqrt(1 / n + z^2 / (2 (n - 1))) over n draws")


def _of_p(name: str, compared: _Compared) -> None:
    def p_error(scored: Scored) -> PerMember:
        """The standard error of a p-value: sqrt(p (1 - p) / n) over n draws; NaN where p is."""
        return np.array([math.nan if c is None else c.p_error for c in compared(scored)])

    _error_of(name, p_error, source="sqrt(p (1 - p) / n) over n draws")


def _isolated_ratio_error(scored: Scored) -> PerMember:
    """The standard error of `isolated_ratio`: sd / (mean sqrt(n)) of n permutations, times it.

    Above 0.05 where 400 were not enough. NaN where the ratio is.
    """
    found = functional.isolations(scored)
    return np.array([math.nan if one is None else one.error for one in found])


def _cautious_error(scored: Scored) -> PerMember:
    """The standard error of `module_excess_cautious`, for nulls are so many and no more.

    sd sqrt(1 / n + 1.645^2 / (2 (n - 1))) over n nulls, times |d score / d (M_0 + 1.645 sd)|. NaN
    where the score is.
    """
    found = excess.excesses(scored)
    return np.array([math.nan if one is None else one.cautious_error for one in found])


for _name, _compared in _FULL.items():
    _of_z(f"{_name}_z", _compared)
    _of_p(f"{_name}_p", _compared)
for _name, _compared in _TOPOLOGY.items():
    _of_z(f"{_name}_z_nonzero", _compared)
_error_of(
    "module_excess_cautious",
    _cautious_error,
    source="sd sqrt(1 / n + 1.645^2 / (2 (n - 1))) |d score / d (M_0 + 1.645 sd)|, n nulls",
    version=2,
)
_error_of("isolated_ratio", _isolated_ratio_error, source="ratio * sd / (mean sqrt(n))")
