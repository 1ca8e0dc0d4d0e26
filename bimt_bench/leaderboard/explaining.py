"""Why an entry stands where it stands, in five lines that a reader can check against the table."""

import math

from bimt_bench.ground import InputError, closest, fitting
from bimt_bench.leaderboard.standings import Beside, Ranking, Standing, TaskTable


def explain(ranking: Ranking, entry: str) -> tuple[str, ...]:
    """Five lines about one entry, given as its name or as task/name.

    InputError with the nearest name where there is none, or where several tasks have one.
    """
    table, name = _found(ranking, entry)
    standing = table.standing(name)
    if standing is None:
        return (f"{name} has no place on {table.task}: {_why_not(table, name)}.",)
    return (
        _place(standing, table),
        _volume(standing, table),
        _others(standing),
        _corners(standing),
        _trust(standing),
    )


def _found(ranking: Ranking, entry: str) -> tuple[TaskTable, str]:
    task, _, name = entry.rstrip("/").rpartition("/")
    names = {table.task: _names(table) for table in ranking.tables}
    found = [
        table
        for table in ranking.tables
        if name in names[table.task] and task in ("", table.task, table.task.replace("/", "-"))
    ]
    if len(found) == 1:
        return found[0], name
    if found:
        told = ", ".join(f"{table.task}/{name}" for table in found)
        raise InputError(f"entry: '{fitting(entry)}' is on several tasks; say which: {told}")
    held = [f"{task}/{one}" for task, own in names.items() for one in own]
    raise InputError(
        f"entry: there is no '{fitting(entry)}' on {', '.join(names)}"
        f"{closest(entry, [*held, *(one for own in names.values() for one in own)])}"
    )


def _names(table: TaskTable) -> list[str]:
    ranked = [one.name for one in (*table.standings, *table.unranked)]
    dated = [name for one in table.dated for name in one.names]
    return [*ranked, *dated, *(one.name for one in table.left_out)]


def _why_not(table: TaskTable, name: str) -> str:
    for one in table.left_out:
        if one.name == name:
            return one.why
    scored = next(one.scored for one in table.dated if name in one.names)
    return f"it was scored on {scored}, and compares with nothing of today; verify it again"


def _place(one: Standing, table: TaskTable) -> str:
    what = f"{one.name} ({one.title})"
    if one.place is None:
        return f"{what} has no place on {table.task}: its method does not ship, so weights are all."
    count = len(table.entries)
    if one.control is not None:
        made = f", made from {one.control.clean}" if one.control.clean else ""
        return f"{what} is a control{made}: it would stand at place {one.place} of {count}."
    shared = f", shared with {_listed(one.shared)}" if one.shared else ""
    told = ": they cannot be told apart" if one.shared else ""
    return f"{what} stands at place {one.place} of {count} on {table.task}{shared}{told}."


def _listed(names: tuple[str, ...], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _volume(one: Standing, table: TaskTable) -> str:
    volume, corner = one.volume, table.reference
    interval = ""
    if math.isfinite(volume.h_low):
        interval = f" ({volume.h_low:.3g} to {volume.h_high:.3g})"
    rank = "" if one.rank is None else f", rank {one.rank} by it"
    return (
        f"Its volume H is {volume.value:.3g}{interval}{rank}; raw {volume.raw:.3g}, smoothed M "
        f"{volume.m:.3g}: {table.y.title} against {table.x.title} from the corner "
        f"({corner.modularity:g}, {corner.performance:g})."
    )


def _others(one: Standing) -> str:
    told = []
    if one.beside_first is None:
        told.append("It has the largest H of all")
    else:
        told.append(_beside("first", one.beside_first))
    if one.beside_clean is not None and one.beside_clean != one.beside_first:
        told.append(_beside("entry it was made from,", one.beside_clean))
    above = one.beside_above
    if above is not None and above != one.beside_first:
        told.append(_beside("group above, of", above))
    return " ".join(f"{one}." for one in told)


def _beside(where: str, beside: Beside) -> str:
    found = beside.difference
    return (
        f"Beside the {where} {beside.name}, M differs by {found.value:+.3g} ({found.low:+.3g} to "
        f"{found.high:+.3g}, p {found.p:.2g}): {found.verdict}"
    )


def _corners(one: Standing) -> str:
    if one.ranks is None:
        return "From other corners: no ranks without a place."
    best, worst = one.ranks
    ranks = f"rank {best}" if best == worst else f"ranks {best} to {worst}"
    return (
        f"From 25 corners between the task's and the worst of all members it has {ranks}: "
        f"{one.corners}."
    )


def _trust(one: Standing) -> str:
    lost = f"{one.lost} of {one.members} members lost" if one.lost else "no member lost"
    told = f"It is {one.level}, with {one.seeds} seeds and {lost}"
    if one.shortened:
        told += f", trained for {one.steps:,} steps only"
    if one.flags:
        told += f"; flagged: {'; '.join(one.flags[:3])}"
    return f"{told}."
