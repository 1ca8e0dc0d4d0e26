"""An entry of networks that were trained by anything at all: weights, and a model that ships.

Such an entry is not retrainable. Its metrics are measured here, like everybody's, and it has a
table of its own: no rank among entries that can be trained again.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bimt_bench import data as task_data
from bimt_bench.ground import InputError, __version__, listed
from bimt_bench.identity import scoring_digest
from bimt_bench.leaderboard import weights_file
from bimt_bench.leaderboard.adding import publish
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.chosen import Chosen
from bimt_bench.leaderboard.entry import SHUFFLES, Author, trained_with
from bimt_bench.leaderboard.publishing import Added, check_new, said
from bimt_bench.network import Architecture, build, geometry
from bimt_bench.spec import (
    MODELS,
    TaskSpec,
    catalog,
    choose,
    digest_of,
)

_UNKNOWN = "unknown"
Place = tuple[float | None, int]


def add_networks(
    networks: Mapping[Place, Mapping[str, Any] | None],
    *,
    task: str,
    method: str,
    name: str,
    title: str,
    authors: Sequence[str | Mapping[str, str] | Author],
    tuned: str,
    licence: str,
    steps: int,
    seconds: float,
    dial: str | None = None,
    settings: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    link: str | None = None,
    notes: str = "",
    dtype: str | None = None,
    url: str | None = None,
    board: Board | Path | str | None = None,
    tasks_dir: Path | None = None,
    data_dir: Path | None = None,
) -> Added:
    """Makes an entry of networks that were trained elsewhere.

    networks: by dial value (None without a dial) and seed, the parameters of the task's model by
    name, as arrays or tensors; None for one that was lost, which counts like any other. model: of
    a kind that ships, if not the task's. method: what it is called in tables, as 'my_penalty'.
    seconds: of training, all together. The rest is as for `add`. InputError, before anything is
    written, for seeds that are missing and for parameters that the model has not.
    """
    board = board if isinstance(board, Board) else Board(Path(board)) if board else Board()
    told = said(
        name=name,
        authors=authors,
        tuned=tuned,
        licence=licence,
        title=title,
        link=link,
        notes=notes,
    )
    published = catalog.task(task, tasks_dir)
    check_new(board, published.name, name)
    spec = published
    if model is not None:
        try:
            spec = published.model_copy(update={"model": choose(MODELS, model)})
        except ValueError as error:
            raise InputError(f"model: {error}") from None
    data = task_data.load(spec.data, data_dir=data_dir)
    architecture = build(spec, data)
    chosen = _chosen(
        networks,
        spec,
        published,
        name=name,
        method=method,
        dial=dial,
        settings=dict(settings or {}),
        steps=steps,
        seconds=seconds,
    )
    return publish(
        board,
        chosen,
        told,
        weights=_weights(networks, chosen, architecture),
        curves=pd.DataFrame(),
        environment=_environment(),
        dtype=dtype,
        url=url,
        retrainable=False,
        tasks_dir=tasks_dir,
        data_dir=data_dir,
    )


def _chosen(
    networks: Mapping[Place, Any],
    task: TaskSpec,
    published: TaskSpec,
    *,
    name: str,
    method: str,
    dial: str | None,
    settings: dict[str, Any],
    steps: int,
    seconds: float,
) -> Chosen:
    """The members as rows of a frame; InputError unless seeds are the same for every dial value."""
    grid = sorted({value for value, _ in networks if value is not None})
    seeds = sorted({seed for _, seed in networks})
    wanted = set(product(grid or [None], range(len(seeds))))
    if not networks or networks.keys() != wanted:
        raise InputError(
            f"networks: dial values {grid or 'none'} and seeds {seeds} given; each value needs "
            f"seeds 0 to {max(len(seeds) - 1, 4)}, none left out (None for a network that was lost)"
        )
    if (dial is None) == bool(grid):
        raise InputError("dial: is given where networks have dial values, and only there")
    facts = {"entry": name, "task": published.digest(), "method": method, "settings": settings}
    ordered = sorted(networks, key=lambda place: (place[0] or 0.0, place[1]))
    rows = pd.DataFrame(
        {
            "dial_value": pd.array([value for value, _ in ordered], dtype="Float64"),
            "seed": [seed for _, seed in ordered],
            "configuration": [digest_of({**facts, "dial": value}) for value, _ in ordered],
            "member": [digest_of({**facts, "dial": v, "seed": seed}) for v, seed in ordered],
            "status": ["diverged" if networks[one] is None else "ok" for one in ordered],
            "seconds": seconds / len(ordered),
            "scoring_digest": "",
            "shuffles": SHUFFLES,
        }
    )
    return Chosen(
        task=task,
        published=published,
        trained=trained_with(task, settings, steps=steps),
        recipe=method,
        dial=dial,
        grid=tuple(grid),
        seeds=len(seeds),
        settings=settings,
        rows=rows,
    )


def _weights(
    networks: Mapping[Place, Mapping[str, Any] | None], chosen: Chosen, architecture: Architecture
) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of each member that was not lost; InputError, a line each for what is amiss."""
    wanted = weights_file.layout(architecture, chosen.dtype)
    place = chosen.geometry
    geometry.check(place, architecture.wiring)
    found, faults = {}, []
    for row in chosen.rows.to_dict("records"):
        value = None if pd.isna(row["dial_value"]) else row["dial_value"]
        given = networks[value, row["seed"]]
        if given is None:
            continue
        arrays = {str(name): _array(one) for name, one in given.items()}
        for group in architecture.wiring.groups:
            if group.relabelled:
                arrays.setdefault(f"labels.{group.name}", np.arange(group.size))
        faults += [
            f"networks[{value}, {row['seed']}]: '{name}' is "
            f"{_shape(arrays.get(name))}; must be {list(one.shape)}"
            for name, one in wanted.items()
            if name not in arrays or arrays[name].shape != one.shape
        ]
        found[row["member"]] = arrays
    if faults:
        raise InputError(listed(faults))
    return {
        member: weights_file.completed(arrays, place, architecture.wiring, dtype=chosen.dtype)
        for member, arrays in found.items()
    }


def _shape(array: np.ndarray | None) -> str:
    return "missing" if array is None else str(list(array.shape))


def _array(given: Any) -> np.ndarray:
    """An array, or a tensor that may want gradients or lie elsewhere."""
    return np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)


def _environment() -> dict[str, Any]:
    """Of members that were trained nobody knows where: how they were measured, and no more."""
    return {
        "bimt_bench": __version__,
        "training_digest": None,
        "scoring_digest": scoring_digest(),
        "python": _UNKNOWN,
        "libraries": {},
        "device": _UNKNOWN,
        "machine": _UNKNOWN,
        "cpu_features": _UNKNOWN,
        "kernels": {},
    }
