"""What configurations say to MLflow: their names, parameters, seed statistics and curves.

Of many configurations at a time: pandas takes as long for one as for a hundred.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from bimt_bench.spec import PHASE, SEARCH, is_of_validation

CURVES = ("train_loss", "test_loss", "performance", "cost", "charged_cost")
OF_MEMBERS = (
    "seed", "member", "configuration", "pack", "status", "reason", "metric_faults", "metric_gaps",
    "seconds",
)  # fmt: skip
"""Columns that tell members apart or say what became of them: no parameters."""
AXIS = "modularity"
"""The metric on the task's own axis, by one name for all tasks, so that a table has one column."""
NAME_LENGTH = 250
VALUE_LENGTH = 6000  # MLflow cuts longer parameters, with a warning
NOTE_LENGTH = 7900  # of 8,000, with the heading
# A database write costs 0.1 ms a value, and a chart is no better for more points than these.
CURVE_POINTS = 16

_Key = TypeVar("_Key", bound=Hashable)


def run_name(row: Mapping[str, object], published: Mapping[str, object]) -> str:
    """A name to read in a table: 'symbolic/independence · BIMT strength=0.3 geometry=ring'.

    The task, the recipe's title, its dial, and the settings that are not the task's `published`
    ones; '(search)' where its members are no results. Where that is too much, whole settings are
    left out, and the name says how many.
    """
    from bimt_bench.results.columns import plain_cell
    from bimt_bench.results.words import said_of_run, title_of

    values = {str(name): plain_cell(value) for name, value in row.items()}
    settings = [f"{name}={value}" for name, value in said_of_run(values, published).items()]
    phase = [f"({SEARCH})"] if values.get(PHASE) == SEARCH else []
    return _fitting([f"{row['task']} · {title_of(str(values['recipe']))}", *phase, *settings])


def _fitting(words: Sequence[str]) -> str:
    """The words that fit into a name, and how many did not."""
    if len(name := " ".join(words)) <= NAME_LENGTH:
        return name
    for kept in range(len(words) - 1, 0, -1):
        name = " ".join([*words[:kept], f"… and {len(words) - kept} more"])
        if len(name) <= NAME_LENGTH:
            return name
    return _cut(words[0], NAME_LENGTH)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def parameters(rows: pd.DataFrame, axis: str | None = None) -> dict[str, dict[str, str]]:
    """What the members of each configuration share, and their seeds, as MLflow parameters.

    Every column of the frame that is no metric and takes one value: what is missing is left out.
    `axis` is the task's modularity axis, told with its version.
    """
    from bimt_bench.metrics import METRICS, versions_in

    of_axis = versions_in(rows, str(axis)).to_numpy()
    measured = {*METRICS, *filter(is_of_validation, rows.columns)}
    told = [str(name) for name in rows.columns if name not in {*measured, *OF_MEMBERS}]
    cells = rows[told].to_numpy(dtype=object)
    cells[pd.isna(cells)] = None
    found: dict[str, dict[str, str]] = {}
    for configuration, places in rows.groupby("configuration", sort=False).indices.items():
        own = cells[places]
        same = (own == own[0]).all(axis=0)
        values = {
            name: _cut(str(value), VALUE_LENGTH)
            for name, value, is_same in zip(told, own[0], same, strict=True)
            if is_same and value is not None
        }
        if axis is not None:
            values["modularity_axis"] = axis
            versions = sorted({str(one) for one in of_axis[places]})
            values["modularity_axis_version"] = ", ".join(versions)
        values["seeds"] = said_seeds(rows["seed"].iloc[places])
        found[str(configuration)] = values
    return found


def said_seeds(seeds: Iterable[int]) -> str:
    """The seeds in order: '0, 1, 2', or, where that is too long, '0..9999 (10,000 seeds)'."""
    ordered = sorted(int(seed) for seed in seeds)
    listed = ", ".join(str(seed) for seed in ordered)
    if len(listed) <= VALUE_LENGTH:
        return listed
    ends = [i for i in range(1, len(ordered)) if ordered[i] != ordered[i - 1] + 1]
    runs = [ordered[a:b] for a, b in zip([0, *ends], [*ends, len(ordered)], strict=True)]
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs]
    count = f"({len(ordered):,} seeds)"
    ranges = f"{', '.join(parts)} {count}"
    if len(ranges) <= VALUE_LENGTH:
        return ranges
    return f"from {ordered[0]} to {ordered[-1]}, with gaps {count}"


def seed_statistics(rows: pd.DataFrame, axis: str | None = None) -> dict[str, dict[str, float]]:
    """Of each configuration: mean `<metric>` and sample deviation `<metric>_std` over the seeds.

    Diverged members are counted in `diverged` and left out of the rest; `seeds` says how many
    remain. What no seed measured, and the deviation of a single seed, is absent. `modularity` is
    the metric `axis`.
    """
    # Imported here: the registry brings torch, which the command that opens a page can do without.
    from bimt_bench.metrics import METRICS

    # Performance first: MLflow's compare page starts from the first metric logged.
    further = filter(is_of_validation, rows.columns)
    known = dict.fromkeys(("performance", *METRICS, *further, "seconds"))
    names = [name for name in known if name in rows.columns]
    numbers = pd.DataFrame({name: _numbers(rows[name]) for name in names}, index=rows.index)
    if axis in names:
        numbers.insert(1, AXIS, numbers[axis])
    is_ok = rows["status"] == "ok"
    groups = numbers[is_ok].groupby(rows["configuration"][is_ok], sort=False)
    members = rows.groupby("configuration", sort=False).size()
    means = groups.mean().reindex(members.index)
    deviations = groups.std(ddof=1).drop(columns="seconds", errors="ignore").add_suffix("_std")
    table = means.join(deviations)
    beside = (f"{name}_std" for name in numbers)
    table = table[[n for pair in zip(numbers, beside, strict=True) for n in pair if n in table]]
    table["seeds"] = groups.size().reindex(members.index, fill_value=0)
    table["diverged"] = members - table["seeds"]
    columns = list(table.columns)
    return {
        str(configuration): finite(dict(zip(columns, values.tolist(), strict=True)))
        for configuration, values in zip(table.index, table.to_numpy(dtype=float), strict=True)
    }


def _numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column).to_numpy(dtype=float, na_value=math.nan)


def mean_curves(rows: pd.DataFrame, curves: pd.DataFrame) -> dict[str, dict[str, dict[int, float]]]:
    """Seed means of the learning curves: configuration -> {`curve/<name>`: {step: value}}.

    curves: columns member (digest), step and those of `CURVES`; other members' rows are ignored.
    At most `CURVE_POINTS` evenly chosen steps, the first and the last among them.
    """
    trained = rows.loc[rows["status"] == "ok", ["member", "configuration"]]
    names = [name for name in CURVES if name in curves.columns]
    own = curves[["member", "step", *names]].merge(trained, on="member")
    means = own.groupby(["configuration", "step"])[names].mean()
    found: dict[str, dict[str, dict[int, float]]] = {}
    for configuration, curve in means.groupby(level="configuration"):
        count = min(len(curve), CURVE_POINTS)
        kept = np.linspace(0, len(curve) - 1, count).round().astype(int)
        steps = [int(step) for step in curve.index.get_level_values("step")[kept]]
        found[str(configuration)] = {
            f"curve/{name}": finite(dict(zip(steps, values.tolist(), strict=True)))
            for name, values in zip(names, curve.to_numpy(dtype=float)[kept].T, strict=True)
        }
    return found


def finite(values: Mapping[_Key, float]) -> dict[_Key, float]:
    """The values that are numbers: MLflow charts have no place for NaN and infinity."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def reasons(rows: pd.DataFrame) -> str:
    """Why members diverged, one line a seed; empty if none did."""
    lost = rows[rows["status"] == "diverged"].sort_values("seed")
    lines = [f"seed {seed}: {why}" for seed, why in zip(lost["seed"], lost["reason"], strict=True)]
    return _cut("\n".join(lines), NOTE_LENGTH)


def all_diverged(rows: pd.DataFrame) -> bool:
    """Whether no member finished."""
    return not (rows["status"] == "ok").any()
