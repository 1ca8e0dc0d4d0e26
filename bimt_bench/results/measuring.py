"""Metrics of one network, and why one is missing."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from bimt_bench.metrics import METRICS, Scored, measured, reason_in


def scorecard(
    scored: Scored,
    names: Sequence[str],
    status: object = None,
    *,
    on_progress: Callable[[float], None] = lambda _: None,
) -> pd.Series:
    """These metrics of the first member, float64; `attrs["missing"]` says why one is NaN.

    status: the member's; of one that was not trained to its end, all are missing, as in its frame.
    """
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    is_lost = status not in (None, "ok")
    for done, name in enumerate(names):
        on_progress(done / len(names))
        found, reasons = measured(scored, [name])
        values[name] = math.nan if is_lost else float(found[name].iloc[0])
        if math.isnan(values[name]):
            missing[name] = f"the member {status}" if is_lost else _why(scored, name, reasons)
    cells = pd.Series(values, dtype="float64")
    cells.attrs["missing"] = missing
    return cells


def _why(scored: Scored, name: str, reasons: pd.DataFrame) -> str:
    """Why a metric is NaN, in words; `reasons` are the columns that `measured` makes."""
    need = METRICS[name].lacking(scored.task, scored.data, scored.wiring)
    if need is not None:
        return f"task '{scored.task.name}' has no {need.what}"
    return reason_in(reasons.iloc[0].to_dict(), name) or "it is undefined for this network"
