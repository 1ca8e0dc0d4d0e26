"""What conclusions rested on in the first release, and what they rest on now, in one table.

What is now is computed here: from the calibration and the metric study in results/, and from
simulations with a known truth. So is what was, where today's code still has the old estimator or
axis; the error of `lesion_effect`, the least p and the silent zeros are those reported then.

Run: python -m benchmarks.before_and_after
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import bimt_bench
from benchmarks.calibration_tables import DOCTORED, NOTHING, best_values, doctored_gains, faults
from benchmarks.coverage import planes
from bimt_bench.results import Results
from bimt_bench.results.statistics import (
    half_split,
    raw_volume,
    smoothed,
    t_interval,
    two_part_interval,
)
from bimt_bench.spec import catalog

RESULTS = Path(__file__).parents[1] / "results"
TASK = "symbolic/independence"
AXIS, OLD_AXIS = "module_excess_cautious", "cross_cluster_mass"
RUNS = 4000
Row = tuple[str, ...]


def old_axis(task: str) -> str:
    """The default axis that a task had in the first release."""
    return OLD_AXIS if task.startswith(("symbolic/", "modular/")) else "modularity_q"


def of_axes(frame: pd.DataFrame) -> Iterator[Row]:
    """The default axes on the reference networks."""
    own = frame[frame["task"] == TASK]
    means = {
        axis: [own.loc[own["kind"] == kind, axis].mean() for kind in ("ideal", "sparse 0.1")]
        for axis in (OLD_AXIS, AXIS)
    }
    yield (
        f"default axis, `{TASK}`: ideal blocks; random on a tenth of the places",
        *("; ".join(f"{one:.2f}" for one in found) for found in means.values()),
    )
    tasks = list(dict.fromkeys(frame["task"]))
    ordered = [
        sum(not faults(frame, task, axis(task)) for task in tasks)
        for axis in (old_axis, lambda task: catalog.task(task).modularity_axis)
    ]
    yield (
        "tasks whose made networks the default axis orders",
        *(f"{one} of {len(tasks)}" for one in ordered),
    )
    gains = {
        axis: [doctored_gains(frame, task, axis) for task in tasks]
        for axis in ("modularity_q", OLD_AXIS, AXIS)
    }
    for kind in (kind for kind in DOCTORED if kind != "spare"):
        worst = {a: max(one.get(kind, -np.inf) for one in own) for a, own in gains.items()}
        yield (
            f"most that {kind} raise the mean of a default axis",
            f"{max(worst['modularity_q'], worst[OLD_AXIS]):+.2f}",
            f"{worst[AXIS]:+.4f}",
        )
    idle = frame[frame["kind"].isin([*NOTHING, "dense", "giant"])]
    blank = idle[["circuit_size", "circuit_size_per_class", "live_neurons"]]
    missing = int(blank.isna().sum().sum())
    yield (
        "values of `circuit_size`, `circuit_size_per_class` and `live_neurons` of untrained and "
        "collapsed networks; best values of any metric",
        "0, their best value; three metrics",
        f"missing, {missing} of {blank.size}; {len(best_values(frame, NOTHING))}",
    )


def of_draws(frame: pd.DataFrame) -> Iterator[Row]:
    """Figures that rest on draws."""
    error = frame["lesion_effect_error"].dropna()
    yield (
        "standard error of `lesion_effect`",
        "0.17 (five sets), not stored",
        f"at most 0.02 in {100 * (error <= 0.02).mean():.0f} % of {len(error)}, "
        f"at most {error.max():.3f}; stored",
    )
    yield "least `modularity_p`", f"{1 / 21:.3f}", f"{frame['modularity_p'].min():.3f}"


def of_intervals(generator: np.random.Generator) -> Iterator[Row]:
    """Means: how often intervals hold the truth, and what lost members count."""
    for seeds in (3, 5, 6, 10):
        values = generator.standard_normal((RUNS, seeds))
        again = generator.integers(0, seeds, (1000, seeds))
        ends = np.percentile(values[:, again].mean(axis=2), [2.5, 97.5], axis=1)
        _, low, high = t_interval(values)
        held = [100 * ((a <= 0) & (b >= 0)).mean() for a, b in (ends, (low, high))]
        yield f"a 95 % interval of {seeds} seeds holds the truth", *(f"{one:.0f} %" for one in held)
    finished = np.array([0.89, 0.90, 0.91])
    found = two_part_interval(finished, lost=2, trivial=0.0)
    yield (
        "mean performance where two of five seeds collapse to 0 (true: 0.54)",
        f"{finished.mean():.2f}",
        f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}], lost: 2",
    )


def of_volumes(generator: np.random.Generator) -> Iterator[Row]:
    """Volumes: trying more, and directions."""
    means = (np.full(9, 0.67), np.full(9, 0.67))
    for seeds in (3, 5):
        x, y = planes(means, seeds, RUNS // 4, generator)
        raw = raw_volume(x.mean(axis=-1), y.mean(axis=-1)).mean()
        yield (
            f"volume of nine equal configurations, {seeds} seeds (true: {0.67**2:.3f})",
            f"{raw:.3f}",
            f"H {half_split(x, y).value.mean():.3f}, M {smoothed(x, y).value.mean():.3f}",
        )
    study = bimt_bench.load(RESULTS / "metric_study" / "symbolic.parquet")
    for axis in ("ncut", "connection_cost", "effective_connections"):
        table = study.tradeoff(TASK, x=axis).recipe_table().set_index("recipe")
        yield (
            f"volume of BIMT against `{axis}`, where lower is better",
            "0 (silently)",
            f"{table.loc['bimt', 'hypervolume']:.3g} from {table.loc['bimt', 'corner']}",
        )
    yield from _of_ranks(study)


def _of_ranks(study: Results) -> Iterator[Row]:
    table = study.tradeoff(TASK, x=OLD_AXIS).recipe_table().set_index("recipe")
    low = study.tradeoff(TASK, x=OLD_AXIS, corner="nadir").recipe_table().set_index("recipe")
    bimt = table.loc["bimt"]
    yield (
        f"BIMT's rank on `{TASK}` against `{OLD_AXIS}`",
        f"{bimt['rank']} at (0, 0); {low.loc['bimt', 'rank']} at the nadir: one of the two",
        f"{bimt['standing']}: {bimt['rank_best']} to {bimt['rank_worst']} over 25 corners",
    )
    l1 = table.loc["l1"]
    yield (
        "beside the means of R2: L1, baseline's best 0.995",
        f"mean {l1['y_mean']:.4f}",
        f"interquartile mean {l1['y_middle']:.4f}, improvement {l1['y_improvement']:.2f}",
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    frame = pd.read_parquet(RESULTS / "calibration.parquet")
    generator = np.random.default_rng(0)
    print("| what | first release | now |\n| --- | --- | --- |")
    for rows in (of_axes(frame), of_draws(frame), of_intervals(generator), of_volumes(generator)):
        for row in rows:
            print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
