"""The commands of the leaderboard: `bimt-bench leaderboard add | withdraw | rank | ...`."""

from pathlib import Path
from typing import Annotated

import typer

from bimt_bench.app import terminal
from bimt_bench.app.commands.ranking import BOARD, BoardDir, add_ranking
from bimt_bench.app.terminal import DataDir, Plugins, TasksDir, print_files, refusing
from bimt_bench.ground import InputError

leaderboard = typer.Typer(
    name="leaderboard",
    help="Publish, verify and rank results that anybody can check.",
    no_args_is_help=True,
)


def add_leaderboard(app: typer.Typer) -> None:
    """Adds the commands of the leaderboard."""
    add_ranking(leaderboard)
    app.add_typer(leaderboard)


@leaderboard.command()
def add(
    run: Annotated[Path, typer.Argument(help="the results folder of a sweep or a run")],
    name: Annotated[str, typer.Option(help="of the entry: small letters, digits and -")],
    author: Annotated[
        list[str],
        typer.Option(help="'Ada Lovelace (account)'; the account may withdraw; may be repeated"),
    ],
    tuned: Annotated[
        str, typer.Option(help="how settings other than the dial were chosen, on which data")
    ],
    licence: Annotated[str, typer.Option(help="of the entry and its weights, as CC-BY-4.0")],
    task: Annotated[str | None, typer.Option(help="which, if there are several")] = None,
    recipe: Annotated[str | None, typer.Option(help="which, if there are several")] = None,
    title: Annotated[str | None, typer.Option(help="in tables; the recipe's if absent")] = None,
    link: Annotated[str | None, typer.Option(help="to a paper or code: https://...")] = None,
    notes: Annotated[str, typer.Option(help="anything else a reader should know")] = "",
    dtype: Annotated[
        str | None, typer.Option(help="of the weights: float16 halves them; as trained if absent")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="where the weights will lie, if they are too large here")
    ] = None,
    not_retrainable: Annotated[
        bool,
        typer.Option("--not-retrainable", help="enter a recipe that does not ship, by its weights"),
    ] = False,
    board: BoardDir = BOARD,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
    plugin: Plugins = None,
) -> None:
    """Make an entry of one recipe on one task from what was trained."""
    from bimt_bench.leaderboard import adding

    with refusing(plugin):
        made = adding.add(
            run,
            name=name,
            authors=author,
            tuned=tuned,
            licence=licence,
            task=task,
            recipe=recipe,
            title=title,
            link=link,
            notes=notes,
            dtype=dtype,
            url=url,
            retrainable=not not_retrainable,
            board=board,
            data_dir=data_dir,
            tasks_dir=tasks_dir,
        )
        print_files(made.files)
        if made.to_upload is not None:
            told = f"put {made.to_upload} at {url}; nobody can verify the entry until it is there"
            terminal.OUT.print(told, highlight=False, soft_wrap=True)
        told = f"next: bimt-bench leaderboard verify {made.folder}"
        terminal.OUT.print(told, highlight=False, soft_wrap=True)


@leaderboard.command()
def withdraw(
    entry: Annotated[Path, typer.Argument(help="the folder of the entry: BOARD/TASK/NAME")],
    reason: Annotated[str, typer.Option(help="in a sentence; it is published")],
    by: Annotated[str, typer.Option(help="the account of one of its authors, or a maintainer's")],
) -> None:
    """Mark an entry as withdrawn; it stays, with the reason."""
    from bimt_bench.leaderboard import board as boards
    from bimt_bench.leaderboard import withdrawing

    with refusing():
        held, task, name = boards.holding(entry)
        mark = withdrawing.withdraw(held, task, name, reason=reason, by=by)
        print_files([held.mark_file(mark.task, mark.name)])


@leaderboard.command()
def changes(
    base: Annotated[str, typer.Argument(help="the commit or branch that it is compared with")],
    head: Annotated[
        str, typer.Option(help="the commit or branch that is looked at; HEAD must be checked out")
    ] = "HEAD",
    by: Annotated[str | None, typer.Option(help="the account that asks for the changes")] = None,
    take: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="a new folder for the board with what is added, taken out of git as data; the "
            "branch may then change nothing else",
        ),
    ] = None,
    board: BoardDir = BOARD,
) -> None:
    """List the entries that a branch adds; refuse it if it changes anything that is published."""
    from bimt_bench.leaderboard import Board
    from bimt_bench.leaderboard import changes as branch

    with refusing():
        found = branch.changes(Board(board), base, head=head, by=by, take=take)
    for folder in found.added:
        typer.echo(folder)


@leaderboard.command()
def schema(
    what: Annotated[str, typer.Argument(help="entry (entry.json) or member (a line)")] = "entry",
) -> None:
    """Print the JSON Schema of an entry's files."""
    from bimt_bench.leaderboard import schemas

    with refusing():
        if what not in schemas.SCHEMAS:
            raise InputError(f"schema: '{what}' given; allowed: {', '.join(schemas.SCHEMAS)}")
        typer.echo(schemas.schema(what), nl=False)
