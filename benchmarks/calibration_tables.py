"""What the calibration says: which axes order the reference networks, and how; tables, figures."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.reference_networks import DOCTORED, MADE
from benchmarks.trained_networks import TRAINED
from bimt_bench.metrics import METRICS
from bimt_bench.results import plots
from bimt_bench.spec import catalog

AXES = (
    "module_excess_cautious", "module_excess", "cross_cluster_mass", "modularity_q",
    "modularity_z", "ncut",
)  # fmt: skip
FALLING = ("ideal", "ideal + 0.1", "ideal + 0.3")
RANDOM = ("dense", "sparse")
NOTHING = ("empty", "constant", "nearly constant")
DRAWN = 4
"""So many axes have a figure."""


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
    values = _upwards(frame, task, axis)
    found = {kind: interval(own) for kind, own in values.items()}
    ladder = [*itertools.pairwise(FALLING), *((FALLING[-1], one) for one in RANDOM)]
    wrong = [f"{a} not above {b}" for a, b in ladder if not found[a][1] > found[b][2]]
    lowest = min(values[one].min() for one in RANDOM)
    wrong += [f"{one} not missing or below random" for one in NOTHING if values[one].max() > lowest]
    return wrong


def order(frame: pd.DataFrame, task: str, axis: str) -> str:
    """The made networks from the best mean to the worst, in words; missing ones last.

    '>' stands where a mean lies outside the other's 95 % interval, '=' where it does not.
    """
    values = _upwards(frame, task, axis)
    kinds = (*FALLING, *RANDOM, *NOTHING)
    found = {kind: interval(values[kind]) for kind in kinds if kind in values}
    known = sorted((k for k, v in found.items() if np.isfinite(v[0])), key=lambda k: -found[k][0])
    if not known:
        return "not measured"
    words = known[0]
    for above, below in itertools.pairwise(known):
        apart = found[above][1] > found[below][2]
        words += f" {'>' if apart else '='} {below}"
    missing = [kind for kind in found if kind not in known]
    return words + (f"; no value: {', '.join(missing)}" if missing else "")


def _upwards(frame: pd.DataFrame, task: str, axis: str) -> dict[str, pd.Series]:
    """The values of each kind, turned so that more is better."""
    rows = frame[frame["task"] == task]
    sign = 1.0 if METRICS[axis].direction == "higher" else -1.0
    return {str(kind): sign * own[axis] for kind, own in rows.groupby("kind")}


def doctored_gains(frame: pd.DataFrame, task: str, axis: str) -> dict[str, float]:
    """By how much doctored networks outrank their clean selves, the mean over draws."""
    rows = frame[frame["task"] == task].set_index(["kind", "draw"])[axis]
    sign = 1.0 if METRICS[axis].direction == "higher" else -1.0
    if "spare" not in rows.index:
        return {}
    kinds = [kind for kind in DOCTORED if kind != "spare" and kind in rows.index]
    return {kind: float((sign * (rows[kind] - rows["spare"])).mean()) for kind in kinds}


def best_values(frame: pd.DataFrame, kinds: Sequence[str]) -> list[tuple[str, str, str]]:
    """Where a metric gives a network of these kinds the best value there is: task, kind, metric.

    Of performance and of errors a best value says nothing of modules.
    """
    judged = [
        name
        for name, one in METRICS.items()
        if name in frame and one.family != "performance" and not name.endswith("_error")
    ]
    found = []
    for (task, kind), rows in frame[frame["kind"].isin(kinds)].groupby(["task", "kind"]):
        for name in judged:
            one = METRICS[name]
            best = one.high if one.direction == "higher" else one.low
            if np.isclose(rows[name].dropna(), best, atol=1e-9).any():
                found.append((str(task), str(kind), name))
    return found


def table(frame: pd.DataFrame, axis: str) -> str:
    """Markdown: a kind a row, a task a column; the mean of an axis and its sd over draws."""
    tasks = list(dict.fromkeys(frame["task"]))
    rows = [
        [kind, *(_cell(frame[(frame["task"] == t) & (frame["kind"] == kind)][axis]) for t in tasks)]
        for kind in _kinds(frame)
    ]
    return _markdown([axis, *tasks], rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


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
    """Markdown: a task a row, an axis a column; 'yes', or what it gets wrong."""
    tasks = dict.fromkeys(frame["task"])
    rows = [[f"`{task}`", *(_verdict(frame, task, axis) for axis in axes)] for task in tasks]
    return _markdown(["task", *(f"`{axis}`" for axis in axes)], rows)


def _verdict(frame: pd.DataFrame, task: str, axis: str) -> str:
    rows = frame[frame["task"] == task]
    needed = {*FALLING, *RANDOM, *NOTHING}
    if rows[axis].isna().all() or not needed <= {*rows["kind"]}:
        return "not measured"
    told = [one.replace(" not above ", " = ") for one in faults(frame, task, axis)]
    blown = [one.endswith("random") for one in told]
    short = [one for one, is_blown in zip(told, blown, strict=True) if not is_blown]
    return "; ".join([*short, *(["collapsed = random"] if any(blown) else [])]) or "yes"


def orders(frame: pd.DataFrame, axes: Sequence[str]) -> str:
    """Markdown: each task's reference networks by its default axis, and by each other one."""
    rows = []
    for task in dict.fromkeys(frame["task"]):
        own = catalog.task(task).modularity_axis
        for axis in dict.fromkeys((own, *axes)):
            name = f"**`{axis}`**" if axis == own else f"`{axis}`"
            rows.append([f"`{task}`" if axis == own else "", name, order(frame, task, axis)])
    return _markdown(["task", "axis (the default one first)", "from best to worst"], rows)


def write(frame: pd.DataFrame, out: Path) -> list[Path]:
    """The tables of all axes in one page, and a figure of each."""
    out.mkdir(parents=True, exist_ok=True)
    axes = [axis for axis in AXES if axis in frame and frame[axis].notna().any()]
    page = out / "calibration.md"
    gains = {
        (t, a): doctored_gains(frame, t, a) for t in dict.fromkeys(frame["task"]) for a in axes
    }
    best = best_values(frame, (*RANDOM, "giant", *NOTHING))
    parts = [
        verdicts(frame, axes),
        orders(frame, axes),
        *(table(frame, axis) for axis in axes),
        pd.DataFrame(gains).T.round(3).to_string() + "\n",
        "best values of untrained, empty or collapsed networks: " + (f"{best}" if best else "none"),
    ]
    page.write_text("\n".join(parts) + "\n")
    return [page, *_figures(frame, axes[:DRAWN], out)]


def _figures(frame: pd.DataFrame, axes: Sequence[str], out: Path) -> list[Path]:
    files: list[Path] = []
    for axis in axes:
        means = frame.pivot_table(index="kind", columns="task", values=axis, sort=False)
        figure = plots.reference_figure(
            means.reindex(_kinds(frame)),
            title=f"{METRICS[axis].title} (v{METRICS[axis].version}) of reference networks",
            subtitle="means of draws; white: no value",
        )
        files += plots.save(figure, out, f"calibration-{axis.replace('_', '-')}")
    return files
