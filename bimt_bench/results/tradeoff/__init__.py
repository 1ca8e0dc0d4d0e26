"""The trade-off of performance against modularity over a sweep of one task; no plotting here.

`tradeoff` reads a frame (one row a member) and returns frozen records: means over seeds with
intervals, a line a recipe, the non-dominated front, volumes, ranks and readable summaries. Figures
and tables are made from those records.
"""

from typing import TYPE_CHECKING

from bimt_bench.ground import lazily

if TYPE_CHECKING:
    from bimt_bench.results.tradeoff.estimation import tradeoff
    from bimt_bench.results.tradeoff.plane import Plane, common_seeds
    from bimt_bench.results.tradeoff.records import (
        Direction,
        Estimate,
        Hypervolume,
        Line,
        Missing,
        Point,
        Settings,
        TradeOff,
    )

__all__ = [
    "Direction",
    "Estimate",
    "Hypervolume",
    "Line",
    "Missing",
    "Plane",
    "Point",
    "Settings",
    "TradeOff",
    "common_seeds",
    "tradeoff",
]

_HOMES = {"tradeoff": "estimation", "Plane": "plane", "common_seeds": "plane"}

__getattr__ = lazily(__name__, {**dict.fromkeys(__all__, "records"), **_HOMES})
