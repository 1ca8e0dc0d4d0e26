"""What becomes of results: trade-offs, figures, drawings, exports and MLflow runs.

Everything is loaded when first used, so that no process loads matplotlib or mlflow for nothing.
"""

from typing import TYPE_CHECKING

from bimt_bench.ground import lazily

if TYPE_CHECKING:
    from bimt_bench.results.choice import CHOICES, best, check_drawn, choose, knee, median
    from bimt_bench.results.columns import plain_cell
    from bimt_bench.results.comparison import Comparison, compare
    from bimt_bench.results.corner import corner_of
    from bimt_bench.results.curves import Curves
    from bimt_bench.results.delivery import Courier, Delivered, SweepFacts, SweepTracking
    from bimt_bench.results.drawing import NetworkDrawing, Plane
    from bimt_bench.results.drawn import DrawnTradeOff, tradeoff_of
    from bimt_bench.results.frames import read_curves, read_frame, tradeoff_table
    from bimt_bench.results.loading import load, of_pack
    from bimt_bench.results.network import Network
    from bimt_bench.results.report import (
        TaskReport,
        draw_medians,
        task_report,
    )
    from bimt_bench.results.reporting import Reporter
    from bimt_bench.results.scores import SCORES
    from bimt_bench.results.sweeps import SweepResults, finished, tracked
    from bimt_bench.results.syncing import Synced, sync
    from bimt_bench.results.titles import published_settings
    from bimt_bench.results.tradeoff import Estimate, Line, Settings, TradeOff
    from bimt_bench.results.trained import Results
    from bimt_bench.results.words import (
        is_baseline,
        number,
        setting_words,
        title_of,
        title_with_dial,
    )

_HOMES = {
    "CHOICES": "choice",
    "SCORES": "scores",
    "check_drawn": "choice",
    "Results": "trained",
    "best": "choice",
    "choose": "choice",
    "knee": "choice",
    "load": "loading",
    "median": "choice",
    "of_pack": "loading",
    "Estimate": "tradeoff",
    "Line": "tradeoff",
    "Settings": "tradeoff",
    "TradeOff": "tradeoff",
    "Comparison": "comparison",
    "Curves": "curves",
    "DrawnTradeOff": "drawn",
    "SweepResults": "sweeps",
    "finished": "sweeps",
    "is_baseline": "words",
    "Network": "network",
    "NetworkDrawing": "drawing",
    "Plane": "drawing",
    "number": "words",
    "Courier": "delivery",
    "Delivered": "delivery",
    "Reporter": "reporting",
    "SweepFacts": "delivery",
    "SweepTracking": "delivery",
    "Synced": "syncing",
    "sync": "syncing",
    "TaskReport": "report",
    "compare": "comparison",
    "corner_of": "corner",
    "draw_medians": "report",
    "plain_cell": "columns",
    "published_settings": "titles",
    "read_curves": "frames",
    "read_frame": "frames",
    "setting_words": "words",
    "task_report": "report",
    "title_of": "words",
    "title_with_dial": "words",
    "tracked": "sweeps",
    "tradeoff_of": "drawn",
    "tradeoff_table": "frames",
}

__all__ = [
    "CHOICES",
    "SCORES",
    "Comparison",
    "Courier",
    "Curves",
    "Delivered",
    "DrawnTradeOff",
    "Estimate",
    "Line",
    "Network",
    "NetworkDrawing",
    "Plane",
    "Reporter",
    "Results",
    "Settings",
    "SweepFacts",
    "SweepResults",
    "SweepTracking",
    "Synced",
    "TaskReport",
    "TradeOff",
    "best",
    "check_drawn",
    "choose",
    "compare",
    "corner_of",
    "draw_medians",
    "finished",
    "is_baseline",
    "knee",
    "load",
    "median",
    "number",
    "of_pack",
    "plain_cell",
    "published_settings",
    "read_curves",
    "read_frame",
    "setting_words",
    "sync",
    "task_report",
    "title_of",
    "title_with_dial",
    "tracked",
    "tradeoff_of",
    "tradeoff_table",
]

__getattr__ = lazily(__name__, _HOMES)
