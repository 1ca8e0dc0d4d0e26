"""MLflow tracking: the only package that imports mlflow, and only when a tracker is opened.

Only the driver of a sweep writes here; workers return frames.
"""

from bimt_bench.results.tracking.address import (
    DEFAULT_EXPERIMENT,
    DEFAULT_URI,
    masked,
    open_command,
    resolve_experiment,
    resolve_uri,
)
from bimt_bench.results.tracking.tracker import Tracker, cause

__all__ = [
    "DEFAULT_EXPERIMENT",
    "DEFAULT_URI",
    "Tracker",
    "cause",
    "masked",
    "open_command",
    "resolve_experiment",
    "resolve_uri",
]
