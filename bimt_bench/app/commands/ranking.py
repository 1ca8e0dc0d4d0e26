"""`bimt-bench leaderboard rank | controls`: where entries stand, and what stands beside them."""

from pathlib import Path
from typing import Annotated

import typer

from bimt_bench.app import terminal
from bimt_bench.app.terminal import DataDir, TasksDir, print_files, refusing
from bimt_bench.ground import InputError

Tasks = Annotated[list[str] | None, typer.Argument(help="of these tasks; of all if absent")]
BoardDir = Annotated[
    Path, typer.Option("--board", help="the folder of the leaderboard", envvar="BIMT_BENCH_BOARD")
]
BOARD = Path("results/leaderboard")


def add_ranking(leaderboard: typer.Typer) -> None:
    """Adds the commands that rank."""
    leaderboard.command()(rank)
    leaderboard.command()(controls)


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
    from bimt_bench.app import boards
    from bimt_bench.leaderboard import explaining, listing, ranking
    from bimt_bench.leaderboard.board import Board

    with refusing():
        if sum((explain is not None, json, markdown)) > 1:
            raise InputError("rank: --explain, --json and --markdown are one at a time")
        found = ranking.rank(Board(board), tasks or (), tasks_dir=tasks_dir)
        if write is not None:
            listing.write_listing(found, write)
        if explain is not None:
            for line in explaining.explain(found, explain):
                terminal.OUT.print(line, highlight=False, soft_wrap=True)
        elif json:
            typer.echo(listing.as_json(found), nl=False)
        elif markdown:
            typer.echo(listing.markdown(found), nl=False)
        else:
            for table in found.tables:
                terminal.OUT.print(boards.of_task(table))
                for line in boards.below(table):
                    terminal.OUT.print(line, style="dim", highlight=False, soft_wrap=True)
            if len(found.tables) > 1:
                terminal.OUT.print(boards.of_overall(found.overall))
                for line in found.overall.notes:
                    terminal.OUT.print(line, style="dim", highlight=False, soft_wrap=True)
        if write is not None:
            print_files([write])


def controls(
    tasks: Tasks = None,
    board: BoardDir = BOARD,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Make the trivial and doctored entries of tasks anew, from the board's own entries."""
    from bimt_bench.leaderboard import controls as making
    from bimt_bench.leaderboard.board import Board

    with refusing():
        held = Board(board)
        for task in making.asked(held, tasks or ()):
            made = making.make(held, task, data_dir=data_dir, tasks_dir=tasks_dir)
            print_files(made.files)
            for line in made.left_out:
                terminal.OUT.print(line, style="dim", highlight=False, soft_wrap=True)
