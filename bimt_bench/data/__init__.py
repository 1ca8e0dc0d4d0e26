"""Data of tasks: formulas, modular arithmetic, digits, MNIST."""

from functools import lru_cache
from pathlib import Path

from bimt_bench.data import digits, formulas, mnist, modular
from bimt_bench.data.truth import GroundTruth
from bimt_bench.data.types import TaskData
from bimt_bench.spec import DataSpec

__all__ = ["GroundTruth", "TaskData", "load"]


def load(spec: DataSpec, *, data_dir: Path | None = None) -> TaskData:
    """The data of a task, read or generated once a process.

    `data_dir` is where MNIST may lie already (see `bimt_bench.data.mnist.fetch`). Raises
    InputError if a formula cannot be used or files are missing or altered.
    """
    return _load(spec, data_dir)  # pyright: ignore[reportArgumentType]  (frozen specs hash)


@lru_cache(maxsize=8)
def _load(spec: DataSpec, data_dir: Path | None) -> TaskData:
    match spec.kind:
        case "formula":
            return formulas.load(spec)
        case "modular":
            return modular.load(spec)
        case "digits":
            return digits.load(spec)
        case "mnist":
            return mnist.load(data_dir=data_dir)
