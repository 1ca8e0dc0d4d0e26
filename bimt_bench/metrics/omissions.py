"""What a task leaves unmeasured, and the line that tells a reader why."""

from collections.abc import Collection

from bimt_bench.data import TaskData
from bimt_bench.metrics.needs import Need
from bimt_bench.network import build
from bimt_bench.spec import METRICS, TaskSpec


def lacking(name: str, task: TaskSpec, data: TaskData) -> Need | None:
    """What a metric needs that the task or its network does not have; None if it is defined."""
    return METRICS.get_kind(name).lacking(task, data, build(task, data).wiring)


def omissions(
    task: TaskSpec, data: TaskData, names: Collection[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """What the task lacks -> the metrics that are missing for it, in the registry's order.

    Of all metrics, unless `names` are those that are asked for.
    """
    found: dict[str, tuple[str, ...]] = {}
    wiring = build(task, data).wiring
    for name, metric in METRICS.items():
        if names is not None and name not in names:
            continue
        need = metric.lacking(task, data, wiring)
        if need is not None:
            found[need.what] = (*found.get(need.what, ()), name)
    return found


def omissions_line(
    task: TaskSpec, data: TaskData, names: Collection[str] | None = None
) -> str | None:
    """'not measured here: NAME, NAME (no ground truth); ...'; None if nothing is left out."""
    found = omissions(task, data, names)
    groups = [f"{', '.join(names)} (no {what})" for what, names in found.items()]
    return f"not measured here: {'; '.join(groups)}" if groups else None
