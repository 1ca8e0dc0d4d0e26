"""The scorecards of a trained population: every metric of every member, as a frame."""

import functools
import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bimt_bench.metrics.base import Metric, PerMember, Scored
from bimt_bench.metrics.registry import METRICS, metric

_log = logging.getLogger(__name__)


def scorecards(scored: Scored, names: Sequence[str] | None = None) -> pd.DataFrame:
    """One row a member, in the population's order; one float64 column a metric.

    All registered metrics unless `names` lists some. A value is NaN where its metric is
    undefined or not finite, and in the whole column of a metric that needs something the task
    does not have, such as ground truth (said once, at INFO). Raises InputError for an unknown name.
    """
    chosen = [metric(name) for name in (METRICS if names is None else names)]
    columns = {one.name: _column(scored, one) for one in chosen}
    return pd.DataFrame(columns, index=pd.RangeIndex(scored.size))


def _column(scored: Scored, one: Metric) -> PerMember:
    if one.need is not None and not one.need.met_by(scored.task, scored.data):
        _say_missing(one.name, scored.task.name, one.need.what)
        return np.full(scored.size, np.nan)
    values = one.compute(scored)
    return np.where(np.isfinite(values), values, np.nan)


@functools.cache  # once a process for each metric and task, however many packs there are
def _say_missing(name: str, task: str, what: str) -> None:
    _log.info("%s: left missing on task '%s', which has no %s", name, task, what)
