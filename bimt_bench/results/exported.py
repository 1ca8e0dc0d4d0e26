"""A network's exported files read back: its task, its arrays, and what is known of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors.numpy
from pydantic import ValidationError
from safetensors import SafetensorError

from bimt_bench.ground import InputError, check_format
from bimt_bench.results.export import FACTS, FORMAT, TENSORS, VERSION
from bimt_bench.spec import MODELS, GeometrySpec, Spec, TaskSpec, fault_lines

Kind = TypeVar("Kind", bound=Spec)


@dataclass(frozen=True, eq=False)
class Exported:
    """What the files say; `arrays` as `Population.arrays` gives them, `member` as a row has it."""

    task: TaskSpec
    arrays: Mapping[str, np.ndarray]
    member: Mapping[str, object]
    geometry: GeometrySpec | None


def exported(folder: Path) -> Exported:
    """Reads network.safetensors and network.json; see `bimt_bench.results.export`.

    Raises InputError where they are absent, damaged, of a newer format or of one that does not hold
    the task, and where the model is a plug-in's that is not loaded, or is another now.
    """
    facts = _facts(folder / FACTS)
    try:
        _check_model(facts["model"])
        task, place = _spec(TaskSpec, facts["task"]["spec"], folder), facts["geometry"]
        geometry = None if place is None else _spec(GeometrySpec, place, folder)
        weights = safetensors.numpy.load(_content(folder / TENSORS))
        one = next(iter(weights.values()))
        places = {
            f"coordinates.{group['name']}": np.array(group["coordinates"], dtype=one.dtype)
            for group in facts["groups"]
        }
        labels = {
            f"labels.{group['name']}": np.array(group["labels"], dtype=np.int64)
            for group in facts["groups"]
            if group["labels"] is not None
        }
        return Exported(task, {**weights, **labels, **places}, dict(facts["member"]), geometry)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, StopIteration, SafetensorError) as error:
        told = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InputError(f"network: the files in '{folder}' are damaged ({told})") from error


def _facts(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(_content(file))
    except (ValueError, RecursionError) as error:
        raise InputError(f"network: '{file}' is not valid JSON: {error}") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InputError(f"network: '{file}' is no export of a network")
    number = check_format(facts.get("version"), newest=VERSION, where=f"'{file}'")
    task = facts.get("task")
    if number < VERSION or not isinstance(task, dict) or "spec" not in task:
        raise InputError(
            f"network: '{file}' is of an earlier version, which does not hold the task; export the "
            "network again"
        )
    return facts


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"network: '{file}' cannot be read ({error.strerror}); name the folder that "
            "net.save(folder) wrote"
        ) from error


def _check_model(model: Mapping[str, Any]) -> None:
    """InputError unless the model's kind is registered, with the code that was exported."""
    kind, source = model["kind"], model["source"]
    told = f"network: its model '{kind}' comes from plug-in '{source['name']}'"
    if kind not in MODELS:
        if not source["digest"]:
            MODELS.get_kind(kind)
        raise InputError(
            f"{told}, which is not loaded; name its file or module: "
            "load_network(folder, plugins=['FILE_OR_MODULE'])"
        )
    here = MODELS.source_of(kind)
    if here.digest != source["digest"]:
        raise InputError(
            f"{told} of digest {source['digest'] or 'none'}, but here it is of "
            f"'{here.name}', digest {here.digest or 'none'}"
        )


def _spec(kind: type[Kind], raw: object, folder: Path) -> Kind:
    try:
        return kind.model_validate(raw, context={"folder": folder.resolve()})
    except ValidationError as error:
        told = "; ".join(fault_lines(error, kind, raw))
        raise InputError(f"network: what '{folder / FACTS}' says cannot be used: {told}") from None
