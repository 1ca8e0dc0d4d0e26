"""What a task leaves unmeasured, and the line that tells a reader why."""

from bimt_bench.data import TaskData
from bimt_bench.metrics.registry import METRICS
from bimt_bench.spec import TaskSpec


def omissions(task: TaskSpec, data: TaskData) -> dict[str, tuple[str, ...]]:
    """What the task lacks -> the metrics that are missing for it, in the registry's order."""
    found: dict[str, tuple[str, ...]] = {}
    for name, metric in METRICS.items():
        lacking = None if metric.need is None else metric.need.lacking(task, data)
        if lacking is not None:
            found[lacking.what] = (*found.get(lacking.what, ()), name)
    return found


def omissions_line(task: TaskSpec, data: TaskData) -> str | None:
    """'not measured here: NAME, NAME (no ground truth); ...'; None if nothing is left out."""
    found = omissions(task, data)
    groups = [f"{', '.join(names)} (no {what})" for what, names in found.items()]
    return f"not measured here: {'; '.join(groups)}" if groups else None
