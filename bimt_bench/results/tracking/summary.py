"""What one configuration says to MLflow: its name, parameters, seed statistics and curves."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bimt_bench.ground import InputError

CURVES = ("train_loss", "test_loss", "performance", "cost", "charged_cost")
OF_MEMBERS = (
    "seed", "member", "configuration", "pack", "status", "reason", "metric_faults", "seconds",
)  # fmt: skip
"""Columns that tell members apart or say what became of them: no parameters."""
NAME_LENGTH = 250
# A database write costs 0.2 ms a value, and a chart is no better for more points than these.
CURVE_POINTS = 50


def configuration_of(rows: pd.DataFrame) -> str:
    """The digest of the only configuration in the rows; InputError if there is not one."""
    digests = sorted(rows["configuration"].unique())
    if len(digests) != 1:
        raise InputError(f"rows: must be the members of one configuration, but are of {digests}")
    return str(digests[0])


def run_name(row: pd.Series, published: Mapping[str, object]) -> str:
    """A name to read in a table: 'BIMT strength=0.3 geometry=ring'.

    The recipe's title, its dial, and the settings that differ from the task's `published` ones.
    """
    from bimt_bench.results.columns import plain_cell
    from bimt_bench.results.words import said_of_run, title_of

    values = {str(name): plain_cell(value) for name, value in row.items()}
    words = [title_of(str(values["recipe"]))]
    words += [f"{name}={value}" for name, value in said_of_run(values, published).items()]
    name = " ".join(words)
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def parameters(rows: pd.DataFrame) -> dict[str, str]:
    """What the members share, and their seeds, as MLflow parameters, as far as it is known.

    Every column of the frame that is no metric and takes one value: what is missing is left out.
    """
    from bimt_bench.metrics import METRICS

    told = [str(name) for name in rows.columns if name not in (*METRICS, *OF_MEMBERS)]
    row = rows.iloc[0]
    shared = {
        name: str(row[name])
        for name in told
        if not pd.isna(row[name]) and rows[name].nunique(dropna=False) == 1
    }
    return {**shared, "seeds": ", ".join(str(seed) for seed in sorted(rows["seed"]))}


def seed_statistics(rows: pd.DataFrame) -> dict[str, float]:
    """Mean `<metric>` and sample standard deviation `<metric>_std` over the seeds.

    Diverged members are counted in `diverged` and left out of the rest; `seeds` says how many
    remain. What no seed measured, and the deviation of a single seed, is absent.
    """
    # Imported here: the registry brings torch, which the command that opens a page can do without.
    from bimt_bench.metrics import METRICS

    trained = _trained(rows)
    values: dict[str, float] = {}
    # Performance first: MLflow's compare page starts from the first metric logged.
    names = dict.fromkeys(("performance", *METRICS, "seconds"))
    for name in (name for name in names if name in rows.columns):
        column = pd.to_numeric(trained[name])
        values[name] = float(column.mean())
        if name != "seconds":
            values[f"{name}_std"] = float(column.std(ddof=1))
    values["seeds"] = float(len(trained))
    values["diverged"] = float(len(rows) - len(trained))
    return finite(values)


def mean_curves(rows: pd.DataFrame, curves: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Seed means of the learning curves, as {`curve/<name>`: {step: value}}.

    curves: columns member (digest), step and those of `CURVES`; other members' rows are ignored.
    At most `CURVE_POINTS` evenly chosen steps, the first and the last among them.
    """
    own = curves[curves["member"].isin(_trained(rows)["member"])]
    means = own.groupby("step")[[name for name in CURVES if name in own.columns]].mean()
    kept = np.linspace(0, len(means) - 1, min(len(means), CURVE_POINTS)).round().astype(int)
    means = means.iloc[kept]
    return {
        f"curve/{name}": {
            int(step): value
            for step, value in zip(means.index, means[name].tolist(), strict=True)
            if math.isfinite(value)
        }
        for name in means.columns
    }


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """The values that are numbers: MLflow charts have no place for NaN and infinity."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def reasons(rows: pd.DataFrame) -> str:
    """Why members diverged, one line a seed; empty if none did."""
    lost = rows[rows["status"] == "diverged"].sort_values("seed")
    return "\n".join(f"seed {row['seed']}: {row['reason']}" for _, row in lost.iterrows())


def all_diverged(rows: pd.DataFrame) -> bool:
    """Whether no member finished."""
    return _trained(rows).empty


def _trained(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["status"] == "ok"]
