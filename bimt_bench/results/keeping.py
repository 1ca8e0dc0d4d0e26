"""Results that this process trained become a folder, as a sweep leaves one."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from bimt_bench.ground import InputError, write
from bimt_bench.results.frames import FRAME
from bimt_bench.results.weights import Shelf
from bimt_bench.spec import TaskSpec, carried_geometries, catalog
from bimt_bench.store import Store


def keep(
    folder: Path,
    frame: pd.DataFrame,
    curves: pd.DataFrame,
    weights: Shelf,
    *,
    tasks: Iterable[TaskSpec],
) -> None:
    """Writes frame, curves, weights and tasks into a folder that holds no results yet.

    InputError if it does, if it cannot be written to, or if weights cannot be had.
    """
    if (folder / FRAME).exists() or (folder / "packs").exists():
        raise InputError(f"folder: '{folder}' holds results already; name a new one")
    if "pack" not in frame:
        raise InputError("results: these name no packs, since their weights were never kept")
    store, kept = Store(folder), list(tasks)
    try:
        for part in ("packs", "weights"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for task in kept:
            file = folder / "tasks" / f"{task.name}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            write(file, catalog.dump(task).encode())
        for pack, rows in frame.groupby("pack", sort=False):
            own = curves[curves["member"].isin(rows["member"])]
            cells = rows.to_dict("records")
            arrays = {
                str(row["member"]): weights.arrays({str(name): one for name, one in row.items()})
                for row in cells
            }
            store.keep(str(pack), frame=rows, curves=own, weights=arrays)
        store.collect(
            [str(pack) for pack in frame["pack"].unique()],
            members=list(frame["member"]),
            tasks=kept,
            geometries=carried_geometries(frame),
        )
    except OSError as error:
        raise InputError(f"folder: cannot write to '{folder}': {error.strerror}") from error
