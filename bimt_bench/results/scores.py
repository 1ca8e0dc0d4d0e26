"""Metrics of stored weights, measured again or further, kept beside the frame of their training.

    <results>/metrics.parquet    a row a member: who it is, and every metric that was asked for

The frame stays as it is. What other code measures takes the place of a member's row; what the same
code measures further is added to it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bimt_bench.engine import Population
from bimt_bench.ground import InputError, closest, write
from bimt_bench.identity import scoring_digest
from bimt_bench.metrics import (
    FAULTS,
    GAPS,
    METRICS,
    NOT_MEASURED,
    VERSIONS,
    Scored,
    is_unmeasured,
    joined_reasons,
    measured,
    metric_names,
    told_versions,
    versions_column,
    versions_in,
)
from bimt_bench.results.choice import CHOICES
from bimt_bench.results.columns import plain_cell
from bimt_bench.spec import join, results_in

if TYPE_CHECKING:
    from bimt_bench.results.network import Network
    from bimt_bench.results.trained import Results

SCORES = "metrics.parquet"
IDENTITY = ("task", "performance_metric", "recipe", "configuration", "seed", "member")
_TOGETHER = 32  # members measured at a time: their memory is bounded, and a bar moves
_SORTS = ("all", "front", *CHOICES)
_ALLOWED = f"allowed: {', '.join(_SORTS)}, or digests"
_CODE = "scoring_digest"
_SHUFFLES = 20  # where a frame does not say it


def score(
    results: "Results",
    names: Sequence[str] = (),
    *,
    members: str | Sequence[str] = "all",
    on_progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Metrics of members of results, measured now from their weights; a row a member.

    names: of metrics or families, 'usual' or 'all'; all without any. members: 'all'; 'front', all
    seeds of the configurations on the front of each task; 'best', 'median' or 'knee' of each recipe
    and task; or digests, or starts of them. Where results have a folder, what is found joins
    `metrics.parquet` in it. `metric_faults` says why a metric failed, `metric_gaps` why one is
    undefined. InputError, with the nearest name, for what is not there, and for weights that were
    not kept.
    """
    metric_names(names)  # what is none is told before anything is read
    wanted = _members(results, members)
    found: list[pd.DataFrame] = []
    for networks in _together(results, wanted):
        found.append(_measured(networks, metric_names(names, networks[0].task)))
        if on_progress is not None:
            on_progress(sum(map(len, found)) / len(wanted))
    frame = _in_order(pd.concat(found), wanted)
    if results.folder is not None:
        _keep(results.folder / SCORES, frame, order=results.members)
    return frame


def with_scores(frame: pd.DataFrame, folder: Path | None) -> pd.DataFrame:
    """A frame with the values that it lacks and `metrics.parquet` of its folder has.

    What stands in the frame stays, so does what it says is undefined, unless it was measured there
    by a later version of its metric. InputError if that file cannot be read.
    """
    held = _held(folder / SCORES) if folder is not None and folder.is_dir() else None
    if held is None:
        return frame
    own = held.set_index("member").reindex(frame["member"]).set_axis(frame.index)
    everyone = pd.Series(True, index=frame.index)
    lacking: dict[str, pd.Series] = {}
    for name in (str(name) for name in held if name in METRICS):
        later = versions_in(own, name) > versions_in(frame, name)
        lacking[name] = is_unmeasured(frame, name) | later if name in frame else everyone
    lacking = {name: rows for name, rows in lacking.items() if rows.any()}
    if not lacking:
        return frame
    columns = {
        name: frame[name].mask(rows, own[name]) if name in frame else own[name]
        for name, rows in lacking.items()
    }
    reasons = joined_reasons(frame, _reasons(own, lacking))
    versions = _versions(frame, own, lacking)
    told = reasons if versions is None else {**reasons, VERSIONS: versions}
    return frame.assign(**columns, **told)


def _reasons(own: pd.DataFrame, lacking: Mapping[str, "pd.Series[bool]"]) -> pd.DataFrame:
    """The columns of reasons for the values that are lacking, given rows of the file or none."""
    cells: dict[str, list[str | None]] = {FAULTS: [], GAPS: []}
    for place, row in enumerate(own.to_dict("records")):
        names = [name for name, rows in lacking.items() if rows.iloc[place]]
        for column, found in cells.items():
            told = json.loads(row[column]) if isinstance(row.get(column), str) else {}
            told = {name: why for name, why in told.items() if name in names}
            if column == GAPS and not isinstance(row[_CODE], str):
                told = dict.fromkeys(names, NOT_MEASURED)
            found.append(json.dumps(told) if told else None)
    return pd.DataFrame(cells, index=own.index, dtype="string")


def _versions(
    frame: pd.DataFrame, own: pd.DataFrame, lacking: Mapping[str, "pd.Series[bool]"]
) -> pd.Series | None:
    """The frame's column of versions, with those of values from the file; None as it was."""
    if VERSIONS not in own or own[VERSIONS].isna().all():
        return None
    before = frame.get(VERSIONS, pd.Series(None, index=frame.index, dtype="string"))
    cells = []
    for place, (here, there) in enumerate(zip(before, own[VERSIONS], strict=True)):
        found, told = told_versions(here), told_versions(there)
        names = [name for name, rows in lacking.items() if rows.iloc[place] and name in told]
        found |= {name: told[name] for name in names}
        cells.append(json.dumps(found) if found else None)
    return pd.Series(cells, index=frame.index, dtype="string")


# ------------------------------------------------------------------------- who is measured


def _members(results: "Results", members: str | Sequence[str]) -> list[str]:
    """The digests that are meant, each once, in the order of the frame where all of a sort are."""
    if isinstance(members, str):
        if members == "all":
            return list(dict.fromkeys(results.members))
        if members == "front":
            return list(dict.fromkeys(_on_fronts(results)))
        if members in CHOICES:
            return list(dict.fromkeys(_of_recipes(results, members)))
        if (near := closest(members, _SORTS)) and not any(
            one.startswith(members) for one in results.members
        ):
            raise InputError(f"members: '{members}' given{near} ({_ALLOWED})")
        members = [members]
    if not members:
        raise InputError(f"members: none given ({_ALLOWED})")
    return list(dict.fromkeys(str(results.network(one).member) for one in members))


def _on_fronts(results: "Results") -> Iterator[str]:
    for task in results.tasks:
        front = {point.settings.configuration for point in results.tradeoff(task).front}
        rows = results.frame[results.frame["task"] == task]
        yield from map(str, rows.loc[rows["configuration"].isin(front), "member"])


def _of_recipes(results: "Results", which: str) -> Iterator[str]:
    for task, rows in results_in(results.frame).groupby("task", sort=False):
        for recipe in rows["recipe"].unique():
            yield str(results.network(which, task=str(task), recipe=str(recipe)).member)


# ------------------------------------------------------------------------- measuring


def _together(results: "Results", members: Sequence[str]) -> Iterator[list["Network"]]:
    """Networks that can be one population: of one task as trained, geometry known or not."""
    waiting: dict[tuple[object, ...], list[Network]] = {}
    for member in members:
        network = results.network(member)
        key = (network.task.digest(), network.geometry is None, _shuffles(network))
        waiting.setdefault(key, []).append(network)
        if len(waiting[key]) == _TOGETHER:
            yield waiting.pop(key)
    yield from waiting.values()


def _measured(networks: Sequence["Network"], names: Sequence[str]) -> pd.DataFrame:
    first = networks[0]
    geometries = [one.geometry for one in networks if one.geometry is not None]
    population = Population.of(
        first.population.architecture,
        [one.population.arrays(0) for one in networks],
        geometries or None,
        device=first.population.flat.device,
    )
    rows = pd.DataFrame([one.row for one in networks]).reset_index(drop=True)
    seeds, shuffles = tuple(int(seed) for seed in rows["seed"]), _shuffles(first)
    values, reasons = measured(Scored(first.task, first.data, population, seeds, shuffles), names)
    found = pd.concat([values, reasons], axis=1)
    lost = (rows["status"] != "ok").to_numpy()
    found = found.mask(np.repeat(lost[:, None], found.shape[1], axis=1))
    return pd.concat([rows[[*IDENTITY]], found], axis=1).assign(
        **{
            VERSIONS: versions_column(values.columns, len(values)),
            "shuffles": shuffles,
            _CODE: scoring_digest(),
        }
    )


def _shuffles(network: "Network") -> int:
    """Null-model draws: as many as when the member was scored first."""
    told = plain_cell(network.row.get("shuffles"))
    return _SHUFFLES if told is None else int(told)


# ------------------------------------------------------------------------- the file


def _keep(file: Path, found: pd.DataFrame, *, order: Sequence[str]) -> None:
    """Joins what was found to the file, which is there whole or as it was before."""
    held = _held(file)
    if held is not None:
        found = _in_order(_joined(held, found), order)
    try:
        write(file, found.to_parquet())
    except OSError as error:
        raise InputError(f"metrics: cannot write to '{file}': {error.strerror}") from error


def _in_order(rows: pd.DataFrame, members: Sequence[str]) -> pd.DataFrame:
    place = {member: number for number, member in enumerate(members)}
    return rows.sort_values("member", key=lambda one: one.map(place), ignore_index=True)


def _joined(held: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Rows of members that were not measured now stay; of the others what the same code found."""
    now = found.set_index("member")
    before = held.set_index("member")
    same = before[before[_CODE] == scoring_digest()]
    kept = before.drop(index=now.index.intersection(before.index))
    further = same.reindex(now.index)[[name for name in same if name not in now]]
    now = now.assign(**joined_reasons(same.reindex(now.index), now))
    joined = join([kept.reset_index(), now.join(further).reset_index()])
    metrics = [name for name in METRICS if name in joined]
    others = [name for name in joined if name not in {*IDENTITY, *metrics}]
    return joined[[*IDENTITY, *metrics, *others]]


def _held(file: Path) -> pd.DataFrame | None:
    if not file.is_file():
        return None
    try:
        held = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        told = " ".join(str(error).split())
        raise InputError(f"metrics: '{file}' cannot be read ({told}); move it away") from error
    if "member" not in held or _CODE not in held:
        raise InputError(f"metrics: '{file}' is no file of metrics; move it away")
    return held
