"""Estimators for comparing recipes: intervals of means, volumes of fronts, tests, ranks.

Pure arithmetic on arrays whose last axis is seeds. Axes of a plane are oriented so that more is
better and counted from the reference corner. `python -m benchmarks.coverage` measures how often
each interval holds the truth; docs/method-of-comparison.md says how to read them.
"""

from bimt_bench.results.statistics.corners import Ranks, corner_range, ranks_over_corners
from bimt_bench.results.statistics.differences import (
    Difference,
    Verdict,
    compare,
    compare_pairs,
    holm,
)
from bimt_bench.results.statistics.means import (
    CONFIDENCE,
    Interval,
    improvement,
    interquartile_mean,
    t_factor,
    t_interval,
    two_part_interval,
)
from bimt_bench.results.statistics.tries import fair_number, volume_per_tries
from bimt_bench.results.statistics.volumes import (
    Volume,
    half_split,
    raw_volume,
    smoothed,
    split_volume,
)

__all__ = [
    "CONFIDENCE",
    "Difference",
    "Interval",
    "Ranks",
    "Verdict",
    "Volume",
    "compare",
    "compare_pairs",
    "corner_range",
    "fair_number",
    "half_split",
    "holm",
    "improvement",
    "interquartile_mean",
    "ranks_over_corners",
    "raw_volume",
    "smoothed",
    "split_volume",
    "t_factor",
    "t_interval",
    "two_part_interval",
    "volume_per_tries",
]
