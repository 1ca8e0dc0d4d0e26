"""MLflow tracking: the only package that imports mlflow, and only when a tracker is opened.

Only the driver of a sweep writes here; workers return frames.
"""

from bimt_bench.results.tracking.address import DEFAULT_URI, open_command, resolve_uri
from bimt_bench.results.tracking.tracker import Tracker

__all__ = ["DEFAULT_URI", "Tracker", "open_command", "resolve_uri"]
