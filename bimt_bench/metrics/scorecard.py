"""The scorecards of a trained population: every metric of every member, as a frame."""

import functools
import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bimt_bench.metrics.base import Scored
from bimt_bench.metrics.contract import Metric
from bimt_bench.metrics.faults import Measured, Measurement, reasons_frame
from bimt_bench.spec import METRICS

_log = logging.getLogger(__name__)


def scorecards(scored: Scored, names: Sequence[str] | None = None) -> pd.DataFrame:
    """One row a member, in the population's order; one float64 column a metric.

    All registered metrics unless `names` lists some. A value is NaN where its metric is
    undefined or not finite, and in the whole column of a metric that needs something the task
    does not have, such as ground truth (said once, at INFO), and where a metric fails (said once,
    as a warning; see `measured`). Raises InputError for an unknown name.
    """
    return measured(scored, names)[0]


def measured(
    scored: Scored, names: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scorecards, and why members lack values: columns `metric_faults` and `metric_gaps`.

    A metric fails for a member where it raises an error, gives no numbers or one outside its
    range; elsewhere a value that is missing is undefined. What needs something that the task does
    not have has no reason of a member.
    """
    chosen = [METRICS.get_kind(name) for name in (METRICS if names is None else names)]
    measurement = Measurement(scored)
    found = {one.name: _measured(measurement, one) for one in chosen}
    values = {name: one.values for name, one in found.items()}
    frame = pd.DataFrame(values, index=pd.RangeIndex(scored.size))
    return frame, reasons_frame(found, scored.size)


def _measured(measurement: Measurement, one: Metric) -> Measured:
    scored = measurement.scored
    lacking = one.lacking(scored.task, scored.data, scored.wiring)
    if lacking is not None:
        _say_missing(one.name, scored.task.name, lacking.what)
        return Measured(np.full(scored.size, np.nan))
    found = measurement.of(one)
    if found.faults:
        _say_fault(one.name, scored.task.name, next(iter(found.faults.values())))
    return found


@functools.cache  # once a process for each metric and task, however many packs there are
def _say_missing(name: str, task: str, what: str) -> None:
    _log.info("%s: left missing on task '%s', which has no %s", name, task, what)


@functools.cache
def _say_fault(name: str, task: str, reason: str) -> None:
    _log.warning("metric '%s' fails on task '%s': %s", name, task, reason)
