"""What all commands share: where they print, their common options, and how they refuse."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bimt_bench.ground import InputError

OUT = Console()
ERR = Console(stderr=True)

DataDir = Annotated[
    Path | None,
    typer.Option(help="folder where data may lie: MNIST, tables", envvar="BIMT_BENCH_DATA"),
]
TasksDir = Annotated[
    Path | None,
    typer.Option(help="folder with tasks of your own", envvar="BIMT_BENCH_TASKS"),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
TrackingUri = Annotated[
    str | None,
    typer.Option(help="MLflow; sqlite:///mlflow.db if absent", envvar="MLFLOW_TRACKING_URI"),
]
Experiment = Annotated[
    str | None,
    typer.Option(help="MLflow's; bimt_bench if absent", envvar="MLFLOW_EXPERIMENT_NAME"),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="a file or module with kinds of your own; may be repeated"),
]


@contextmanager
def refusing(plugin: list[str] | None = None) -> Iterator[None]:
    """Turns bad input into its message on stderr and exit status 2, Ctrl-C into 130.

    The plug-ins that are given are loaded first.
    """
    try:
        from bimt_bench import plugins

        with plugins.blaming():
            plugins.load_all(plugin or ())
            yield
    except InputError as error:
        ERR.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as stop:
        ERR.print(str(stop) or "interrupted", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(130) from None


def print_files(files: Iterable[Path]) -> None:
    """The files that were written, a line each, as they lie from here."""
    for file in files:
        OUT.print(f"  {_short(file)}", highlight=False, soft_wrap=True, markup=False)


def _short(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
