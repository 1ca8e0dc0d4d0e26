"""What does every metric say of networks whose modules are known, because they are made?

Measures the reference networks of each task and writes a frame, a table and a figure for each
axis. Run: python -m benchmarks.calibration [--only PART] [--draws N] [--metrics NAME...]
[--kinds KIND...] [--keep FILE] [--out DIR], and with --read FILE for tables and figures alone.
--trained N adds N trained members of three recipes: to be looked at once an axis is chosen.
"""

import argparse
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.reference_networks import DOCTORED, MADE, make
from bimt_bench import data, recipes
from bimt_bench.engine import train_population
from bimt_bench.metrics import METRICS, Scored, scorecards
from bimt_bench.results import plots
from bimt_bench.spec import Configuration, catalog

AXES = (
    "module_excess_cautious", "module_excess", "cross_cluster_mass", "modularity_q",
    "modularity_z", "ncut",
)  # fmt: skip
FALLING = ("ideal", "ideal + 0.1", "ideal + 0.3")
RANDOM = ("dense", "sparse")
TRAINED = ("vanilla", "l1", "bimt")
NOTHING = ("empty", "constant", "nearly constant")


def calibrate(
    tasks: Sequence[str],
    *,
    draws: int,
    names: Sequence[str] | None = None,
    kinds: Sequence[str] = (*MADE, *DOCTORED),
    data_dir: Path | None = None,
) -> pd.DataFrame:
    """One row a task, kind and draw, one column a metric."""
    parts = []
    for name in tasks:
        task = catalog.task(name)
        loaded = data.load(task.data, data_dir=data_dir)
        for kind in kinds:
            began = time.process_time()
            made = make(task, loaded, kind, draws)
            if made is not None:
                frame = scorecards(made.scored(), names)
                frame.insert(0, "draw", range(draws))
                frame.insert(0, "kind", kind)
                frame.insert(0, "task", name)
                parts.append(frame)
                print(f"{name}  {kind}  {time.process_time() - began:.1f} s", flush=True)
    return pd.concat(parts, ignore_index=True)


def trained(
    name: str, *, seeds: int, names: Sequence[str] | None = None, data_dir: Path | None = None
) -> pd.DataFrame:
    """The same of members that are trained, at their published length and strength."""
    task = catalog.task(name)
    loaded = data.load(task.data, data_dir=data_dir)
    asked = [(recipe, seed) for recipe in TRAINED for seed in range(seeds)]
    members = [recipes.resolve(task, Configuration(recipe=recipe), seed) for recipe, seed in asked]
    population = train_population(task, loaded, members).population
    frame = scorecards(Scored(task, loaded, population, tuple(s for _, s in asked)), names)
    frame.insert(0, "draw", [seed for _, seed in asked])
    frame.insert(0, "kind", [recipe for recipe, _ in asked])
    frame.insert(0, "task", name)
    return frame


def interval(values: pd.Series) -> tuple[float, float, float]:
    """The mean and its 95 % interval by Student's t; NaN where a value is missing."""
    known = values.to_numpy(float)
    if np.isnan(known).any() or len(known) < 2:
        return np.nan, np.nan, np.nan
    half = stats.t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known))
    return float(known.mean()), float(known.mean() - half), float(known.mean() + half)


def faults(frame: pd.DataFrame, task: str, axis: str) -> list[str]:
    """What an axis gets wrong on a task's made networks; nothing if it orders them rightly.

    The ideal ones lie above those with noise of 0.1, those above noise of 0.3, those above
    random ones, dense and sparse, all outside each other's intervals of the mean; empty and
    collapsed ones have no value, or none above the random ones' lowest.
    """
    rows = frame[frame["task"] == task]
    sign = 1.0 if METRICS[axis].direction == "higher" else -1.0
    values = {str(kind): sign * own[axis] for kind, own in rows.groupby("kind")}
    found = {kind: interval(own) for kind, own in values.items()}
    ladder = [*itertools.pairwise(FALLING), *((FALLING[-1], one) for one in RANDOM)]
    wrong = [f"{a} not above {b}" for a, b in ladder if not found[a][1] > found[b][2]]
    lowest = min(values[one].min() for one in RANDOM)
    wrong += [f"{one} not missing or below random" for one in NOTHING if values[one].max() > lowest]
    return wrong


def doctored_gains(frame: pd.DataFrame, task: str, axis: str) -> dict[str, float]:
    """By how much doctored networks outrank their clean selves, the mean over draws."""
    rows = frame[frame["task"] == task].set_index(["kind", "draw"])[axis]
    sign = 1.0 if METRICS[axis].direction == "higher" else -1.0
    if "spare" not in rows.index:
        return {}
    kinds = [kind for kind in DOCTORED if kind != "spare" and kind in rows.index]
    return {kind: float((sign * (rows[kind] - rows["spare"])).mean()) for kind in kinds}


def table(frame: pd.DataFrame, axis: str) -> str:
    """Markdown: a kind a row, a task a column; the mean of an axis and its sd over draws."""
    tasks = list(dict.fromkeys(frame["task"]))
    lines = [f"| {axis} | {' | '.join(tasks)} |", f"|{' --- |' * (1 + len(tasks))}"]
    for kind in _kinds(frame):
        cells = [_cell(frame[(frame["task"] == t) & (frame["kind"] == kind)][axis]) for t in tasks]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _kinds(frame: pd.DataFrame) -> list[str]:
    there = {*frame["kind"]}
    return [kind for kind in (*MADE, *DOCTORED, *TRAINED) if kind in there]


def _cell(values: pd.Series) -> str:
    known = values.dropna()
    if known.empty:
        return "" if values.empty else "missing"
    told = f"{known.mean():.2f} ± {known.std():.2f}"
    return told if len(known) == len(values) else f"{told} ({len(known)} of {len(values)})"


def verdicts(frame: pd.DataFrame, axes: Sequence[str]) -> str:
    """Markdown: an axis a row, a task a column; 'yes', or what it gets wrong."""
    tasks = list(dict.fromkeys(frame["task"]))
    lines = [f"| axis | {' | '.join(tasks)} |", f"|{' --- |' * (1 + len(tasks))}"]
    for axis in axes:
        cells = [_verdict(frame, task, axis) for task in tasks]
        lines.append(f"| `{axis}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _verdict(frame: pd.DataFrame, task: str, axis: str) -> str:
    rows = frame[frame["task"] == task]
    needed = {*FALLING, *RANDOM, *NOTHING}
    if rows[axis].isna().all() or not needed <= {*rows["kind"]}:
        return "not measured"
    return "; ".join(faults(frame, task, axis)) or "yes"


def write(frame: pd.DataFrame, out: Path) -> list[Path]:
    """The tables of all axes in one page, and a figure of each."""
    out.mkdir(parents=True, exist_ok=True)
    axes = [axis for axis in AXES if axis in frame and frame[axis].notna().any()]
    page = out / "calibration.md"
    parts = [verdicts(frame, axes), *(table(frame, axis) for axis in axes)]
    gains = pd.DataFrame(
        {(t, a): doctored_gains(frame, t, a) for t in dict.fromkeys(frame["task"]) for a in axes}
    )
    page.write_text("\n".join(parts) + "\n" + gains.T.round(3).to_string() + "\n")
    files = [page]
    for axis in axes[:4]:
        means = frame.pivot_table(index="kind", columns="task", values=axis, sort=False)
        figure = plots.reference_figure(
            means.reindex(_kinds(frame)),
            title=f"{METRICS[axis].title} of networks that are made",
            subtitle=f"means of {frame['draw'].nunique()} draws; white: no value",
        )
        files += plots.save(figure, out, f"calibration-{axis.replace('_', '-')}")
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="tasks whose names have this part")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--metrics", nargs="*", help="these alone; all otherwise")
    parser.add_argument("--trained", type=int, default=0, help="members of each recipe")
    parser.add_argument("--kinds", nargs="*", default=[*MADE, *DOCTORED], help="these alone")
    parser.add_argument("--keep", type=Path, help="a file for the frame; other networks in it stay")
    parser.add_argument("--read", type=Path, help="a frame that was kept, instead of measuring")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/calibration"))
    given = parser.parse_args()
    if given.read:
        frame = pd.read_parquet(given.read)
    else:
        tasks = [task.name for task in catalog.tasks() if given.only in task.name]
        parts = [
            trained(task, seeds=given.trained, names=given.metrics, data_dir=given.data_dir)
            for task in tasks
            if given.trained
        ]
        made = calibrate(
            tasks,
            draws=given.draws,
            names=given.metrics,
            kinds=given.kinds,
            data_dir=given.data_dir,
        )
        frame = pd.concat([made, *parts], ignore_index=True)
    if given.keep:
        if given.keep.exists() and not given.read:
            before = pd.read_parquet(given.keep)
            measured = set(zip(frame["task"], frame["kind"], strict=True))
            pairs = zip(before["task"], before["kind"], strict=True)
            stay = [pair not in measured for pair in pairs]
            frame = pd.concat([before[stay], frame], ignore_index=True)
        frame.to_parquet(given.keep, index=False)
    for file in write(frame, given.out):
        print(file)


if __name__ == "__main__":
    main()
