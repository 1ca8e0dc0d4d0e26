"""What does every metric say of networks whose modules are known, because they are made?

Measures the reference networks of each task, made and trained, and writes a frame, tables and
figures. Run: python -m benchmarks.calibration [--only PART] [--draws N] [--metrics NAME...]
[--kinds KIND...] [--parts DIR] [--keep FILE] [--out DIR], and with --read FILE for tables and
figures alone. A part of the frame, one task and kind, is kept as soon as it is measured: the same
command goes on where it was stopped, and measures only what is not there.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks.calibration_tables import AXES, write
from benchmarks.reference_networks import DOCTORED, MADE, make
from benchmarks.trained_networks import TRAINED, trained
from bimt_bench import data
from bimt_bench.metrics import METRICS, Scored, scorecards
from bimt_bench.spec import catalog

KINDS = (*MADE, *DOCTORED, *TRAINED)

# Where a network takes ten seconds to measure: how many of each kind are, and how many by metrics
# that are neither axes nor quick.
FEWER = {"vision/mnist": (10, 1)}
_QUICK = (*AXES, "module_excess_error", "performance", "connection_cost", "effective_connections")


def calibrate(
    tasks: Sequence[str],
    *,
    draws: int,
    names: Sequence[str] | None = None,
    kinds: Sequence[str] = (*MADE, *DOCTORED),
    parts: Path | None = None,
    data_dir: Path | None = None,
) -> pd.DataFrame:
    """One row a task, kind and draw, one column a metric.

    parts: a folder where the rows of each task and kind are kept, and looked for first.
    """
    found = []
    for name, kind in ((name, kind) for name in tasks for kind in kinds):
        began = time.process_time()
        file = None if parts is None else parts / name / f"{kind}.parquet"
        own = _part(name, kind, draws=draws, names=names, file=file, data_dir=data_dir)
        if own is not None:
            found.append(own)
            print(f"{name}  {kind}  {time.process_time() - began:.1f} s", flush=True)
    frame = pd.concat(found, ignore_index=True)
    return frame[["task", "kind", "draw", *(name for name in METRICS if name in frame)]]


def _part(
    name: str,
    kind: str,
    *,
    draws: int,
    names: Sequence[str] | None,
    file: Path | None,
    data_dir: Path | None,
) -> pd.DataFrame | None:
    """The rows of a task and kind; None where the task has no such networks."""
    held = pd.read_parquet(file) if file is not None and file.exists() else None
    wanted = [one for one in names or METRICS if held is None or one not in held]
    if not wanted:
        return held
    draws, few = FEWER.get(name, (draws, draws))
    scored = _scored(name, kind, draws=draws, data_dir=data_dir)
    if scored is None:
        return None
    quick = [one for one in wanted if few >= scored.size or one in _QUICK]
    rest = [one for one in wanted if one not in quick]
    frame = scorecards(scored, quick)
    if rest:
        frame = frame.join(scorecards(_first(scored, few), rest))[wanted]
    if held is None:
        frame.insert(0, "draw", list(scored.seeds))
        frame.insert(0, "kind", kind)
        frame.insert(0, "task", name)
    else:
        frame = held.assign(**{one: frame[one] for one in wanted})
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(file, index=False)
    return frame


def _scored(name: str, kind: str, *, draws: int, data_dir: Path | None) -> Scored | None:
    if kind in TRAINED:
        return trained(kind, name, draws=draws, data_dir=data_dir)
    task = catalog.task(name)
    made = make(task, data.load(task.data, data_dir=data_dir), kind, draws)
    return None if made is None else made.scored()


def _first(scored: Scored, few: int) -> Scored:
    kept = scored.population.keep(list(range(few)))
    return replace(scored, population=kept, seeds=scored.seeds[:few])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="tasks whose names have this part")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--metrics", nargs="*", help="these alone; all otherwise")
    parser.add_argument("--kinds", nargs="*", default=KINDS, help="these alone")
    parser.add_argument("--parts", type=Path, default=Path("runs/calibration/parts"))
    parser.add_argument("--keep", type=Path, help="a file for the frame")
    parser.add_argument("--read", type=Path, help="a frame that was kept, instead of measuring")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/calibration"))
    given = parser.parse_args()
    if given.read:
        frame = pd.read_parquet(given.read)
    else:
        frame = calibrate(
            [task.name for task in catalog.tasks() if given.only in task.name],
            draws=given.draws,
            names=given.metrics,
            kinds=given.kinds,
            parts=given.parts,
            data_dir=given.data_dir,
        )
    if given.keep:
        frame.to_parquet(given.keep, index=False)
    for file in write(frame, given.out):
        print(file)


if __name__ == "__main__":
    main()
