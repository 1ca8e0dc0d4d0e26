"""The command `bimt-bench leaderboard verify`."""

import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bimt_bench.app import terminal
from bimt_bench.app.commands.leaderboard import BOARD, BoardDir
from bimt_bench.app.commands.leaderboard import leaderboard as commands
from bimt_bench.app.terminal import DataDir, TasksDir, print_files, refusing
from bimt_bench.ground import InputError, closest

if TYPE_CHECKING:
    from bimt_bench.leaderboard import Board, Level, Verdict

_GIB = 2**30


@commands.command()
def verify(
    entries: Annotated[
        list[str] | None,
        typer.Argument(help="folders of entries, or TASK/NAME; all of the board if absent"),
    ] = None,
    retrain: Annotated[int, typer.Option(min=0, max=40, help="members to train again")] = 3,
    fresh: Annotated[
        int | None,
        typer.Option(min=0, max=20, help="new seeds to train; 3, with --changed-only 1"),
    ] = None,
    up_to: Annotated[
        str, typer.Option(help="the last level to try: checked, rescored, replayed or retrained")
    ] = "retrained",
    changed_only: Annotated[
        bool, typer.Option("--changed-only", help="entries that no verdict is about as they are")
    ] = False,
    axes: Annotated[
        bool, typer.Option("--axes", help="measure performance and modularity alone; train nothing")
    ] = False,
    board: BoardDir = BOARD,
    keep: Annotated[bool, typer.Option(help="write the verdict onto the board")] = True,
    report: Annotated[
        Path | None, typer.Option(help="a file for the verdicts as JSON, a line each")
    ] = None,
    memory: Annotated[float, typer.Option(min=0.5, help="GiB that one entry may take")] = 6.0,
    minutes: Annotated[float, typer.Option(min=0.1, help="that one entry may take")] = 30.0,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="seconds for all entries; fewer members are trained again to keep to it"
        ),
    ] = None,
    data_dir: DataDir = None,
    tasks_dir: TasksDir = None,
) -> None:
    """Measure and train entries again, each in a process of its own, and write the verdicts.

    Exit status 0 if all pass, 1 if one does not, 2 if something is asked that cannot be had.
    """
    from bimt_bench import leaderboard
    from bimt_bench.app import verdicts

    with refusing():
        held = leaderboard.Board(board)
        asked = leaderboard.Asked(
            up_to=_level("rescored" if axes else up_to),
            retrain=retrain,
            fresh=(1 if changed_only else 3) if fresh is None else fresh,
            axes_only=axes,
            tasks_dir=tasks_dir,
            data_dir=data_dir,
            limits=leaderboard.Limits(memory=int(memory * _GIB), seconds=minutes * 60.0),
        )
        found: list[Verdict] = []
        folders = _folders(held, entries or [], changed_only=changed_only)
        end = time.monotonic() + (math.inf if budget is None else budget)
        for place, folder in enumerate(folders):
            left = max(end - time.monotonic(), 0.0)
            share = leaderboard.Budget(share=left / (len(folders) - place), left=left)
            own = dataclasses.replace(asked, budget=share)
            verdict = leaderboard.verify(folder, board=held, asked=own)
            terminal.OUT.print(verdicts.lines_of(verdict), highlight=False, soft_wrap=True)
            if keep:
                print_files([held.keep(verdict)])
            found.append(verdict)
        if report is not None:
            report.write_text("".join(f"{one.model_dump_json()}\n" for one in found))
            print_files([report])
        terminal.OUT.print(verdicts.summary(found), highlight=False)
    if any(one.faults for one in found):
        raise typer.Exit(1)


def _level(given: str) -> "Level":
    from bimt_bench.leaderboard import LEVELS

    allowed = LEVELS[1:]
    if given not in allowed:
        raise InputError(
            f"up-to: '{given}' given; allowed: {', '.join(allowed)}{closest(given, allowed)}"
        )
    return next(one for one in allowed if one == given)


def _folders(board: "Board", given: list[str], *, changed_only: bool) -> list[Path]:
    """The folders of the entries that are meant; InputError where there is none."""
    from bimt_bench.leaderboard import changed

    named = [_folder(board, one) for one in given]
    if changed_only:
        new = [one.resolve() for one in changed(board)]
        return [one for one in named if one.resolve() in new] if given else new
    if not given and not board.entries():
        raise InputError(f"entry: there is none in '{board.folder}'")
    return named or [one for one in board.entries() if not _is_withdrawn(one)]


def _is_withdrawn(folder: Path) -> bool:
    from bimt_bench.leaderboard import board as boards

    held, task, name = boards.holding(folder)
    return held.withdrawn(task, name) is not None


def _folder(board: "Board", given: str) -> Path:
    if Path(given).is_dir():
        return Path(given)
    task, _, name = given.strip("/").rpartition("/")
    if not task:
        raise InputError(f"entry: '{given}' is no folder, and no TASK/NAME of '{board.folder}'")
    return board.entry(task.replace("-", "/", 1) if "/" not in task else task, name)
