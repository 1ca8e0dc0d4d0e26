"""What a frame carries beside its rows: the tasks and geometries that its members were trained on.

It stands in `frame.attrs`, which pandas keeps in Parquet files and hands on to what is made of a
frame, so that nobody needs the file of a task to read results.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from bimt_bench.ground import InputError
from bimt_bench.spec.base import Spec
from bimt_bench.spec.faults import fault_lines
from bimt_bench.spec.geometry import GeometrySpec
from bimt_bench.spec.task import TaskSpec

if TYPE_CHECKING:
    import pandas as pd

_TASKS, _GEOMETRIES = "bimt_bench.tasks", "bimt_bench.geometries"
Kind = TypeVar("Kind", bound=Spec)


def carrying(
    frame: "pd.DataFrame", tasks: Iterable[TaskSpec], geometries: Iterable[GeometrySpec] = ()
) -> "pd.DataFrame":
    """The frame, which from now on carries these too; the one that was given stays as it is."""
    found = frame.copy(deep=False)
    # As text: pandas copies attributes deeply with every step, and compares them.
    added = {
        _TASKS: {one.name: _text(one) for one in tasks},
        _GEOMETRIES: {f"{one.name} {one.digest()}": _text(one) for one in geometries},
    }
    texts = {key: _held(frame, key) | one for key, one in added.items()}
    found.attrs = {**frame.attrs, **{key: one for key, one in texts.items() if one}}
    return found


def carrying_all(frame: "pd.DataFrame", others: Iterable["pd.DataFrame"]) -> "pd.DataFrame":
    """The frame, which from now on carries what the others do; of two of one name, the first."""
    found = frame.copy(deep=False)
    for one in others:
        both = {key: _held(one, key) | _held(found, key) for key in (_TASKS, _GEOMETRIES)}
        found.attrs = {**found.attrs, **{key: texts for key, texts in both.items() if texts}}
    return found


def carried_task(frame: "pd.DataFrame", name: str) -> TaskSpec | None:
    """The task of that name that a frame carries, None if it does not; InputError if damaged."""
    text = _held(frame, _TASKS).get(name)
    return None if text is None else _read(text, TaskSpec, f"task '{name}'")


def carried_geometries(frame: "pd.DataFrame") -> list[GeometrySpec]:
    """The geometries that a frame carries; InputError if one is damaged."""
    held = _held(frame, _GEOMETRIES)
    return [_read(text, GeometrySpec, "a geometry") for text in held.values()]


def _text(spec: Spec) -> str:
    return spec.model_dump_json(by_alias=True)


def _held(frame: "pd.DataFrame", key: str) -> dict[str, str]:
    held = frame.attrs.get(key, {})
    return dict(held) if isinstance(held, Mapping) else {}


def _read(text: object, kind: type[Kind], what: str) -> Kind:
    if not isinstance(text, str):
        raise InputError(f"frame: {what} that it carries is damaged")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        told = "; ".join(fault_lines(error, kind, {}))
        raise InputError(f"frame: {what} that it carries cannot be used: {told}") from None
