"""Results of the same sweep under other code or settings: where, what differs, what still fits.

Said before a sweep trains, so that nobody waits for what they have already.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bimt_bench.ground import InputError, code_of, differences
from bimt_bench.identity import training_modules
from bimt_bench.spec import RECIPES, SweepSpec, SweptTask, kinds_in, yaml12
from bimt_bench.store import CorruptPack, Store, read_environment
from bimt_bench.tuning.agenda import Agenda
from bimt_bench.tuning.packing import SweepTask

_SHOWN = 4  # differences of a sort that are told one by one
_LONGEST = 40  # characters of a value


@dataclass(frozen=True)
class Adopting(Store):
    """A results folder that takes from others what packs it lacks, if they are sound."""

    donors: tuple[Path, ...] = ()

    def has(self, pack: str) -> bool:
        """Whether the pack lies here, if need be from now on."""
        return super().has(pack) or any(self._adopt(pack, Store(one)) for one in self.donors)

    def _adopt(self, pack: str, donor: Store) -> bool:
        if not donor.has(pack):
            return False
        try:
            found = donor.read(pack)
        except (CorruptPack, InputError):  # damaged, or of a newer format: trained here
            return False
        self.keep(pack, frame=found.frame, curves=found.curves, weights=found.weights)
        return True


def others(folder: Path, *, spec: SweepSpec) -> list[Path]:
    """The other results folders of a sweep of this name, beside `folder`, that hold packs."""
    mine = re.compile(rf"{re.escape(spec.name)}-[0-9a-f]{{12}}")
    beside = sorted(folder.parent.iterdir()) if folder.parent.is_dir() else []
    return [
        other
        for other in beside
        if other != folder and mine.fullmatch(other.name) and Store(other).packs()
    ]


def earlier_lines(folder: Path, *, spec: SweepSpec) -> list[str]:
    """A line for every other results folder of a sweep of this name, beside `folder`.

    `folder` has its own spec.yaml and environment.json already.
    """
    settings, environment = _settings(folder), read_environment(folder)
    return [_line(one, settings, environment) for one in others(folder, spec=spec)]


def lines_of_others(agenda: Agenda, store: Store, *, spec: SweepSpec) -> list[str]:
    """What is taken from other folders of this sweep, or that they are not used."""
    if isinstance(store, Adopting):
        agenda.has_work()
        return [_reused(agenda, store)]
    return earlier_lines(store.folder, spec=spec) if agenda.has_work() and not store.packs() else []


def noted(tasks: Sequence[SweepTask], trained_by: Mapping[str, Any]) -> dict[str, Any]:
    """What the folder notes of code and plug-ins that train, to say one day what has changed."""
    roots = [training_modules(task.spec, recipe) for task in tasks for recipe in task.recipes]
    used = [
        kinds.source_of(name)
        for task in tasks
        for kinds, name in [*kinds_in(task.spec), *((RECIPES, one) for one in task.recipes)]
    ]
    return {
        **trained_by,
        "modules": code_of(module for found in roots for module in found),
        "plugins": {str(source): source.digest for source in used if not source.built_in},
    }


def check_same(folder: Path, *, spec: SweepSpec, now: Mapping[str, Any]) -> None:
    """InputError if going on in `folder` would train again what is there, and why.

    Where the sweep was begun as it is now, only plug-ins can have changed since; else its newest
    other folder is what somebody wants to go on with. `now`: as environment.json will say it.
    """
    if (folder / "spec.yaml").exists():
        other, what = folder, [*_plugin_changes(read_environment(folder), now)]
    else:
        found = others(folder, spec=spec)
        if not found:
            return
        other = max(found, key=lambda one: (one / "packs").stat().st_mtime)
        what = [*_differences(other, _plain(spec), now)] or ["it is of the first release"]
    if what and Store(other).packs():
        raise InputError(
            f"resume: {other} ({_state(other)}) is not quite this sweep: {'; '.join(what)}; "
            "--resume-as goes on with the sweep as it is now and reuses packs that still fit, "
            "--fresh trains all of it"
        )


def _reused(agenda: Agenda, store: Store) -> str:
    """How many packs still fit, of those that are known before anything is trained."""
    reused = len(agenda.packs())
    again = sum(store.has(pack.digest) for pack in agenda.waiting)
    trained = len(agenda.waiting) - again
    scored = f", {again} of them scored again" if again else ""
    packs = reused + again + trained
    return f"resume-as: {reused + again} of {packs} packs are reused{scored}; {trained} are trained"


def _line(other: Path, settings: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    what = "; ".join(_differences(other, settings, environment)) or "code of the first release"
    return f"results: {other} ({_state(other)}) holds this sweep, but is not used: {what}"


def _state(folder: Path) -> str:
    count = len(Store(folder).packs())
    packs = "1 pack" if count == 1 else f"{count} packs"
    return f"{'finished' if (folder / 'frame.parquet').exists() else 'interrupted'}, {packs}"


def _differences(other: Path, spec: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs between a results folder and now: settings, tasks, code, plug-ins, versions."""
    before = read_environment(other)
    settings = [*_changes(_settings(other), spec)]
    if settings:
        yield f"settings differ ({_some(settings)})"
    tasks = _changed(before.get("tasks", {}), now.get("tasks", {}))
    if tasks and "tasks" in before:
        yield f"tasks differ ({_some(tasks)})"
    code = _code_changes(before, now)
    if code and "training" in before:
        yield f"the code that trains differs ({_some(code)})"
    elif "code" in before:
        yield f"it was trained by bimt_bench {before['code']}"
    yield from _plugin_changes(before, now)
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


def _plain(spec: SweepSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The fields that trained networks follow from and that differ, as 'seeds: [0] -> [1]'."""
    told, of_task = SweepSpec.told_fields(), SweptTask.told_fields()
    for path, one, other in _leaves(before, now):
        names = path.split(".")
        if names[0] not in told and not (names[0] == "tasks" and names[-1] in of_task):
            yield f"{path}: {_short(one)} -> {_short(other)}"


def _leaves(before: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two contents differ: the dotted path, what was there and what is."""
    if before == now:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        parts = [(str(key), before.get(key), now.get(key)) for key in {**before, **now}]
    elif _are_alike(before, now):
        parts = [(str(i), one, now[i]) for i, one in enumerate(before)]
    else:
        yield path, before, now
        return
    for key, one, other in parts:
        yield from _leaves(one, other, f"{path}.{key}" if path else key)


def _are_alike(before: Any, now: Any) -> bool:
    """Whether these are lists of parts (tasks, objectives) of which each has its counterpart."""
    if not (isinstance(before, list) and isinstance(now, list) and len(before) == len(now)):
        return False
    return all(isinstance(one, Mapping) for one in [*before, *now])


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names under which something else stands."""
    return [name for name in {**before, **now} if before.get(name) != now.get(name)]


def _code_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Code that trains otherwise: the files, if they were noted, else recipes of tasks.

    The latter each as 'bimt on task 12ab -> 34cd'.
    """
    trained: Mapping[str, Mapping[str, str]] = before.get("training", {})
    recipes = [
        f"{recipe} on {task} {trained[task][recipe]} -> {digest}"
        for task, recipes in now.get("training", {}).items()
        for recipe, digest in recipes.items()
        if trained.get(task, {}).get(recipe, digest) != digest
    ]
    if not recipes or not before.get("modules"):
        return recipes
    modules = _changed(before["modules"], now.get("modules", {}))
    return [f"{name.partition('.')[2].replace('.', '/')}.py" for name in modules] or recipes


def _plugin_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if "plugins" in before:
        held, own = before["plugins"], now.get("plugins", {})
        found = [
            f"{name} {held.get(name, 'none')} -> {own.get(name, 'none')}"
            for name in _changed(held, own)
        ]
        if found:
            yield f"plug-ins differ ({_some(found)})"


def _some(found: Sequence[str]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more


def _short(value: Any) -> str:
    text = "none" if value is None else " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
