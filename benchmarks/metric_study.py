"""Do the metrics mean anything? Correlations between them and their power to tell recipes apart.

Reads the frames of finished sweeps and writes for each task family two heatmaps and a Markdown
table. Run: bimt-bench sweep metric_study; python -m benchmarks.metric_study RUN... [--out DIR]
[--keep DIR]. The frames of the published study, results/metric_study/*.parquet, may stand for RUN.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bimt_bench.metrics import METRICS
from bimt_bench.results import plots, read_frame

VANILLA, L1, BESIDE = "vanilla", "l1", "BIMT vs L1"
SPARSITY = "effective_connections"
_RESAMPLES = 500
_KEPT = ("task", "recipe", "strength", "seed", "member", "status", "steps", "shuffles")


def read(runs: Sequence[Path]) -> pd.DataFrame:
    """Trained members of all runs, each once, with the task's family as a column."""
    frame = pd.concat([read_frame(run) for run in runs], ignore_index=True)
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
    return _between(ranked - ranked.mean(), rows["recipe"])


def beyond_sparsity(rows: pd.DataFrame, name: str) -> float:
    """The same of what is left of the ranks when those of sparsity have explained their part.

    Among penalised members only: vanilla ones are told apart by any metric of sparsity.
    """
    penalised = rows[rows["recipe"] != VANILLA]
    ranked = ranks(penalised, list(dict.fromkeys([name, SPARSITY]))).dropna()
    ranked = ranked - ranked.mean()
    sparsity = ranked[SPARSITY]
    slope = (ranked[name] * sparsity).sum() / sparsity.pow(2).sum()
    return _between(ranked[name] - slope * sparsity, rows["recipe"])


def _between(centred: pd.Series, recipe: pd.Series) -> float:
    """Share of the sum of squares that lies between recipes; NaN if there is nothing to share."""
    total = float(centred.pow(2).sum())
    between = centred.groupby(recipe.loc[centred.index]).transform("mean")
    return float(between.pow(2).sum()) / total if total > 1e-9 else float("nan")


def effects(rows: pd.DataFrame, names: Sequence[str], *, against: str = VANILLA) -> pd.DataFrame:
    """Cliff's delta of every recipe against one: columns metric, recipe, delta, low, high.

    P(better than `against`) - P(worse), averaged over the tasks that have both, and over the
    penalty strengths unless `against` is vanilla, which has none; the interval is the 95 %
    percentile bootstrap over members, resampled within task, recipe and strength.
    """
    found = []
    blocks = ["task"] if against == VANILLA else ["task", "strength"]
    for name in names:
        sign = 1.0 if METRICS[name].direction == "higher" else -1.0
        for recipe in sorted(set(rows["recipe"]) - {VANILLA, against}):
            samples = _samples(rows, name, (recipe, against), blocks)
            if samples:
                low, high = _interval(samples, sign)
                delta = sign * _mean_delta(*samples)
                found.append((name, recipe, delta, low, high))
    return pd.DataFrame(found, columns=["metric", "recipe", "delta", "low", "high"])


def beside_l1(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The effects of BIMT against L1: what distance and relocation add to a penalty."""
    found = effects(rows, names, against=L1)
    return found[found["recipe"] == "bimt"].assign(recipe=BESIDE)


def _samples(
    rows: pd.DataFrame, name: str, recipes: tuple[str, str], blocks: list[str]
) -> list[np.ndarray]:
    """Values under one recipe and under the other, alternating, a pair a block that has both."""
    samples = []
    for _, block in rows.groupby(blocks):
        pair = [block.loc[block["recipe"] == recipe, name].dropna() for recipe in recipes]
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
    """Markdown: a metric a row, those that tell recipes apart best first.

    Cells of recipes are effects against vanilla with their intervals.
    """
    recipes = sorted(set(found["recipe"]) - {BESIDE})
    heads = ["metric", "better", "eta²", "beyond sparsity", "rho", BESIDE, *recipes]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    power = {name: eta_squared(rows, name) for name in names}
    against = {one.metric: one for one in found[found["recipe"] == BESIDE].itertuples()}
    found = found[found["recipe"] != BESIDE]
    cells = {(one.metric, one.recipe): _interval_text(one) for one in found.itertuples()}
    likeness = correlations(rows, names).get(SPARSITY, pd.Series(dtype=float))
    for name in sorted(names, key=lambda name: -power[name]):
        told = [
            f"`{name}`",
            METRICS[name].direction,
            f"{power[name]:.2f}",
            f"{beyond_sparsity(rows, name):.2f}" if SPARSITY in names else "",
            f"{likeness.get(name, float('nan')):+.2f}",
            _interval_text(against[name]) if name in against else "",
            *(cells.get((name, recipe), "") for recipe in recipes),
        ]
        lines.append(f"| {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def _interval_text(effect: Any) -> str:
    """A row of `effects` as '+0.50 [+0.30, +0.70]'."""
    return f"{effect.delta:+.2f} [{effect.low:+.2f}, {effect.high:+.2f}]"


def keep(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """The frames of a study, a task family a file, with no more columns than the study reads."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for family, own in rows.groupby("family"):
        file = folder / f"{family}.parquet"
        names = [name for name in METRICS if name in own and own[name].notna().any()]
        own[[*_KEPT, *names]].to_parquet(file, index=False)
        files.append(file)
    return files


def write(rows: pd.DataFrame, *, family: str, out: Path) -> list[Path]:
    """The heatmaps and the table of one task family."""
    names = measured(rows)
    found = pd.concat([effects(rows, names), beside_l1(rows, names)], ignore_index=True)
    tasks = rows["task"].nunique()
    told = f"{len(rows)} members of {tasks} task{'s' if tasks > 1 else ''}"
    figures = {
        "correlations": plots.correlation_figure(
            correlations(rows, names), title=f"Metrics on {family} tasks", subtitle=told
        ),
        "effects": plots.effect_figure(
            found.pivot(index="metric", columns="recipe", values="delta").reindex(names),
            title=f"Recipes told apart on {family} tasks",
            subtitle=told,
        ),
    }
    files = [f for name, figure in figures.items() for f in plots.save(figure, out / family, name)]
    page = out / family / "metrics.md"
    page.write_text(table(rows, names, found))
    return [*files, page]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="results folders, or their frames")
    parser.add_argument("--out", type=Path, default=Path("runs/metric_study"))
    parser.add_argument("--keep", type=Path, help="a folder for the frames, small enough to keep")
    given = parser.parse_args()
    found = read(given.runs)
    for file in keep(found, given.keep) if given.keep else ():
        print(file)
    for family, rows in found.groupby("family"):
        for file in write(rows, family=str(family), out=given.out):
            print(file)


if __name__ == "__main__":
    main()
