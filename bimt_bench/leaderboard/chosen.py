"""Which members of results make an entry, and why others cannot."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bimt_bench.ground import InputError, closest, listed
from bimt_bench.leaderboard.entry import DIGITS, FEWEST_SEEDS, MOST_MEMBERS, MOST_VALUES, short
from bimt_bench.network import geometry
from bimt_bench.recipes import RECIPES, resolve, settings_for
from bimt_bench.results import Results, plain_cell
from bimt_bench.spec import (
    Configuration,
    GeometrySpec,
    Setting,
    TaskSpec,
    carried_geometries,
    configured,
    kinds_in,
    named,
    results_in,
    trained_as,
)

_SHOWN = 6


@dataclass(frozen=True, eq=False)
class Chosen:
    """The members of an entry: one recipe, a grid of dial values, the same seeds for each.

    rows: of the frame, by dial value and seed. settings: those of the entry, in terms of JSON.
    published: the task; `task` has the members' model, which is another in entries of weights
    alone. trained: with the training settings that the members share.
    """

    task: TaskSpec
    published: TaskSpec
    trained: TaskSpec
    recipe: str
    dial: str | None
    grid: tuple[float, ...]
    seeds: int
    settings: Mapping[str, Any]
    rows: pd.DataFrame = field(repr=False)

    @property
    def dtype(self) -> Any:
        """That of the parameters while they were trained."""
        return self.trained.training.dtype

    @property
    def geometry(self) -> GeometrySpec:
        """Where the neurons of all members sit."""
        given = self.settings.get("geometry")
        if isinstance(given, str):
            return geometry.named(given)
        return self.task.geometry if given is None else GeometrySpec.model_validate(given)

    def weights(self, results: Results) -> dict[str, Mapping[str, np.ndarray]]:
        """The arrays of the members that were trained to their end."""
        ok = self.rows[self.rows["status"] == "ok"]
        return {
            str(member): results.network(str(member)).population.arrays(0)
            for member in ok["member"]
        }


def choose(
    results: Results, *, task: str | None, recipe: str | None, retrainable: bool = True
) -> Chosen:
    """The members that an entry is made of; InputError, a line a reason, where they make none.

    task and recipe may be left out where there is only one.
    """
    spec = results.task(task)
    rows = results_in(results.frame[results.frame["task"] == spec.name])
    name = _recipe(rows, recipe)
    rows = rows[rows["recipe"] == name]
    faults = [*_foreign(spec, name, rows, retrainable), *_codes(rows), *_twice(rows)]
    if faults:
        raise InputError(listed(faults))
    dial = plain_cell(rows["dial"].iloc[0])
    known = settings_for(RECIPES[name])
    faults = [*_several(rows, known, dial), *_grid(rows, dial), *_seeds(rows, dial)]
    if faults:
        raise InputError(listed(faults))
    rows = rows.sort_values(["dial_value", "seed"], ignore_index=True)
    grid = () if dial is None else tuple(float(one) for one in rows["dial_value"].unique())
    settings = _settings(results, spec, rows.iloc[0], known, dial)
    if retrainable:
        _check_digests(spec, rows, settings, dial)
    shared: Any = {name: plain_cell(rows[name].iloc[0]) for name in known if name in rows}
    return Chosen(
        task=spec,
        published=spec,
        trained=trained_as(spec, shared),
        recipe=name,
        dial=None if dial is None else str(dial),
        grid=grid,
        seeds=int(rows["seed"].nunique()),
        settings={key: one for key, one in settings.items() if key not in (dial, "steps")},
        rows=rows,
    )


def _recipe(rows: pd.DataFrame, recipe: str | None) -> str:
    held = [str(one) for one in rows["recipe"].unique()]
    if not held:
        raise InputError("members: none is trained on all data; the search found none")
    if recipe is None and len(held) == 1:
        return held[0]
    if recipe is None or recipe not in held:
        given = "there are several" if recipe is None else f"'{recipe}' is not in these results"
        raise InputError(f"recipe: {given}; name one of {', '.join(held)}")
    return recipe


# ------------------------------------------------------------------------- what is refused


def _foreign(task: TaskSpec, recipe: str, rows: pd.DataFrame, retrainable: bool) -> Iterator[str]:
    """Plug-ins: the leaderboard loads none, so their members enter by weights at most."""
    for kinds, name in kinds_in(task):
        if not kinds.source_of(name).built_in:
            yield f"task: its {kinds.word} '{name}' is a plug-in's; only what ships can be entered"
    if recipe not in RECIPES:
        yield (
            f"recipe: '{recipe}' is not here{closest(recipe, RECIPES)}; load its plug-in with "
            "--plugin FILE, to enter the weights of its members"
        )
    sources = rows["source"].dropna().unique() if "source" in rows else []
    if len(sources) and retrainable:
        yield (
            f"recipe: its members follow from plug-ins ({', '.join(map(str, sources))}), which the "
            "leaderboard never loads; enter their weights alone with --not-retrainable"
        )


def _codes(rows: pd.DataFrame) -> Iterator[str]:
    """Members of several codes or libraries: an entry says where its numbers come from, once."""
    columns = ["training_digest", "device", "bimt_bench_version"]
    columns += [name for name in rows if str(name).endswith("_version") and name != "task_version"]
    for column in dict.fromkeys(columns):
        held = [str(one) for one in rows[column].dropna().unique()] if column in rows else []
        if len(held) > 1:
            yield f"{column}: the members were trained with {_some(held)}; an entry has one"


def _twice(rows: pd.DataFrame) -> Iterator[str]:
    double = rows.loc[rows["member"].duplicated(), "member"].unique()
    if len(double):
        yield f"member: {_some(double)} in the frame more than once"


def _several(rows: pd.DataFrame, known: Mapping[str, Setting], dial: object) -> Iterator[str]:
    """Settings beside the dial that differ among the members."""
    for name in (*known, "placement", "distance"):
        if name == dial or name not in rows:
            continue
        held = rows[name].astype("object").map(plain_cell).map(str).unique()
        if len(held) > 1:
            yield (
                f"{name}: {_some(held)} among the members; all settings but the dial are one: "
                "sweep what you enter by itself"
            )


def _grid(rows: pd.DataFrame, dial: object) -> Iterator[str]:
    values = [float(one) for one in rows["dial_value"].dropna().unique()]
    long = [value for value in values if not short(value)]
    if long:
        yield (
            f"{dial}: {_some(sorted(long))} among its values; a dial value has at most {DIGITS} "
            "significant digits, so that a grid is chosen beforehand"
        )
    if len(values) > MOST_VALUES:
        yield f"{dial}: {len(values)} values; at most {MOST_VALUES}"
    if len(rows) > MOST_MEMBERS:
        yield f"members: {len(rows)}; an entry has at most {MOST_MEMBERS}"


def _seeds(rows: pd.DataFrame, dial: object) -> Iterator[str]:
    """Seeds must be 0 to n - 1, the same for every dial value: none is left out."""
    count = int(rows["seed"].nunique())
    wanted = set(range(count))
    if count < FEWEST_SEEDS:
        yield f"seeds: {count} given; an entry has at least {FEWEST_SEEDS}"
    if set(rows["seed"]) != wanted:
        held = ", ".join(map(str, sorted(rows["seed"].unique())[:20]))
        yield f"seeds: {held} given; must be 0 to {count - 1}, none left out"
        return
    for value, own in rows.groupby("dial_value", dropna=False):
        lacking = sorted(wanted - set(own["seed"]))
        if lacking:
            yield f"{dial} {value:g}: seeds {_some(lacking)} are missing; none may be left out"


def _some(values: Any) -> str:
    held = [str(one) for one in values]
    more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
    return ", ".join(held[:_SHOWN]) + more


# ------------------------------------------------------------------------- settings


def _settings(
    results: Results, task: TaskSpec, row: pd.Series, known: Mapping[str, Setting], dial: object
) -> dict[str, Any]:
    """The settings that a row has, as a file would give them; what is empty is left out."""
    found: dict[str, Any] = {}
    for name, one in known.items():
        cell = plain_cell(row[name]) if name in row else None
        if cell is None or name in ("geometry", dial):
            continue
        found[name] = json.loads(cell) if one.kind == "other" else cell
    place = _geometry(results, task, row)
    return found if place is None else {**found, "geometry": place}


def _geometry(results: Results, task: TaskSpec, row: pd.Series) -> dict[str, Any] | None:
    """The geometry of a row as a file would give it; None for the task's own."""
    told = {name: plain_cell(row[name]) for name in ("placement", "distance") if name in row}
    for one in (task.geometry, *carried_geometries(results.frame)):
        own = {"placement": one.placement, "distance": named(one.distance)}
        if all(own[name] == word for name, word in told.items()):
            same = one.identity() == task.geometry.identity()
            return None if same else one.model_dump(mode="json", by_alias=True)
    raise InputError(f"geometry: that of the members, {told}, is not kept with the results")


def _check_digests(
    task: TaskSpec, rows: pd.DataFrame, settings: Mapping[str, Any], dial: object
) -> None:
    """InputError unless the settings that were read give the members that the frame names."""
    for _, row in rows.iterrows():
        own = {} if dial is None else {str(dial): float(row["dial_value"])}
        asked: Configuration = configured({"recipe": row["recipe"], **settings, **own})
        found = resolve(task, asked, int(row["seed"]))
        if found.digest != row["member"]:
            raise InputError(
                f"member {row['member']}: its settings and seed are member {found.digest} here; "
                "it was trained by a version that means something else by them"
            )
