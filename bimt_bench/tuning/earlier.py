"""Results of the same sweep under other code or settings, which it would not use: where, and why.

Said before a sweep trains, so that nobody waits for what they have already.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bimt_bench.ground import differences
from bimt_bench.spec import SweepSpec, yaml12
from bimt_bench.store import Store, read_environment


def earlier_lines(folder: Path, *, spec: SweepSpec) -> list[str]:
    """A line for every other results folder of a sweep of this name, beside `folder`.

    `folder` has its own spec.yaml and environment.json already.
    """
    mine = re.compile(rf"{re.escape(spec.name)}-[0-9a-f]{{12}}")
    return [
        _line(other, folder)
        for other in sorted(folder.parent.iterdir())
        if other != folder and mine.fullmatch(other.name) and Store(other).packs()
    ]


def _line(other: Path, folder: Path) -> str:
    count = len(Store(other).packs())
    state = "finished" if (other / "frame.parquet").exists() else "interrupted"
    what = "; ".join(_differences(other, folder)) or "code of the first release"
    packs = "1 pack" if count == 1 else f"{count} packs"
    return f"results: {other} ({state}, {packs}) holds this sweep, but is not used: {what}"


def _differences(other: Path, folder: Path) -> Iterator[str]:
    """What differs between two results folders: settings, tasks, code, versions."""
    before, now = read_environment(other), read_environment(folder)
    settings = _changed(_settings(other), _settings(folder))
    if settings:
        yield f"settings differ ({', '.join(settings)})"
    tasks = _changed(before.get("tasks", {}), now.get("tasks", {}))
    if tasks and "tasks" in before:
        yield f"tasks differ ({', '.join(tasks)})"
    code = _code_changes(before.get("training", {}), now.get("training", {}))
    if code and "training" in before:
        yield f"the code that trains differs ({', '.join(code)})"
    elif "code" in before:
        yield f"it was trained by bimt_bench {before['code']}"
    known, own = before.get("circumstances", []), now.get("circumstances", [])
    if known and own and known[-1] != own[-1]:
        yield f"the environment differs ({', '.join(differences(known[-1], own[-1]))})"


def _settings(folder: Path) -> dict[str, Any]:
    """What spec.yaml says; nothing if it cannot be read."""
    try:
        found = yaml12.load((folder / "spec.yaml").read_text(encoding="utf-8"))[0]
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The fields that trained networks follow from, and that differ."""
    told = SweepSpec.told_fields()
    return [k for k in {**before, **now} if k not in told and before.get(k) != now.get(k)]


def _code_changes(
    before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Recipes that other code trained, each as 'bimt on task 12ab -> 34cd'."""
    return [
        f"{recipe} on {task} {before[task][recipe]} -> {digest}"
        for task, recipes in now.items()
        for recipe, digest in recipes.items()
        if before.get(task, {}).get(recipe, digest) != digest
    ]
