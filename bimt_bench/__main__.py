"""`python -m bimt_bench` is the command line."""

from bimt_bench.app import app

app()
