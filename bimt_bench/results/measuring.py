"""Which metrics somebody asks for by name or family, and why one is missing."""

import json
import math
from collections.abc import Callable, Sequence

import pandas as pd

from bimt_bench.ground import InputError, closest
from bimt_bench.metrics import METRICS, Scored, measured


def metric_names(asked: Sequence[str]) -> list[str]:
    """The metrics of these names and families, each once, in the order asked; all without any.

    Of a name that is a metric's and a family's it is the metric. InputError, with the nearest name,
    for one that is neither.
    """
    families = list(dict.fromkeys(one.family for one in METRICS.values()))
    found: list[str] = []
    for name in asked or METRICS:
        if not isinstance(name, str):
            raise InputError(
                f"metrics: {name!r} given; give names one after another, as "
                "metrics('modularity_q', 'sparsity')"
            )
        if name in METRICS:
            found.append(name)
        elif name in families:
            found += [one.name for one in METRICS.values() if one.family == name]
        else:
            raise InputError(
                f"metrics: unknown metric '{name}'{closest(name, [*METRICS, *families])} "
                f"(bimt-bench metrics lists all; families: {', '.join(families)})"
                f"{METRICS.told_of_plugins(name)}"
            )
    return list(dict.fromkeys(found))


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
        found, faults = measured(scored, [name])
        values[name] = math.nan if is_lost else float(found[name].iloc[0])
        if math.isnan(values[name]):
            missing[name] = f"the member {status}" if is_lost else _why(scored, name, faults[0])
    cells = pd.Series(values, dtype="float64")
    cells.attrs["missing"] = missing
    return cells


def _why(scored: Scored, name: str, faults: object) -> str:
    """Why a metric is NaN, in words; `faults` is a cell of the column that `measured` makes."""
    need = METRICS[name].lacking(scored.task, scored.data, scored.wiring)
    if need is not None:
        return f"task '{scored.task.name}' has no {need.what}"
    reasons = json.loads(faults) if isinstance(faults, str) else {}
    return reasons.get(name, "it is undefined for this network")
