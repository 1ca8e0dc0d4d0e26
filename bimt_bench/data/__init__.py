"""Data of tasks, one file a kind. Importing this package registers the kinds that ship."""

from functools import lru_cache
from pathlib import Path

from bimt_bench.data.kind import DataKind
from bimt_bench.data.truth import GroundTruth
from bimt_bench.data.types import Residues, TaskData
from bimt_bench.spec import DATA, DataSettings

# in the order of tables
from bimt_bench.data import formulas  # isort: skip
from bimt_bench.data import modular  # isort: skip
from bimt_bench.data import digits  # isort: skip
from bimt_bench.data import mnist  # isort: skip

__all__ = [
    "DATA",
    "DataKind",
    "GroundTruth",
    "Residues",
    "TaskData",
    "digits",
    "formulas",
    "load",
    "mnist",
    "modular",
]


def load(settings: DataSettings, *, data_dir: Path | None = None) -> TaskData:
    """The data of a task, read or generated once a process.

    `data_dir` is where MNIST may lie already (see `bimt_bench.data.mnist.fetch`). Raises
    InputError if a formula cannot be used or files are missing or altered.
    """
    return _load(settings, data_dir)  # pyright: ignore[reportArgumentType]  (frozen specs hash)


@lru_cache(maxsize=8)
def _load(settings: DataSettings, data_dir: Path | None) -> TaskData:
    return DATA.get_kind(settings.kind)().load(settings, data_dir=data_dir)
