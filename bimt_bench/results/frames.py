"""Frames of finished sweeps: read from a folder, parted by task, turned into trade-off tables."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from bimt_bench.ground import InputError, closest
from bimt_bench.results.formats import read_curves_parquet, read_parquet
from bimt_bench.spec import TaskSpec, carried_task, catalog, results_in

FRAME = "frame.parquet"


def tradeoff_table(
    frame: pd.DataFrame | str | Path,
    *,
    task: str | None = None,
    x: str | None = None,
    y: str | None = None,
) -> pd.DataFrame:
    """The trade-off tables of a frame's tasks, or of `task`, one row a configuration.

    A results folder may stand for its frame, with what was measured later. A task that was trained
    at several lengths has a table a length. Raises InputError for a task that is not in the frame,
    or whose content has changed since.
    """
    from bimt_bench.results.drawn import tradeoff_of  # here, as reading a frame draws nothing
    from bimt_bench.results.scores import with_scores

    kept: Mapping[str, Path] = {}
    if not isinstance(frame, pd.DataFrame):
        place = Path(frame)
        frame, kept = with_scores(read_frame(place), place), kept_tasks(place)
    check_members(frame)
    names = [str(name) for name in frame["task"].unique()]
    wanted = frame if task is None else frame[frame["task"] == in_frame(task, names)]
    tables = [
        tradeoff_of(spec, rows, x=x, y=y).table() for spec, rows in by_task(wanted, kept=kept)
    ]
    return pd.concat(tables, ignore_index=True)


def check_members(frame: pd.DataFrame) -> None:
    """InputError unless a table is a frame of members, with at least one."""
    names = [str(name) for name in frame.columns]
    for column in ("task", "recipe", "configuration", "member", "seed", "status"):
        if column not in names:
            raise InputError(
                f"frame: has no column '{column}'{closest(column, names)} (a frame has one row a "
                "member, as train, sweep and load give it)"
            )
    if frame.empty:
        raise InputError("frame: has no rows, but a trade-off needs at least one member")


def in_frame(task: str, names: Sequence[str]) -> str:
    """The name of a task that results hold; InputError with the nearest one if they do not."""
    if task not in names:
        raise InputError(
            f"task: '{task}' is not in the frame{closest(str(task), names)} "
            f"(tasks: {', '.join(sorted(names))})"
        )
    return task


def of_recipe(rows: pd.DataFrame, recipe: str | None) -> pd.DataFrame:
    """The rows of a recipe, all if none is named; InputError with the nearest name if none is."""
    if recipe is None:
        return rows
    known = [str(name) for name in rows["recipe"].unique()]
    if recipe not in known:
        raise InputError(
            f"recipe: '{recipe}' is not in these results{closest(str(recipe), known)} "
            f"(recipes: {', '.join(known)})"
        )
    return rows[rows["recipe"] == recipe]


def only_task(names: Sequence[str]) -> str:
    """The one task there is; InputError, which lists them, if there are several."""
    if len(names) != 1:
        raise InputError(f"task: there are {len(names)}; name one of {', '.join(sorted(names))}")
    return names[0]


def kept_tasks(folder: Path) -> dict[str, Path]:
    """The files of tasks that a results folder keeps, by name."""
    root = folder / "tasks"
    return {
        file.relative_to(root).with_suffix("").as_posix(): file for file in root.glob("*/*.yaml")
    }


def by_task(
    frame: pd.DataFrame,
    tasks_dir: Path | None = None,
    *,
    kept: Mapping[str, Path] | None = None,
) -> Iterator[tuple[TaskSpec, pd.DataFrame]]:
    """Each task of a frame with its rows, at each length by itself; `kept`: see `kept_tasks`.

    Rows that a search trained on a part of the data are left out.
    Raises InputError for a task that is not here, or that is another version or has other content
    here than where the members were trained.
    """
    keys = [name for name in ("task", "steps") if name in frame]
    found = results_in(frame)
    if found.empty and not frame.empty:
        raise InputError("frame: no member is trained on all data; the search found none")
    for (name, *_), rows in found.groupby(keys, sort=False, dropna=False):
        task = task_in(frame, str(name), tasks_dir, kept=kept)
        check_same(task, rows)
        yield task, rows


def task_in(
    frame: pd.DataFrame,
    name: str,
    tasks_dir: Path | None = None,
    *,
    kept: Mapping[str, Path] | None = None,
) -> TaskSpec:
    """A task of a frame: as kept in files, as the frame carries it, or as it is known here.

    InputError if it is nowhere, or if what is kept is damaged.
    """
    if kept and name in kept:
        return catalog.task(name, file=kept[name])
    carried = carried_task(frame, name)
    return catalog.task(name, tasks_dir) if carried is None else carried


def read_frame(path: Path) -> pd.DataFrame:
    """The frame of a results folder, or of a Parquet file of any format; InputError if none."""
    file = path / FRAME if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"run: no {FRAME} in '{path}'; {_instead(path)}")
    return read_parquet(file)


def _instead(path: Path) -> str:
    """What somebody may have meant who named a place without a frame."""
    if (path / "packs").is_dir():
        return "the sweep is not finished; --resume goes on"
    if path.is_dir():
        held = sorted(str(one) for one in path.glob("*.parquet"))
        held += sorted(str(one.parent) for one in path.glob(f"*/{FRAME}"))
        return f"there are {', '.join(held[:5])}" if held else "name a finished sweep's folder"
    near = [str(other) for other in path.parent.glob("*")] if path.parent.is_dir() else []
    return f"there is no such folder or file{closest(str(path), near)}"


def read_curves(path: Path) -> pd.DataFrame:
    """The learning curves of a results folder, or beside a frame's file; InputError if none."""
    found = kept_curves(path)
    if found is None:
        raise InputError(f"run: no curves.parquet beside the frame of '{path}'")
    return found


def kept_curves(path: Path) -> pd.DataFrame | None:
    """The learning curves of results, None where they were not kept; InputError if damaged."""
    file = path / "curves.parquet" if path.is_dir() else path.with_name("curves.parquet")
    return read_curves_parquet(file) if file.is_file() else None


def check_same(task: TaskSpec, rows: pd.DataFrame) -> None:
    """Raises InputError where rows say that they are of another task of that name."""
    for column, here in (("task_version", task.version), ("task_digest", task.digest())):
        there = set(rows[column].dropna()) - {here} if column in rows else set()
        if there:
            word = "version" if column == "task_version" else "content, digest"
            found = ", ".join(sorted(str(value) for value in there))
            raise InputError(
                f"task: '{task.name}' is of {word} {here} here, but the results are of {found}"
            )
