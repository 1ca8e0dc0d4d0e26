"""Where a network comes from: its device, the plug-in of its model, the geometry of its places."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from bimt_bench.ground import InputError
from bimt_bench.network import GEOMETRIES, Wiring, geometry
from bimt_bench.results.columns import plain_cell
from bimt_bench.spec import MODELS, GeometrySpec, TaskSpec, named


def check_device(device: str) -> None:
    """InputError for a device that this machine has not."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(
            f"device: {device!r} is not on this machine; use cpu{_others()}"
        ) from error


def check_source(task: TaskSpec, source: object) -> None:
    """InputError unless the model's kind is that with which a member was trained.

    source: the cell of the frame that names the plug-ins of a member, with their digests.
    """
    here = MODELS.source_of(task.model.kind)
    if source is None or here.built_in or f"{here}:{here.digest}" in str(source).split(", "):
        return
    raise InputError(
        f"network: model '{task.model.kind}' of plug-in '{here.name}' is not the one that was "
        f"trained: its code has the digest {here.digest}, the member names {source}"
    )


def geometry_of(
    task: TaskSpec, row: pd.Series, arrays: Mapping[str, np.ndarray], wiring: Wiring
) -> GeometrySpec | None:
    """The geometry whose places a member's arrays hold: the task's or a named one; else None."""
    word = plain_cell(row["distance"]) if "distance" in row else None
    for spec in (task.geometry, *GEOMETRIES.values()):
        likely = word is None or named(spec.distance) == word
        if likely and _stands_at(spec, arrays, wiring):
            return spec
    return None


def _stands_at(spec: GeometrySpec, arrays: Mapping[str, np.ndarray], wiring: Wiring) -> bool:
    """Whether all neurons sit where this geometry has them."""
    try:
        places = geometry.group_coordinates(spec, wiring)
    except InputError:  # there are numbers of neurons that it cannot place
        return False
    held = {name: arrays.get(f"coordinates.{name}") for name in places}
    return all(
        one is not None and one.shape == places[name].shape and np.allclose(one, places[name])
        for name, one in held.items()
    )


def _others() -> str:
    return " or cuda" if torch.cuda.is_available() else ""
