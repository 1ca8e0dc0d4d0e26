"""What all commands share: where they print, their common options, and how they refuse."""

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bimt_bench.ground import (
    BY_SIGTERM,
    InputError,
    by_sigterm,
    ending,
    exit_status,
    from_here,
    printable,
    terminable,
    word_for,
)


class Terminal(Console):
    """Writes control characters out and takes no markup; its own colours stay.

    Text of strangers cannot move the cursor or set colours.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of what is printed, each printable."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


OUT = Terminal()
ERR = Terminal(stderr=True)

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
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_AGAIN = "and run the command again (a sweep with --resume: its packs are kept)"
# A run is short: it is trained again, and the members of earlier runs stay as they are.
RUN_KEEPS = "; nothing of this run is kept, and earlier ones are untouched: run it again"
Measured = Annotated[
    list[str] | None,
    typer.Option(
        "--metrics", help="what is measured: names, families, usual or all; a,b or repeated"
    ),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", help="a file or module with kinds of your own; may be repeated"),
]


@contextmanager
def refusing(plugin: list[str] | None = None, *, kept: str = "") -> Iterator[None]:
    """Turns bad input into its message on stderr and exit status 2, Ctrl-C into 130, SIGTERM 143.

    The plug-ins that are given are loaded first. `kept`: what is left of a command that is stopped
    and does not say so itself.
    """
    try:
        from bimt_bench import plugins

        with terminable() as handler, ending(handler), plugins.blaming():
            if handler is not None:
                handler.words = lambda: f"{BY_SIGTERM}{kept}"
            plugins.load_all(plugin or ())
            yield
    except InputError as error:
        ERR.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        what = f"{error.filename or 'a file'}: {error.strerror}"
        line = f"error: cannot write {what}; make room, {_AGAIN}"
        ERR.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as stop:
        if not str(stop):  # else it has been shown
            ERR.print(f"{word_for(stop)}{kept}", markup=False, highlight=False, soft_wrap=True)
        if by_sigterm(stop):
            _leave(exit_status(stop))
        raise typer.Exit(exit_status(stop)) from None


def _leave(status: int) -> None:
    """Ends the process at once: Python's own end waits for Ray's, which may be gone by now.

    Processes that Ray started here end with this one.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def print_files(files: Iterable[Path]) -> None:
    """The files that were written, a line each, as they lie from here."""
    for file in files:
        OUT.print(f"  {from_here(file)}", highlight=False, soft_wrap=True, markup=False)


def print_where(command: str, page: str) -> None:
    """How to see the runs of a sweep in MLflow."""
    OUT.print("\nSee the runs in MLflow:", style="bold")
    for line in (command, f"then open {page}"):
        OUT.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
