"""The tables of a trade-off: a row a configuration, and a row a recipe."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from bimt_bench.results.statistics import interquartile_mean

if TYPE_CHECKING:
    from bimt_bench.results.tradeoff.records import (
        Axis,
        Cell,
        Estimate,
        Line,
        Point,
        Settings,
        Standing,
        TradeOff,
    )

_AXES: tuple["Axis", ...] = ("x", "y")


def of_configurations(trade: "TradeOff") -> pd.DataFrame:
    """See `TradeOff.table`."""
    found = (*trade.points, *trade.missing)
    rows = [_measured(point) for point in trade.points]
    rows += [
        _named(one.settings, seeds=0, diverged=one.diverged, unmeasured=one.unmeasured)
        | _estimated("x", None)
        | _estimated("y", None)
        | {"on_front": False, "on_recipe_front": False}
        for one in trade.missing
    ]
    table = pd.DataFrame(rows)
    own = [point.settings for point in found]
    typed = {
        "dial": _column([one.dial for one in own]),
        "dial_value": _column([one.dial_value for one in own]),
        **{name: _column([one.values[name] for one in own]) for name in own[0].values},
    }
    better = {f"{axis}_improvement": trade.improvements(axis) for axis in _AXES}
    return table.assign(**typed, **better, task=trade.task, **_axes(trade))


def of_recipes(trade: "TradeOff") -> pd.DataFrame:
    """See `TradeOff.recipe_table`."""
    return pd.DataFrame([_recipe(trade, line) for line in trade.lines])


# --------------------------------------------------------------------------- rows


def _axes(trade: "TradeOff") -> dict[str, Any]:
    """Which metrics x and y are, in which versions."""
    return {
        "x": trade.x,
        "x_version": trade.x_version,
        "y": trade.y,
        "y_version": trade.y_version,
    }


def _measured(point: "Point") -> dict[str, object]:
    counted = {"diverged": point.diverged, "unmeasured": point.unmeasured}
    return (
        _named(point.settings, seeds=len(point.seeds), **counted)
        | _estimated("x", point.x)
        | _estimated("y", point.y)
        | {"on_front": point.on_front, "on_recipe_front": point.on_recipe_front}
    )


def _named(
    settings: "Settings", *, seeds: int, diverged: int, unmeasured: int
) -> dict[str, object]:
    return {
        "configuration": settings.configuration,
        "recipe": settings.recipe,
        "title": settings.title,
        "dial": settings.dial,
        "dial_value": settings.dial_value,
        **settings.values,
        "n_seeds": seeds,
        "diverged": diverged,
        "unmeasured": unmeasured,
    }


def _estimated(axis: "Axis", found: "Estimate | None") -> dict[str, object]:
    """The cells of an estimate, NaN where there is none."""
    given = {
        "mean": found and found.mean,
        "std": found and found.std,
        "low": found and found.low,
        "high": found and found.high,
        "middle": found and found.middle,
    }
    return {f"{axis}_{name}": math.nan if v is None else v for name, v in given.items()}


def _recipe(trade: "TradeOff", line: "Line") -> dict[str, object]:
    volume = line.hypervolume
    row: dict[str, object] = {
        "task": trade.task,
        "recipe": line.recipe,
        "title": line.title,
        "configurations": len(line.points),
        "on_front": sum(p.on_front for p in line.points),
        "lost": volume.lost,
        "seeds": volume.seeds,
        "hypervolume": volume.h,
        "hypervolume_low": volume.h_low,
        "hypervolume_high": volume.h_high,
        "hypervolume_raw": volume.raw,
        "hypervolume_smoothed": volume.m,
        "hypervolume_smoothed_low": volume.m_low,
        "hypervolume_smoothed_high": volume.m_high,
        "modularity_won": trade.modularity_won(recipe=line.recipe),
        **_axes(trade),
        "corner": trade.corner,
    }
    for axis in _AXES:
        runs, better = trade.runs(axis, line.recipe), trade.improvement(axis, line.recipe)
        row |= {
            f"{axis}_mean": float(runs.mean()),
            f"{axis}_middle": interquartile_mean(runs),
            f"{axis}_improvement": math.nan if better is None else better,
        }
    return row if line.standing is None else row | _stands(line.standing)


def _stands(found: "Standing") -> dict[str, object]:
    row: dict[str, object] = {
        "rank": found.rank,
        "rank_best": found.ranks[0],
        "rank_worst": found.ranks[1],
        "standing": found.standing,
        "from_the_first": found.first,
        "per_tries": math.nan if found.per_tries is None else found.per_tries,
    }
    if found.beside is not None:
        row |= {
            "beside_baseline": found.beside.value,
            "beside_baseline_low": found.beside.low,
            "beside_baseline_high": found.beside.high,
            "beside_baseline_p": found.beside.p,
            "beside_baseline_verdict": found.beside.verdict,
        }
    return row


def _column(cells: "Sequence[Cell]") -> Any:
    """Cells in the dtype that keeps whole numbers whole beside empty ones."""
    kinds = frozenset(type(cell) for cell in cells if cell is not None)
    dtypes: Any = {
        frozenset([bool]): "boolean",
        frozenset([int]): "Int64",
        frozenset([float]): "Float64",
        frozenset([int, float]): "Float64",
        frozenset([str]): "string",
    }
    return pd.array(list(cells), dtype=dtypes.get(kinds, "object"))
