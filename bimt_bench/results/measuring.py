"""Which metrics somebody asks for by name or family, and why one is missing."""

import json
from collections.abc import Sequence

from bimt_bench.ground import InputError, closest
from bimt_bench.metrics import METRICS, Scored


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


def why_missing(scored: Scored, name: str, *, status: object, faults: object) -> str:
    """Why a metric of the first member is NaN, in words.

    status: the member's, None or 'ok' where it was trained to the end. faults: its cell of the
    column that `measured` makes.
    """
    if status not in (None, "ok"):
        return f"the member {status}" if status == "diverged" else f"the member is {status}"
    need = METRICS[name].lacking(scored.task, scored.data, scored.wiring)
    if need is not None:
        return f"task '{scored.task.name}' has no {need.what}"
    reasons = json.loads(faults) if isinstance(faults, str) else {}
    return reasons.get(name, "it is undefined for this network")
