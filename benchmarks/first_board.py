"""Our own entries, by the path that all take: sweeps, `add`, `verify`, `controls`, `rank`.

Run: python -m benchmarks.first_board SWEEP... [--board DIR] [--listing FILE], each SWEEP the folder
of results of one of sweeps/board/*.yaml. What is on the board already is left as it is, so that
the same command goes on where it was stopped.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bimt_bench import leaderboard
from bimt_bench.app import verdicts
from bimt_bench.results import Results, load

AUTHOR = "The bimt_bench developers (bimt-bench)"
LICENCE = "Apache-2.0"
TUNED = (
    "Nothing but the dial: every other setting is the task's or the recipe's default. The dial's "
    "values go from where it hardly acts to where the task is lost, found with one other seed (11) "
    "in shorter training."
)
SHORTER = "Trained for {steps} of {published} published steps."
HALVED = ("vision/mnist",)
"""Tasks whose weights are stored in float16: 361 kB a member otherwise."""


def entries_in(results: Results) -> Iterator[tuple[str, str]]:
    """Every task and recipe of a sweep."""
    frame = results.frame[["task", "recipe"]].drop_duplicates()
    yield from frame.itertuples(index=False, name=None)


def name_of(recipe: str) -> str:
    """What the entry of a recipe is called."""
    return recipe.replace("_", "-")


def add(results: Results, task: str, recipe: str, board: leaderboard.Board) -> None:
    """Makes the entry of a recipe on a task, if it is not there."""
    name = name_of(recipe)
    if name in {one.name for one in board.entries(task)}:
        return
    frame = results.frame
    of_recipe = frame[(frame["task"] == task) & (frame["recipe"] == recipe)]
    steps, published = int(of_recipe["steps"].iloc[0]), results.task(task).training.steps
    shorter = SHORTER.format(steps=f"{steps:,}", published=f"{published:,}")
    made = leaderboard.add(
        results,
        task=task,
        recipe=recipe,
        name=name,
        authors=[AUTHOR],
        tuned=TUNED,
        licence=LICENCE,
        notes=shorter if steps < published else "",
        dtype="float16" if task in HALVED else None,
        board=board,
    )
    print(made.folder, flush=True)


def verify(board: leaderboard.Board, task: str, name: str, minutes: float) -> None:
    """Verifies an entry to `retrained`, unless it has been."""
    held = board.verdict(task, name)
    if held is not None and held.level == "retrained":
        return
    asked = leaderboard.Asked(limits=leaderboard.Limits(seconds=minutes * 60.0))
    verdict = leaderboard.verify(board.entry(task, name), board=board, asked=asked)
    board.keep(verdict)
    print(verdicts.lines_of(verdict), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweeps", nargs="+", type=Path, metavar="SWEEP")
    parser.add_argument("--board", type=Path, default=leaderboard.BOARD)
    parser.add_argument("--minutes", type=float, default=120.0, help="that verifying one may take")
    parser.add_argument("--listing", type=Path, default=Path("results/README.md"))
    given = parser.parse_args()
    board = leaderboard.Board(given.board)
    for sweep in given.sweeps:
        results = load(sweep)
        for task, recipe in entries_in(results):
            add(results, task, recipe, board)
            verify(board, task, name_of(recipe), given.minutes)
        for task in dict.fromkeys(task for task, _ in entries_in(results)):
            for made in leaderboard.make_controls(board, [task]):
                print(*made.files, *made.left_out, sep="\n", flush=True)
    leaderboard.write_listing(leaderboard.rank(board), given.listing)


if __name__ == "__main__":
    main()
