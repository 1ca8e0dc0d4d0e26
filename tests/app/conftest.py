"""The command line, called in a folder of its own."""

import pytest
from typer.testing import CliRunner

from bimt_bench.app import terminal
from bimt_bench.app.cli import app


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    # made when the module was first imported, in whatever width that found
    monkeypatch.setattr(terminal, "OUT", terminal.Terminal(width=400))
    monkeypatch.setattr(terminal, "ERR", terminal.Terminal(width=400, stderr=True))
    for name in ("MLFLOW_TRACKING_URI", "BIMT_BENCH_TASKS", "BIMT_BENCH_DATA"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str):
        return CliRunner().invoke(app, list(arguments))

    return call
