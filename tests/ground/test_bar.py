"""Progress: shown where somebody sees it, in terminals and in notebooks, and nowhere else."""

import io

from rich.console import Console

from bimt_bench.ground import bar


def run(console: Console, **options: bool) -> None:
    with bar("independence · l1", console=console, **options) as on_progress:
        for i in range(11):
            on_progress(i / 10)


def test_nothing_is_shown_where_nobody_looks():
    file = io.StringIO()
    run(Console(file=file))
    run(Console(file=file, force_terminal=True), shown=False)
    assert file.getvalue() == ""


def test_a_terminal_shows_a_bar_that_goes_away():
    file = io.StringIO()
    run(Console(file=file, force_terminal=True, width=80))
    assert "independence · l1" in file.getvalue()


def test_a_notebook_shows_one_line_that_moves(shown):
    run(Console(force_jupyter=True))
    assert shown[0].startswith("independence · l1") and " 0%" in shown[0]
    assert "100%" in shown[-1]
    assert len(shown) < 11, "not every step is a picture"
