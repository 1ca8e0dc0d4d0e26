"""The reference corner of a trade-off: the task's own, the metrics' worst values, or the nadir."""

import math
from collections.abc import Sequence
from typing import Literal

import pandas as pd

from bimt_bench.ground import InputError
from bimt_bench.metrics import METRICS, direction
from bimt_bench.results.tradeoff import Direction
from bimt_bench.spec import ReferencePoint, TaskSpec

BEYOND = 0.1
"""How far the corner lies beyond the worst member, as a share of the range of all."""
Corner = Literal["task", "nadir"] | tuple[float, float]


def corner_of(
    task: TaskSpec, frame: pd.DataFrame, *, x: str, y: str, corner: Corner = "task"
) -> tuple[ReferencePoint, str]:
    """The corner for two metrics of a frame, and in words where it comes from.

    'task': on the task's own axis and its performance the task's fixed corner; elsewhere the worst
    value that a metric can have, and where there is none the nadir. 'nadir': the worst of all
    members of the frame and 10 % of their range beyond it. Two numbers are the corner itself.
    InputError for anything else.
    """
    if isinstance(corner, Sequence) and not isinstance(corner, str):
        return _given(corner)
    if corner not in ("task", "nadir"):
        raise InputError(f"corner: {corner!r} given; allowed: task, nadir, or two numbers (x, y)")
    own = {task.modularity_axis: task.reference.modularity}
    own["performance"] = task.reference.performance
    measure, found = task.performance.kind, []
    for name in (x, y):
        way = direction(name, measure)
        worst = METRICS[name].low if way == "higher" else METRICS[name].high
        if corner == "task" and name in own:
            found.append((own[name], "the task's"))
        elif corner == "task" and math.isfinite(worst):
            found.append((worst, f"the worst value of {name}"))
        else:
            found.append((nadir(frame[name], way), f"10 % beyond the worst {name}"))
    words = " and ".join(dict.fromkeys(word for _, word in found))
    return ReferencePoint(modularity=found[0][0], performance=found[1][0]), words


def nadir(values: pd.Series, way: Direction) -> float:
    """The worst of some values and 10 % of their range beyond it; 0 if there are none."""
    numbers = pd.to_numeric(values).astype(float)
    numbers = numbers[numbers.abs() < math.inf]
    if numbers.empty:
        return 0.0
    low, high = float(numbers.min()), float(numbers.max())
    beyond = BEYOND * ((high - low) or abs(low) or 1.0)
    return low - beyond if way == "higher" else high + beyond


def _given(corner: Sequence[float]) -> tuple[ReferencePoint, str]:
    try:
        x, y = (float(value) for value in corner)
    except (TypeError, ValueError):
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError(f"corner: {corner!r} given; should be two numbers, (modularity, y)")
    return ReferencePoint(modularity=x, performance=y), "given"
