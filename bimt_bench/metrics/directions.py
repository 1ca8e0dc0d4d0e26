"""Which values of a metric are better, where that depends on the task."""

from typing import Literal

from bimt_bench.metrics.performance import OWN
from bimt_bench.spec import MEASURES, METRICS


def direction(name: str, measure: str) -> Literal["higher", "lower"]:
    """Which values of a metric are better on a task that has this performance measure.

    A measure that nobody registered here, in a frame that was read, counts as the metric says.
    """
    own = MEASURES.get(measure) if name == OWN else None
    return METRICS[name].direction if own is None else own.direction
