"""Tables of the leaderboard as Markdown and as JSON, and the one in results/README.md."""

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bimt_bench.ground import InputError, write
from bimt_bench.leaderboard.standings import Overall, Ranking, Standing, TaskTable

BEGIN = "<!-- leaderboard: written by bimt-bench leaderboard rank --write -->"
END = "<!-- /leaderboard -->"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$@:])")


def markdown(ranking: Ranking) -> str:
    """A section a task, and one across tasks if there are several."""
    parts = [_task(table) for table in ranking.tables]
    if len(ranking.tables) > 1:
        parts.append(_overall(ranking.overall))
    return "\n".join(parts)


def as_json(ranking: Ranking) -> str:
    """All records as JSON; what is no finite number is null."""
    return json.dumps(_plain(ranking), indent=1, allow_nan=False) + "\n"


def write_listing(ranking: Ranking, file: Path) -> None:
    """Writes the tables into a file: between its marks, at its end, or as all of it.

    InputError where only one of the two marks is there.
    """
    text = file.read_text(encoding="utf-8") if file.exists() else "# Results\n"
    section = f"{BEGIN}\n\n{markdown(ranking)}\n{END}"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if bool(begin) != bool(end):
        raise InputError(f"{file}: has one of the marks '{BEGIN}' and '{END}', but not the other")
    joined = f"{before}{section}{after}" if begin else f"{text}\n{section}\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, joined.encode())


def escaped(text: str) -> str:
    """Text of strangers as Markdown shows it literally."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;")


# --------------------------------------------------------------------------- parts


def _task(table: TaskTable) -> str:
    corner = f"({table.reference.modularity:g}, {table.reference.performance:g})"
    lines = [
        f"### {escaped(table.title)} (`{table.task}`)",
        "",
        f"{escaped(table.y.title)} against {escaped(table.x.title)}, volumes from the corner "
        f"{corner}. Entries that cannot be told apart share a place.",
        "",
        *_table(_headings(table), [_row(one) for one in table.standings]),
    ]
    if table.unranked:
        lines += ["", "Weights alone, of methods that do not ship here (no places):", ""]
        lines += _table(_headings(table), [_row(one) for one in table.unranked])
    for dated in table.dated:
        names = ", ".join(escaped(name) for name in dated.names)
        lines += ["", f"Dated, until scored again ({escaped(dated.scored)}): {names}."]
    lines += [f"\nNot ranked: {escaped(one.name)}, {escaped(one.why)}." for one in table.left_out]
    return "\n".join([*lines, ""])


def _headings(table: TaskTable) -> list[str]:
    levels = [f"at ≥ {level:g}" if table.x.direction == "higher" else f"at ≤ {level:g}"
              for level in table.levels]  # fmt: skip
    return [
        "place", "entry", "recipe", "badge", "volume H (95 %)", "raw", "M", "other corners",
        *levels, "modularity at ≤ 1 % loss", "operations", "lost",
    ]  # fmt: skip


def _row(one: Standing) -> list[str]:
    volume = one.volume
    title = escaped(one.title)
    if one.control is not None:
        title = f"*control: {title}*"
    interval = f" ({_number(volume.h_low)} to {_number(volume.h_high)})"
    return [
        one.place_text,
        f"{title} `{one.name}`",
        escaped(one.recipe_title),
        one.badge,
        f"{_number(volume.value)}{interval if math.isfinite(volume.h_low) else ''}",
        _number(volume.raw),
        _number(volume.m),
        one.ranks_text,
        *("" if found is None else _number(found.y.mean) for found in one.reached),
        "" if one.kept is None else _number(one.kept.x.mean),
        "" if one.operations is None else f"{one.operations:.2g}",
        f"{one.lost} of {one.members}" if one.lost else "",
    ]


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else ""


def _overall(found: Overall) -> str:
    rows = [
        [
            escaped(one.name),
            escaped(one.recipe),
            "" if one.mean_rank is None else f"{one.mean_rank:.2f}",
            *(str(one.places.get(task, "")) for task in found.tasks),
        ]
        for one in found.methods
    ]
    lines = ["### Across tasks", "", "Places; the mean rank is of methods on every task.", ""]
    lines += _table(["method", "recipe", "mean rank", *(f"`{t}`" for t in found.tasks)], rows)
    for group in found.groups:
        lines += ["", f"Not told apart ({found.critical}): {', '.join(map(escaped, group))}."]
    lines += [f"\n{note[0].upper()}{note[1:]}." for note in found.notes]
    return "\n".join([*lines, ""])


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
