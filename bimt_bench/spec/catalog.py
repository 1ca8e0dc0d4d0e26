"""Finds, loads and validates tasks and sweeps: the user's folder, the package's, the checkout's."""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bimt_bench.ground import InputError, closest, fitting, listed
from bimt_bench.spec import yaml12
from bimt_bench.spec.faults import fault_lines
from bimt_bench.spec.sweep import SweepSpec, SweptTask, is_module
from bimt_bench.spec.task import TaskSpec

TASKS_VARIABLE = "BIMT_BENCH_TASKS"
_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIX = ".yaml"
_MOST_BYTES = 4 * yaml12.MOST_CHARACTERS

Model = TypeVar("Model", bound=BaseModel)


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Read and validate one YAML file; paths in it count from its folder.

    Raises InputError with one line for each of the file's first faults.
    """
    raw, faults = _read(path)
    if not isinstance(raw, dict):
        found = "nothing" if raw is None else f"a {type(raw).__name__}"
        raise InputError(f"{path}: holds {found}, not fields and their values")
    try:
        spec = model.model_validate(raw, context={"folder": path.resolve().parent})
    except ValidationError as error:
        faults += fault_lines(error, model, raw)
        spec = None
    if faults or spec is None:
        raise InputError(listed([f"{path}: {fault}" for fault in faults]))
    return spec


def _read(path: Path) -> tuple[Any, list[str]]:
    """The content of a YAML file and its repeated keys."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size:,} bytes; at most {_MOST_BYTES:,}")
        return yaml12.load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    except yaml12.YamlFault as fault:
        raise InputError(f"{path}: is not valid YAML: {fault}") from fault


def read_value(text: str, *, path: str) -> Any:
    """The value that a piece of YAML means, as it would in a file: 1e-3, grid, {kind: grid}.

    InputError, which begins with `path`, if it is not valid YAML or repeats a key.
    """
    try:
        value, repeated = yaml12.load(text)
    except yaml12.YamlFault as fault:
        given = fitting(text)
        raise InputError(f"{path}: '{given}' given, which is not valid YAML: {fault}") from fault
    if repeated:
        raise InputError(listed([f"{path}: {fault}" for fault in repeated]))
    return value


def dump(spec: BaseModel) -> str:
    """A specification as YAML, which `load_yaml` reads back."""
    return yaml12.dump(spec.model_dump(mode="json", by_alias=True))


def tasks(folder: Path | None = None) -> list[TaskSpec]:
    """All tasks, sorted by name; a user's task takes the place of ours of the same name.

    Raises InputError with the faults of every faulty file.
    """
    found, faults = [], []
    for path in _task_files(folder).values():
        try:
            found.append(_load_task(*path))
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError(listed("\n".join(faults).splitlines()))
    return sorted(found, key=lambda spec: spec.name)


def task(name: str, folder: Path | None = None, *, file: str | Path | None = None) -> TaskSpec:
    """The task of that name, or in a YAML file; InputError names the closest one if there is none.

    `name` may be the file itself. Where both are given the file must hold the task of that name.
    """
    if file is None and _is_file(name):
        return load_yaml(_existing(Path(name).expanduser()), TaskSpec)
    if file is not None:
        found = load_yaml(_existing(Path(file)), TaskSpec)
        if found.name != name:
            raise InputError(f"{file}: name: '{found.name}' given; asked for is '{name}'")
        return found
    files = _task_files(folder)
    if name not in files:
        raise InputError(
            f"task: unknown task '{name}'{closest(name, files)} (bimt-bench tasks lists all)"
        )
    return _load_task(*files[name])


def sweep(path_or_name: str | Path) -> SweepSpec:
    """The sweep in a YAML file, or of that name among those that come along.

    Paths of its plug-ins and of tasks that are given as files are completed: they count from the
    sweep's file. Whether its tasks, recipes and settings exist, `bimt_bench.tuning.check` says.
    """
    path = _sweep_file(path_or_name)
    spec = load_yaml(path, SweepSpec)
    plugins = (
        plugin if is_module(plugin) else str(path.parent / Path(plugin).expanduser())
        for plugin in spec.plugins
    )
    tasks = (_beside(path.parent, swept) for swept in spec.tasks)
    return spec.model_copy(update={"plugins": tuple(plugins), "tasks": tuple(tasks)})


def _beside(folder: Path, swept: SweptTask) -> SweptTask:
    """A task given as a file goes by the name that the file states, wherever it lies."""
    named = swept.task if _is_file(swept.task) else swept.file
    if named is None:
        return swept
    file = folder / Path(named).expanduser()
    name = _name_in(file) if _is_file(swept.task) else swept.task
    return swept.model_copy(update={"task": name, "file": str(file)})


def _is_file(name: str) -> bool:
    """Whether a task is given as a file; names have no suffix."""
    return name.endswith((_SUFFIX, ".yml"))


def _existing(file: Path) -> Path:
    if not file.is_file():
        near = [str(file.parent / other.name) for other in file.parent.glob(f"*{_SUFFIX}")]
        raise InputError(f"task: no such file '{file}'{closest(str(file), near)}")
    return file


def _name_in(file: Path) -> str:
    """The name that a task's file states, before its kinds need be known; InputError if none."""
    raw, _ = _read(_existing(file))
    name = raw.get("name") if isinstance(raw, dict) else None
    if not isinstance(name, str):
        raise InputError(f"{file}: name: is missing; a task states its name, as 'own/{file.stem}'")
    return name


def sweeps() -> dict[str, Path]:
    """Name and file of the sweeps that come along, sorted by name."""
    root = shipped("sweeps")
    return {path.stem: path for path in sorted(root.glob(f"*{_SUFFIX}"))}


def _sweep_file(path_or_name: str | Path) -> Path:
    path, known = Path(path_or_name), sweeps()
    if path.is_file():
        return path
    if str(path_or_name) in known:
        return known[str(path_or_name)]
    names = ", ".join(known) or "none"
    raise InputError(
        f"sweep: no file and no sweep of the name '{path_or_name}'{closest(path.stem, known)} "
        f"(sweeps that come along: {names})"
    )


def shipped(kind: str) -> Path:
    """The folder of tasks, sweeps or templates that comes along: in the wheel or the checkout."""
    packaged = _PACKAGE / "_catalog" / kind
    return packaged if packaged.is_dir() else _PACKAGE.parent / kind


def _task_files(folder: Path | None) -> dict[str, tuple[Path, Path]]:
    """Of every task name, the folder of tasks and the file in it."""
    roots = [shipped("tasks")]
    named = os.environ.get(TASKS_VARIABLE) if folder is None else folder
    if named:
        root = Path(named).expanduser()
        if not root.is_dir():
            source = TASKS_VARIABLE if folder is None else "tasks folder"
            raise InputError(f"{source}: '{named}' is not a folder")
        roots.append(root)
    return {
        path.relative_to(root).with_suffix("").as_posix(): (root, path)
        for root in roots
        for path in sorted(root.glob(f"*/*{_SUFFIX}"))
    }


def _load_task(root: Path, path: Path) -> TaskSpec:
    spec = load_yaml(path, TaskSpec)
    expected = path.relative_to(root).with_suffix("").as_posix()
    if spec.name != expected:
        raise InputError(
            f"{path}: name: '{spec.name}' given; a task is named as its file: '{expected}'"
        )
    return spec
