"""A trained member as files of its own, readable without this project (see docs/export.md).

<folder>/network.safetensors   the parameters, as they stand in positions
<folder>/network.json          the wiring, where neurons sit, and what it was trained on
<folder>/network.onnx          optional: the same function, in the task's order

`bimt_bench.results.exported` reads the first two back.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.ground import InputError, write
from bimt_bench.network import Architecture, Group
from bimt_bench.results import onnx_file
from bimt_bench.results.columns import plain_cell
from bimt_bench.spec import MODELS, TaskSpec

Arrays = Mapping[str, np.ndarray]

FORMAT, VERSION = "bimt_bench network", 2
TENSORS, FACTS, ONNX = "network.safetensors", "network.json", "network.onnx"


def export(
    task: TaskSpec,
    data: TaskData,
    population: Population,
    folder: Path,
    *,
    index: int = 0,
    member: Mapping[str, object] | None = None,
    onnx: bool = False,
) -> tuple[Path, ...]:
    """Writes the files of the member `index` of a population and returns their paths.

    `member` is what is known of it, as a row of the frame; what is empty becomes null. InputError
    where nothing can be written, if ONNX is asked for without the packages that write it, or for a
    model that it cannot express.
    """
    if onnx:
        onnx_file.check_packages()
    architecture, arrays = population.architecture, population.arrays(index)
    tensors = {name: torch.from_numpy(arrays[name]) for name in architecture.shapes}
    metadata = {"format": FORMAT, "version": str(VERSION)}
    identity = {name: plain_cell(value) for name, value in (member or {}).items()}
    place = population.geometries[index]
    facts = _facts(task, data, architecture, arrays, identity)
    facts["geometry"] = None if place is None else place.model_dump(mode="json", by_alias=True)
    contents = {
        TENSORS: safetensors.torch.save(tensors, metadata=metadata),
        FACTS: json.dumps(facts, indent=1).encode(),
    }
    if onnx:
        contents[ONNX] = onnx_file.as_onnx(population.member(index), data, model=task.model.kind)
    return _written(folder, contents)


def _written(folder: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Writes files into a folder, made if absent; InputError where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write(folder / name, content)
    except OSError as error:
        told = error.strerror or error
        raise InputError(f"export: nothing can be written into '{folder}': {told}") from error
    return tuple(folder / name for name in contents)


def _facts(
    task: TaskSpec,
    data: TaskData,
    architecture: Architecture,
    arrays: Arrays,
    member: dict[str, object],
) -> dict[str, Any]:
    wiring, source = architecture.wiring, MODELS.source_of(task.model.kind)
    names = {"input": data.input_names, "output": data.output_names}
    return {
        "format": FORMAT,
        "version": VERSION,
        "task": {
            "name": task.name,
            "version": task.version,
            "digest": task.digest(),
            "spec": task.model_dump(mode="json", by_alias=True),
        },
        "member": member,
        "input": {
            "kind": "numbers" if data.tokens is None else "tokens",
            "names": list(data.input_names),
            "shape": list(data.test_inputs.shape[1:]),
            "tokens": data.tokens,
            "scale": data.scale,
        },
        "output": {"names": list(data.output_names), "at_each_time_step": data.has_steps},
        "model": {
            **task.model.model_dump(mode="json", by_alias=True),
            "source": {"name": source.name, "version": source.version, "digest": source.digest},
        },
        "groups": [_group(group, arrays, names.get(group.role, ())) for group in wiring.groups],
        "connections": [
            {
                "parameter": c.parameter,
                "source": c.source,
                "target": c.target,
                "source_folds": c.source_folds,
                "target_folds": c.target_folds,
                "window": list(architecture.shapes[c.parameter][2:]),
            }
            for c in wiring.connections
        ],
        # without the member axis that populations have
        "attachments": [
            {
                "parameter": a.parameter,
                "group": a.group,
                "axis": a.axis - 1,
                "kind": a.kind,
                "folds": a.folds,
            }
            for a in wiring.attachments
        ],
    }


def _group(group: Group, arrays: Arrays, names: tuple[str, ...]) -> dict[str, Any]:
    """A group by position: where each neuron sits, and what it stands for if anything."""
    labels = arrays[f"labels.{group.name}"].tolist() if group.relabelled else None
    has_names = labels is not None and len(names) == group.size
    return {
        "name": group.name,
        "role": group.role,
        "layer": group.layer,
        "size": group.size,
        "module": group.module or None,
        "coordinates": arrays[f"coordinates.{group.name}"].tolist(),
        "labels": labels,
        "names": [names[label] for label in labels or ()] if has_names else None,
    }
