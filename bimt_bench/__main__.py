"""`python -m bimt_bench` is the command line."""

from bimt_bench.cli import app

app()
