"""How long the leaderboard's site takes to build: many entries, and again when one has changed.

Entries of a board are copied under other names, each with other measurements, until there are
enough. Processor seconds beside those of the clock, which other work on the machine lengthens.
Run: python -m benchmarks.site_time BOARD [--entries 200]
"""

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from bimt_bench.leaderboard import Board, Verdict
from bimt_bench.leaderboard.entry import ENTRY, MEMBERS
from bimt_bench.leaderboard.reading import content_of
from bimt_bench.leaderboard.site import Built, build

_NOISE = 0.01


@dataclass(frozen=True)
class Took:
    """Seconds of the processor and by the clock, and what was built."""

    processor: float
    clock: float
    built: Built


def multiplied(board: Board, count: int, folder: Path) -> Board:
    """A board of so many entries, copies of those of a board that have a verdict."""
    found = Board(folder)
    sources = [
        (task, one, verdict)
        for task in board.tasks()
        for one in board.entries(task)
        if (verdict := board.verdict(task, one.name)) is not None
    ]
    generator = np.random.default_rng(0)
    for number, (task, source, verdict) in zip(range(count), cycle(sources), strict=False):
        name = f"{source.name}-{number}"
        place = found.place(task, name)
        shutil.copytree(source, place)
        told = json.loads((place / ENTRY).read_text()) | {"name": name}
        (place / ENTRY).write_text(json.dumps(told))
        content = content_of(
            (place / ENTRY).read_bytes(), (place / MEMBERS).read_bytes(), told["weights"]["sha256"]
        )
        found.keep(_other(verdict, name, content, generator))
    return found


def _other(verdict: Verdict, name: str, content: str, generator: np.random.Generator) -> Verdict:
    """The verdict of a copy: all that was measured moved a little."""
    members = tuple(
        one.model_copy(
            update={
                "metrics": {
                    metric: None if value is None else value + _NOISE * generator.normal()
                    for metric, value in one.metrics.items()
                }
            }
        )
        for one in verdict.members
    )
    return verdict.model_copy(update={"name": name, "entry": content, "members": members})


def timed(work: Callable[[], Built]) -> Took:
    """What building took in this process."""
    processor, clock = time.process_time(), time.perf_counter()
    built = work()
    return Took(time.process_time() - processor, time.perf_counter() - clock, built)


def main() -> None:
    """Prints a line a build: from nothing, unchanged, with one changed entry, drawings alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", type=Path)
    parser.add_argument("--entries", type=int, default=200)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        board = multiplied(Board(told.board), told.entries, place / "board")
        out, kept = place / "site", place / "kept"

        def again() -> Built:
            return build(board, out, kept=kept)

        _print("from nothing", timed(again))
        _print("nothing changed", timed(again))
        task, entry = board.tasks()[0], board.entries()[0].name
        verdict = board.verdict(task, entry)
        assert verdict is not None
        board.keep(_other(verdict, entry, verdict.entry, np.random.default_rng(1)))
        _print("one verdict changed", timed(again))
        for part in ("figures", "pages"):
            shutil.rmtree(kept / part)
        _print("drawings kept alone", timed(again))
        loaded = ("index.html", "assets/style.css", "assets/theme.js", "assets/overview.js")
        size = sum((out / one).stat().st_size for one in loaded)
        sys.stdout.write(f"overview, all that it loads: {size / 1024:.0f} KiB\n")


def _print(what: str, took: Took) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        f"{what}: {len(took.built.pages)} pages, {took.built.written} files written, "
        f"{took.processor:.1f} processor seconds ({took.clock:.1f} by the clock), "
        f"{memory:.0f} MiB\n"
    )


if __name__ == "__main__":
    main()
