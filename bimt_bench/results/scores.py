"""Metrics of stored weights, measured again or further, kept beside the frame of their training.

    <results>/metrics.parquet    a row a member: who it is, and every metric that was asked for

The frame stays as it is. What other code measures takes the place of a member's row; what the same
code measures further is added to it.
"""

import json
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bimt_bench.engine import Population
from bimt_bench.ground import InputError, closest, write
from bimt_bench.identity import scoring_digest
from bimt_bench.metrics import FAULTS, METRICS, Scored, measured
from bimt_bench.results.choice import CHOICES
from bimt_bench.results.columns import plain_cell
from bimt_bench.results.measuring import metric_names
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

    names: of metrics or families; all without any. members: 'all'; 'front', all seeds of the
    configurations on the front of each task; 'best', 'median' or 'knee' of each recipe and task; or
    digests, or starts of them. Where results have a folder, what is found joins `metrics.parquet`
    in it. `metric_faults` says why a metric failed. InputError, with the nearest name, for what is
    not there, and for weights that were not kept.
    """
    chosen = metric_names(names)
    wanted = _members(results, members)
    found: list[pd.DataFrame] = []
    for networks in _together(results, wanted):
        found.append(_measured(networks, chosen))
        if on_progress is not None:
            on_progress(sum(map(len, found)) / len(wanted))
    frame = _in_order(pd.concat(found), wanted)
    if results.folder is not None:
        _keep(results.folder / SCORES, frame, order=results.members)
    return frame


def with_scores(frame: pd.DataFrame, folder: Path | None) -> pd.DataFrame:
    """A frame with the metrics that it lacks and `metrics.parquet` of its folder has.

    What stands in the frame stays. InputError if that file cannot be read.
    """
    held = _held(folder / SCORES) if folder is not None and folder.is_dir() else None
    if held is None:
        return frame
    further = [name for name in held if name in METRICS and name not in frame]
    if not further:
        return frame
    own = held.set_index("member")[further].reindex(frame["member"])
    return frame.assign(**{str(name): own[name].to_numpy() for name in further})


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
    values, faults = measured(Scored(first.task, first.data, population, seeds, shuffles), names)
    lost = (rows["status"] != "ok").to_numpy()
    values = values.mask(np.repeat(lost[:, None], values.shape[1], axis=1))
    return pd.concat([rows[[*IDENTITY]], values], axis=1).assign(
        **{FAULTS: faults.mask(lost), "shuffles": shuffles, _CODE: scoring_digest()}
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
    if FAULTS in same:
        now[FAULTS] = [
            _both(*told) for told in zip(same.reindex(now.index)[FAULTS], now[FAULTS], strict=True)
        ]
    joined = join([kept.reset_index(), now.join(further).reset_index()])
    metrics = [name for name in METRICS if name in joined]
    others = [name for name in joined if name not in {*IDENTITY, *metrics}]
    return joined[[*IDENTITY, *metrics, *others]]


def _both(before: object, now: object) -> str | None:
    """The reasons of two cells of `metric_faults`."""
    reasons = [json.loads(one) for one in (before, now) if isinstance(one, str)]
    return json.dumps(dict(ChainMap(*reversed(reasons)))) if reasons else None


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
