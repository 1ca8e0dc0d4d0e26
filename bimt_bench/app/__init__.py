"""The command line, its tables and the doctor."""

from bimt_bench.app.cli import app

__all__ = ["app"]
