"""`bimt-bench leaderboard rank | controls | build`: where entries stand, and their page."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bimt_bench.app import terminal
from bimt_bench.app.terminal import DataDir, TasksDir, print_files, refusing
from bimt_bench.ground import InputError

if TYPE_CHECKING:
    from bimt_bench.leaderboard import Ranking

Tasks = Annotated[list[str] | None, typer.Argument(help="of these tasks; of all if absent")]
BoardDir = Annotated[
    Path, typer.Option("--board", help="the folder of the leaderboard", envvar="BIMT_BENCH_BOARD")
]
BOARD = Path("results/leaderboard")


def add_ranking(leaderboard: typer.Typer) -> None:
    """Adds the commands that rank."""
    leaderboard.command()(rank)
    leaderboard.command()(controls)
    leaderboard.command()(build)


def rank(
    tasks: Tasks = None,
    explain: Annotated[
        str | None, typer.Option(metavar="ENTRY", help="say in five lines why it stands there")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="all records as JSON")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="the tables as Markdown")] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write the tables into a Markdown file")
    ] = None,
    board: BoardDir = BOARD,
    tasks_dir: TasksDir = None,
) -> None:
    """Rank the entries of tasks by what verification measured; nothing is trained or scored."""
    from bimt_bench import leaderboard as boards

    with refusing():
        if sum((explain is not None, json, markdown)) > 1:
            raise InputError("rank: --explain, --json and --markdown are one at a time")
        found = boards.rank(boards.Board(board), tasks or (), tasks_dir=tasks_dir)
        if write is not None:
            boards.write_listing(found, write)
        if explain is not None:
            for line in boards.explain(found, explain):
                terminal.OUT.print(line, highlight=False, soft_wrap=True)
        elif json:
            typer.echo(boards.as_json(found), nl=False)
        elif markdown:
            typer.echo(boards.markdown(found), nl=False)
        else:
            _print(found)
        if write is not None:
            print_files([write])


def _print(found: "Ranking") -> None:
    from bimt_bench.app import boards

    for table in found.tables:
        terminal.OUT.print(boards.of_task(table))
        _print_lines(boards.below(table))
    if len(found.tables) > 1:
        terminal.OUT.print(boards.of_overall(found.overall))
        _print_lines(found.overall.notes)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        terminal.OUT.print(line, style="dim", highlight=False, soft_wrap=True)


def controls(
    tasks: Tasks = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="entries to doctor; the best baseline and the best other if absent"
        ),
    ] = None,
    board: BoardDir = BOARD,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Make the trivial and doctored entries of tasks anew, from the board's own entries."""
    from bimt_bench import leaderboard as boards

    with refusing():
        held = boards.Board(board)
        for made in boards.make_controls(
            held, tasks or (), of=of or (), data_dir=data_dir, tasks_dir=tasks_dir
        ):
            print_files(made.files)
            _print_lines(made.left_out)


def build(
    out: Annotated[Path, typer.Option(help="where the site goes")] = Path("site"),
    kept: Annotated[
        Path | None,
        typer.Option(help="where drawings are kept for the next time; the user's cache if absent"),
    ] = None,
    board: BoardDir = BOARD,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Write the leaderboard's page: static files, for any host or opened from the disk."""
    from bimt_bench import leaderboard as boards
    from bimt_bench.leaderboard import site

    with refusing():
        held = boards.Board(board)
        found = site.build(held, out, kept=kept, tasks_dir=tasks_dir, data_dir=data_dir)
        print_files(found.pages[:1])
