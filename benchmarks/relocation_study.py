"""Does it help to place neurons better, or to take the optimizer's moments along?

Trains BIMT with greedy relocation and with assignment, moments staying or travelling, the same
seeds each, and compares with what is published (greedy, moments stay) seed by seed. The table goes
into docs/relocation.md, the members into a Parquet file.
Run: python -m benchmarks.relocation_study [--only TASK]; --table-only makes the table again.
"""

import argparse
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

from bimt_bench import recipes
from bimt_bench.packs import run_pack
from bimt_bench.spec import Configuration, catalog

BEGIN, END = "<!-- study: begin -->", "<!-- study: end -->"
VARIANTS = tuple(product(("greedy", "assignment"), ("stay", "travel")))
RESAMPLES = 10_000
RATIOS = {"connection_cost_configured": "cost", "test_loss": "test loss"}


@dataclass(frozen=True)
class Case:
    """A task, its length (published if None) and how many seeds."""

    task: str
    steps: int | None
    seeds: int


CASES = (
    Case("symbolic/independence", None, 20),
    Case("symbolic/feature_sharing", None, 20),
    Case("modular/addition_59", 3000, 10),
)


def train(case: Case) -> pd.DataFrame:
    """One row a member, all variants and seeds in one pack."""
    task = catalog.task(case.task)
    members = [
        recipes.resolve(
            task,
            Configuration.model_validate(
                {"relocation": method, "moments": moments, "steps": case.steps}
            ),
            seed,
        )
        for method, moments in VARIANTS
        for seed in range(case.seeds)
    ]
    return run_pack(task, members, shuffles=1).frame


def interval(differences: np.ndarray) -> tuple[float, float, float]:
    """Mean of paired differences and its 95 % BCa bootstrap interval over the pairs."""
    if np.ptp(differences) == 0.0:
        return float(differences[0]), float(differences[0]), float(differences[0])
    found = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=0.95,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(differences.mean()), float(found.low), float(found.high)


def compare(frame: pd.DataFrame) -> list[str]:
    """The table's lines of one task."""
    finished = frame[frame["status"] == "ok"]
    by = {
        variant: finished[
            (finished["relocation"] == variant[0]) & (finished["moments"] == variant[1])
        ].set_index("seed")
        for variant in VARIANTS
    }
    base = by[VARIANTS[0]]
    steps = f"{int(frame['steps'].iloc[0]):,} steps"
    lines = []
    for variant, rows in by.items():
        seeds = base.index.intersection(rows.index)
        cells = [str(frame["task"].iloc[0]), steps, " / ".join(variant), str(len(seeds))]
        for metric in RATIOS:
            mean = np.exp(np.log(rows.loc[seeds, metric]).mean())
            cells.append(f"{mean:.3g}{_ratio(rows, base, seeds, metric, variant)}")
        mean = rows.loc[seeds, "modularity_q"].mean()
        cells.append(f"{mean:.3f}{_difference(rows, base, seeds, variant)}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _ratio(
    rows: pd.DataFrame, base: pd.DataFrame, seeds: pd.Index, metric: str, variant: tuple[str, str]
) -> str:
    if variant == VARIANTS[0]:
        return ""
    logs = np.log(rows.loc[seeds, metric].to_numpy() / base.loc[seeds, metric].to_numpy())
    mean, low, high = np.exp(interval(logs))
    return f" (×{mean:.3f}, {low:.3f} to {high:.3f})"


def _difference(
    rows: pd.DataFrame, base: pd.DataFrame, seeds: pd.Index, variant: tuple[str, str]
) -> str:
    if variant == VARIANTS[0]:
        return ""
    values = rows.loc[seeds, "modularity_q"] - base.loc[seeds, "modularity_q"]
    mean, low, high = interval(values.to_numpy())
    return f" ({mean:+.3f}, {low:+.3f} to {high:+.3f})"


def write(frames: list[pd.DataFrame], page: Path) -> None:
    """Puts the table between the page's marks."""
    lines = [
        "| task | length | relocation / moments | seeds | final cost | test loss | modularity Q |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for frame in frames:
        lines += compare(frame)
    text = page.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    page.write_text("\n".join([head + BEGIN, *lines, END]) + tail)
    print("\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="train the task of this name; the others are read")
    parser.add_argument("--table-only", action="store_true", help="train nothing")
    parser.add_argument("--folder", type=Path, default=Path("runs/relocation-study"))
    parser.add_argument("--page", type=Path, default=Path("docs/relocation.md"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    frames = []
    for case in CASES:
        file = given.folder / f"{case.task.replace('/', '-')}.parquet"
        if not given.table_only and given.only in (None, case.task):
            began = time.process_time()
            train(case).to_parquet(file)
            print(f"{case.task}: {time.process_time() - began:.0f} s of one core", flush=True)
        if file.is_file():
            frames.append(pd.read_parquet(file))
    if given.only is None or len(frames) == len(CASES):
        write(frames, given.page)


if __name__ == "__main__":
    main()
