"""A progress bar for one thing that takes a while: in a terminal, and in a notebook."""

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

OnProgress = Callable[[float], None]
_BLOCKS = 24
_EVERY = 0.2  # seconds between two pictures in a notebook


@contextmanager
def bar(
    label: str, *, shown: bool | None = None, console: "Console | None" = None
) -> Iterator[OnProgress]:
    """Shows a bar and yields what to tell the fraction done, in [0, 1].

    `shown`: True or False, else wherever somebody sees it live: on a terminal or in a notebook.
    """
    from rich.console import Console  # here, as most that import this room show nothing

    console = console or Console(stderr=True)
    if shown is False or (shown is None and not (console.is_terminal or console.is_jupyter)):
        yield lambda _: None
    elif console.is_jupyter:
        line = _Line(label)
        yield line
        line(1.0)
    else:
        with _rich(label, console) as on_progress:
            yield on_progress


@contextmanager
def _rich(label: str, console: "Console") -> Iterator[OnProgress]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        shown = progress.add_task(label, total=1.0)
        yield lambda fraction: progress.update(shown, completed=fraction)


class Pane:
    """Text in a notebook that is drawn again in its place; widgets need not be installed."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str) -> None:
        """Shows a text in place of the one before."""
        content = {"text/plain": text}
        if self._handle is None:
            display = importlib.import_module("IPython.display").display
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


class _Line:
    """One line in a notebook that tells the fraction done."""

    def __init__(self, label: str) -> None:
        self._label, self._last = label, float("-inf")
        self._began = time.monotonic()
        self._pane = Pane()

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY and fraction < 1.0:
            return
        self._last = now
        self._pane.show(self.text(fraction, now - self._began))

    def text(self, fraction: float, seconds: float) -> str:
        """The line at a fraction, so many seconds after the beginning."""
        done = round(_BLOCKS * fraction)
        blocks = "█" * done + "░" * (_BLOCKS - done)
        return f"{self._label}  {blocks} {fraction:4.0%}  {seconds:.0f} s"
