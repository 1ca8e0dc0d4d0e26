"""The terminal: whatever text is printed, only our own colours and cursor movements reach it."""

import io
import re

import pytest
from rich.table import Table
from rich.text import Text

from bimt_bench.app.terminal import Terminal

HOSTILE = "\x1b]0;owned\x07 \x1b[31m[bold]red[/] \ud800 [/nothing] \u202e"


def printed(*things: object, colour: bool) -> str:
    file = io.StringIO()
    system = "standard" if colour else None
    console = Terminal(file=file, width=200, force_terminal=colour, color_system=system)
    for thing in things:
        console.print(thing)
    return file.getvalue()


def table() -> Table:
    found = Table(title=HOSTILE, caption=HOSTILE)
    found.add_column(HOSTILE)
    found.add_row(HOSTILE)
    found.add_row(Text(HOSTILE))
    return found


@pytest.mark.parametrize("thing", [HOSTILE, Text(HOSTILE), table()], ids=["str", "text", "table"])
def test_text_of_strangers_is_written_out(thing: object) -> None:
    shown = printed(thing, colour=False)
    assert "\x1b" not in shown and "\x07" not in shown
    assert "\\x1b[31m[bold]red[/]" in " ".join(shown.split())
    assert shown.encode()


def test_our_own_colours_stay() -> None:
    shown = printed(Text("good", style="green"), colour=True)
    assert re.fullmatch(r"\x1b\[32mgood\x1b\[0m\n", shown)
