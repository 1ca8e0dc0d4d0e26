"""What the tables of several tasks say together: mean ranks, profiles, critical differences.

A method is the entries of one name and recipe. One that lacks a task has no mean rank: a missing
task is missing, and not the last place of it.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np
import pandas as pd
from scipy import stats

from bimt_bench.ground import InputError
from bimt_bench.leaderboard.standings import Across, Overall, Profile, Standing, TaskTable

FEWEST_TASKS = 6
"""Before there are so many, a test of mean ranks could hardly tell anything apart."""
FEWEST_METHODS = 3
SIGNIFICANT = 0.05
RATIOS = tuple(round(1 - step / 20, 2) for step in range(21))
TEST = "Friedman's test, then Conover's of all pairs with Holm's correction, at 0.05"

Method = tuple[str, str]


def overall(tables: Sequence[TaskTable]) -> Overall:
    """Methods across the tasks on which entries are ranked."""
    used = [table for table in tables if table.entries]
    tasks = tuple(table.task for table in used)
    held: dict[Method, dict[str, Standing]] = {}
    for table in used:
        for one in table.entries:
            held.setdefault((one.name, one.recipe), {})[table.task] = one
    complete = {method: own for method, own in held.items() if len(own) == len(tasks)}
    ranks = _ranks(complete, tasks)
    means = {} if ranks.empty else ranks.mean(axis=0).to_dict()
    methods = [_across(method, own, used, means.get(method)) for method, own in held.items()]
    groups, notes = critical_groups(ranks)
    if held and not complete:
        notes = (f"no method has entries on all of {len(tasks)} tasks: there are no mean ranks",)
    return Overall(
        tasks=tasks,
        methods=tuple(sorted(methods, key=_order)),
        profiles=tuple(_profile(one) for one in sorted(methods, key=_order) if one.mean_rank),
        groups=groups,
        critical=TEST if groups else "",
        notes=notes,
    )


def _order(one: Across) -> tuple[bool, float, int, str, str]:
    rank = one.mean_rank
    return rank is None, 0.0 if rank is None else rank, -len(one.places), one.name, one.recipe


def _ranks(complete: Mapping[Method, Mapping[str, Standing]], tasks: Sequence[str]) -> pd.DataFrame:
    """Ranks by H among the methods that are on every task: a task a row, a method a column."""
    volumes = [[-own[task].volume.value for own in complete.values()] for task in tasks]
    if not complete or not tasks:
        return pd.DataFrame()
    columns = pd.Index(list(complete), tupleize_cols=False)
    return pd.DataFrame(stats.rankdata(volumes, axis=1), index=list(tasks), columns=columns)


def _across(
    method: Method, own: Mapping[str, Standing], tables: Sequence[TaskTable], mean: float | None
) -> Across:
    best = {table.task: max(one.volume.value for one in table.entries) for table in tables}
    shares = {
        task: max(0.0, one.volume.value / best[task]) for task, one in own.items() if best[task] > 0
    }
    return Across(
        name=method[0],
        title=next(iter(own.values())).title,
        recipe=method[1],
        places={task: one.place for task, one in own.items() if one.place is not None},
        shares=shares,
        mean_rank=None if mean is None else float(mean),
    )


def _profile(one: Across) -> Profile:
    held = np.array(list(one.shares.values()))
    shares = [float((held >= ratio).mean()) if len(held) else 0.0 for ratio in RATIOS]
    return Profile(one.name, RATIOS, tuple(shares))


def critical_groups(ranks: pd.DataFrame) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Runs of methods, by mean rank, that cannot be told apart; and why there are none."""
    tasks, methods = ranks.shape
    if methods == 0:
        return (), ()
    if tasks < FEWEST_TASKS:
        return (), (f"critical differences need {FEWEST_TASKS} tasks; there are {tasks}",)
    if methods < FEWEST_METHODS:
        told = f"critical differences need {FEWEST_METHODS} methods on every task; there are"
        return (), (f"{told} {methods}",)
    order = ranks.mean(axis=0).sort_values(kind="stable").index
    apart = told_apart(ranks[order])
    runs = []
    for first in range(methods):
        last = first
        while last + 1 < methods and not apart[first : last + 1, last + 1].any():
            last += 1
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    names = [name for name, _ in order]
    return tuple(tuple(names[first : last + 1]) for first, last in runs), ()


def told_apart(ranks: pd.DataFrame) -> np.ndarray:
    """Which methods' mean ranks differ, [n, n]; InputError without scikit-posthocs."""
    values = ranks.to_numpy(float)
    none = np.zeros((values.shape[1],) * 2, dtype=bool)
    if np.ptp(values.mean(axis=0)) == 0.0:
        return none
    if stats.friedmanchisquare(*values.T).pvalue > SIGNIFICANT:
        return none
    try:
        posthocs = import_module("scikit_posthocs")
    except ImportError as error:
        raise InputError(
            "leaderboard: critical differences need scikit-posthocs, which is not installed: "
            "pip install 'bimt-bench[leaderboard]'"
        ) from error
    with np.errstate(divide="ignore"):  # methods in one and the same order have no variance
        found = posthocs.posthoc_conover_friedman(values, p_adjust="holm").to_numpy()
    return found <= SIGNIFICANT
