"""What an entry claims of its members: thinned curves, and metrics of today's code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.identity import scoring_digest
from bimt_bench.leaderboard import weights_file
from bimt_bench.leaderboard.checking import shipped_metrics, version_of
from bimt_bench.leaderboard.chosen import Chosen
from bimt_bench.leaderboard.entry import CURVE_STEPS, SHUFFLES, CurvePoint, MemberRecord
from bimt_bench.metrics import Scored, measured
from bimt_bench.network import Architecture
from bimt_bench.results import plain_cell

EARLY = 0.1
"""The share of the steps that is replayed when an entry is verified."""
_EARLY_POINTS = 6
_MOST_MOVED = 0.5  # of a seed's standard deviation
Weights = Mapping[str, Mapping[str, np.ndarray]]
_TOGETHER = 32  # members measured at a time


@dataclass(frozen=True)
class Claims:
    """The records of an entry's members, and the metrics that are claimed with their versions."""

    records: tuple[MemberRecord, ...]
    versions: dict[str, int]


def of(
    chosen: Chosen,
    data: TaskData,
    architecture: Architecture,
    *,
    weights: Weights,
    curves: pd.DataFrame,
    content: bytes,
    dtype: str,
) -> Claims:
    """What is known of the members; measured again where other code or rounding asks it.

    weights: arrays by member. content: their file, from which metrics are measured if `dtype` is
    float16; those that rounding moves by more than half a seed's standard deviation are left out.
    """
    metrics = _metrics(chosen, data, architecture, weights)
    if dtype == "float16":
        rounded = _measured(chosen, data, architecture, _rounded(chosen, architecture, content))
        metrics = rounded[
            [name for name in map(str, metrics) if _stays(metrics, rounded, chosen, name)]
        ]
    by_member = dict(list(curves.groupby("member"))) if len(curves) else {}
    records = tuple(
        MemberRecord(
            member=str(row["member"]),
            configuration=str(row["configuration"]),
            dial_value=plain_cell(row["dial_value"]),
            seed=int(row["seed"]),
            status=str(row["status"]),  # pyright: ignore[reportArgumentType]
            seconds=float(row["seconds"]),
            curve=thinned(by_member.get(row["member"], pd.DataFrame())),
            metrics={str(name): _number(one) for name, one in metrics.iloc[place].items()},
        )
        for place, row in enumerate(chosen.rows.to_dict("records"))
    )
    versions = {str(name): version_of(str(name)) for name in metrics}
    return Claims(records, versions)


def thinned(curve: pd.DataFrame) -> tuple[CurvePoint, ...]:
    """At most 20 points of a member's curve: the first, the last, some early, the rest evenly.

    The first tenth has up to six of them, as that is what is replayed.
    """
    if curve.empty:
        return ()
    rows = curve.sort_values("step", ignore_index=True)
    steps = rows["step"].to_numpy()
    early = int((steps <= EARLY * steps[-1]).sum())
    held = {*_evenly(0, early - 1, min(early, _EARLY_POINTS))}
    held |= {*_evenly(early - 1, len(rows) - 1, CURVE_STEPS - len(held) + 1)}
    return tuple(
        CurvePoint(
            step=int(row["step"]),
            train_loss=_number(row.get("train_loss")),
            test_loss=_number(row.get("test_loss")),
            performance=_number(row.get("performance")),
            cost=_number(row.get("cost")),
        )
        for row in rows.iloc[sorted(held)].to_dict("records")
    )


def _evenly(first: int, last: int, count: int) -> Sequence[int]:
    places = np.linspace(first, last, max(1, min(count, last - first + 1)))
    return [int(one) for one in np.unique(places.round())]


def _metrics(
    chosen: Chosen, data: TaskData, architecture: Architecture, weights: Weights
) -> pd.DataFrame:
    """The metrics of the members that ship and are defined, those of today's code."""
    rows = chosen.rows
    if set(rows["scoring_digest"]) != {scoring_digest()} or set(rows["shuffles"]) != {SHUFFLES}:
        rows = _measured(chosen, data, architecture, weights)
    names = [name for name in shipped_metrics() if name in rows]
    found = rows[names].astype("float64")
    found.loc[(chosen.rows["status"] != "ok").to_numpy()] = np.nan
    return found.dropna(axis=1, how="all")


def _measured(
    chosen: Chosen,
    data: TaskData,
    architecture: Architecture,
    weights: Weights,
) -> pd.DataFrame:
    """All metrics of the members, a row each in their order; empty for those without weights."""
    names = shipped_metrics()
    found = pd.DataFrame(np.nan, index=chosen.rows.index, columns=names)
    ok = [place for place, member in enumerate(chosen.rows["member"]) if member in weights]
    for start in range(0, len(ok), _TOGETHER):
        places = ok[start : start + _TOGETHER]
        own = chosen.rows.iloc[places]
        population = Population.of(
            architecture,
            [weights[str(member)] for member in own["member"]],
            [chosen.geometry] * len(places),
        )
        seeds = tuple(int(seed) for seed in own["seed"])
        scored = Scored(chosen.trained, data, population, seeds, SHUFFLES)
        found.iloc[places] = measured(scored, names)[0].to_numpy()
    return found


def _rounded(
    chosen: Chosen, architecture: Architecture, content: bytes
) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of members as somebody who reads the file has them."""
    own = weights_file.layout(architecture, "float16")
    ok = chosen.rows.loc[chosen.rows["status"] == "ok", "member"]
    held = weights_file.opened(content, {str(member): own for member in ok}, "weights")
    return {
        member: weights_file.completed(
            arrays, chosen.geometry, architecture.wiring, dtype=chosen.dtype
        )
        for member, arrays in held.items()
    }


def _stays(before: pd.DataFrame, after: pd.DataFrame, chosen: Chosen, name: str) -> bool:
    """Whether no member's metric moves by more than half a seed's standard deviation."""
    groups = chosen.rows["dial_value"].astype("object").fillna("none")
    spread = float(np.sqrt(before[name].groupby(groups).var(ddof=1).mean()))
    moved = (after[name] - before[name]).abs()
    same_missing = (after[name].isna() == before[name].isna()).all()
    return bool(same_missing and (moved.dropna() <= _MOST_MOVED * spread).all())


def _number(value: object) -> float | None:
    """A finite number, else None."""
    found = None if value is None else float(value)  # pyright: ignore[reportArgumentType]
    return found if found is not None and np.isfinite(found) else None
