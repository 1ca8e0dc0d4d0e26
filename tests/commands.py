"""The command line in this process, in a folder, on whatever Ray this process has.

For tests that are about what a command does; those about a process of its own start one.
"""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bimt_bench.app import terminal
from bimt_bench.app.cli import app

HIDDEN = ("MLFLOW_TRACKING_URI", "BIMT_BENCH_DATA", "BIMT_BENCH_TASKS", "RAY_ADDRESS")


def invoked(folder: Path, *arguments: str) -> Result:
    """What the command did and said, on lines of 200 letters."""
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        for name in HIDDEN:
            here.delenv(name, raising=False)
        here.setenv("COLUMNS", "200")
        # made when the module was first imported, in whatever width that found
        here.setattr(terminal, "OUT", terminal.Terminal(width=200))
        here.setattr(terminal, "ERR", terminal.Terminal(width=200, stderr=True))
        return CliRunner().invoke(app, list(arguments))
