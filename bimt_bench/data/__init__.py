"""Data of tasks: formulas, modular arithmetic, digits, MNIST."""

from functools import lru_cache
from pathlib import Path

from bimt_bench.data import digits, formulas, mnist, modular
from bimt_bench.data.truth import GroundTruth
from bimt_bench.data.types import TaskData
from bimt_bench.spec import DataSpec

__all__ = ["GroundTruth", "TaskData", "load", "module_of"]

_KINDS = {"formula": formulas, "modular": modular, "digits": digits, "mnist": mnist}


def load(spec: DataSpec, *, data_dir: Path | None = None) -> TaskData:
    """The data of a task, read or generated once a process.

    `data_dir` is where MNIST may lie already (see `bimt_bench.data.mnist.fetch`). Raises
    InputError if a formula cannot be used or files are missing or altered.
    """
    return _load(spec, data_dir)  # pyright: ignore[reportArgumentType]  (frozen specs hash)


@lru_cache(maxsize=8)
def _load(spec: DataSpec, data_dir: Path | None) -> TaskData:
    kind = _KINDS[spec.kind]
    return kind.load(data_dir=data_dir) if kind is mnist else kind.load(spec)


def module_of(spec: DataSpec) -> str:
    """The module that reads or makes data of this kind."""
    return _KINDS[spec.kind].__name__
