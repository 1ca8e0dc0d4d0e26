"""Do the metrics mean anything? Correlations between them and their power to tell recipes apart.

Reads the frames of finished sweeps and writes for each task family two heatmaps and a Markdown
table. Run: bimt-bench sweep metric_study; python -m benchmarks.metric_study RUN... [--out DIR]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from bimt_bench import driver, plots
from bimt_bench.metrics import METRICS

VANILLA = "vanilla"
_RESAMPLES = 500


def read(runs: Sequence[Path]) -> pd.DataFrame:
    """Trained members of all runs, each once, with the task's family as a column."""
    frame = pd.concat([driver.read_frame(run) for run in runs], ignore_index=True)
    frame = frame[frame["status"] == "ok"].drop_duplicates("member")
    return frame.assign(family=frame["task"].str.split("/").str[0])


def measured(rows: pd.DataFrame) -> list[str]:
    """The metrics that take more than one value in these rows, in the registry's order."""
    return [name for name in METRICS if name in rows and rows[name].nunique() > 1]


def ranks(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Ranks between 0 and 1 within each task: tasks have scales of their own."""
    return rows.groupby("task")[list(names)].rank(pct=True)


def correlations(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Spearman's correlation [metric, metric]: of ranks within each task, tasks pooled."""
    return ranks(rows, names).corr(method="pearson", min_periods=10)


def eta_squared(rows: pd.DataFrame, name: str) -> float:
    """Share of the variance of a metric's ranks that lies between recipes."""
    ranked = ranks(rows, [name])[name].dropna()
    recipe = rows.loc[ranked.index, "recipe"]
    centred = ranked - ranked.mean()
    between = centred.groupby(recipe).transform("mean")
    return float(between.pow(2).sum() / centred.pow(2).sum())


def effects(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Cliff's delta of every recipe against vanilla: columns metric, recipe, delta, low, high.

    P(better than vanilla) - P(worse), averaged over the tasks that have both; the interval is
    the 95 % percentile bootstrap over members, resampled within task and recipe.
    """
    found = []
    for name in names:
        sign = 1.0 if METRICS[name].direction == "higher" else -1.0
        for recipe in sorted(set(rows["recipe"]) - {VANILLA}):
            samples = _samples(rows, name, recipe)
            if samples:
                low, high = _interval(samples, sign)
                delta = sign * _mean_delta(*samples)
                found.append((name, recipe, delta, low, high))
    return pd.DataFrame(found, columns=["metric", "recipe", "delta", "low", "high"])


def _samples(rows: pd.DataFrame, name: str, recipe: str) -> list[np.ndarray]:
    """Values under the recipe and under vanilla, alternating, a pair a task that has both."""
    samples = []
    for _, task in rows.groupby("task"):
        pair = [task.loc[task["recipe"] == r, name].dropna() for r in (recipe, VANILLA)]
        if min(len(values) for values in pair) > 1:
            samples += [values.to_numpy(float) for values in pair]
    return samples


def _mean_delta(*samples: np.ndarray) -> float:
    pairs = zip(samples[::2], samples[1::2], strict=True)
    return float(np.mean([np.sign(a[:, None] - b[None, :]).mean() for a, b in pairs]))


def _interval(samples: list[np.ndarray], sign: float) -> tuple[float, float]:
    interval = stats.bootstrap(
        samples,
        lambda *drawn: sign * _mean_delta(*drawn),
        n_resamples=_RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def table(rows: pd.DataFrame, names: Sequence[str], found: pd.DataFrame) -> str:
    """Markdown: a metric a row, those that tell recipes apart best first."""
    recipes = sorted(set(found["recipe"]))
    lines = ["| metric | better | eta² | " + " | ".join(recipes) + " |"]
    lines.append("| --- | --- | --- |" + " --- |" * len(recipes))
    power = {name: eta_squared(rows, name) for name in names}
    cells = {
        (one.metric, one.recipe): f"{one.delta:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"
        for one in found.itertuples()
    }
    for name in sorted(names, key=lambda name: -power[name]):
        told = " | ".join(cells.get((name, recipe), "") for recipe in recipes)
        lines.append(f"| `{name}` | {METRICS[name].direction} | {power[name]:.2f} | {told} |")
    return "\n".join(lines) + "\n"


def write(rows: pd.DataFrame, *, family: str, out: Path) -> list[Path]:
    """The heatmaps and the table of one task family."""
    names = measured(rows)
    found = effects(rows, names)
    told = f"{len(rows)} members of {rows['task'].nunique()} tasks"
    figures = {
        "correlations": plots.correlation_figure(
            correlations(rows, names), title=f"Metrics on {family} tasks", subtitle=told
        ),
        "effects": plots.effect_figure(
            found.pivot(index="metric", columns="recipe", values="delta").reindex(names),
            title=f"Recipes against vanilla on {family} tasks",
            subtitle=told,
        ),
    }
    files = [f for name, figure in figures.items() for f in plots.save(figure, out / family, name)]
    page = out / family / "metrics.md"
    page.write_text(table(rows, names, found))
    return [*files, page]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="results folders of finished sweeps")
    parser.add_argument("--out", type=Path, default=Path("runs/metric_study"))
    given = parser.parse_args()
    for family, rows in read(given.runs).groupby("family"):
        for file in write(rows, family=str(family), out=given.out):
            print(file)


if __name__ == "__main__":
    main()
