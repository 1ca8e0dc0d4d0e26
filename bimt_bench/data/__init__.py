"""Data of tasks, one file a kind. Importing this package registers the kinds that ship."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bimt_bench.data.functions import functions_page
from bimt_bench.data.kind import DataKind
from bimt_bench.data.truth import GroundTruth
from bimt_bench.data.types import Residues, TaskData
from bimt_bench.data.usable import check_usable
from bimt_bench.data.validation import Validated, of_kind
from bimt_bench.ground import refuse_beyond_memory
from bimt_bench.spec import DATA, DataSettings

# in the order of tables
from bimt_bench.data import formulas  # isort: skip
from bimt_bench.data import table  # isort: skip
from bimt_bench.data import modular  # isort: skip
from bimt_bench.data import groups  # isort: skip
from bimt_bench.data import operation  # isort: skip
from bimt_bench.data import moons  # isort: skip
from bimt_bench.data import incontext  # isort: skip
from bimt_bench.data import digits  # isort: skip
from bimt_bench.data import mnist  # isort: skip

__all__ = [
    "DATA",
    "DataKind",
    "GroundTruth",
    "Residues",
    "TaskData",
    "Validated",
    "digits",
    "formulas",
    "functions_page",
    "groups",
    "incontext",
    "load",
    "mnist",
    "modular",
    "moons",
    "operation",
    "table",
    "validated",
]


def load(settings: DataSettings, *, data_dir: Path | None = None) -> TaskData:
    """The data of a task, read or generated once a process.

    `data_dir` is a folder where files may lie already: those of MNIST (see
    `bimt_bench.data.mnist.fetch`), those of tables. Raises InputError if settings cannot be met, if
    they ask for more than this machine's memory, or if files are missing or altered.
    """
    return _load(_Asked.of(settings, data_dir))


def validated(settings: DataSettings, *, share: float, data_dir: Path | None = None) -> Validated:
    """The data of a task while it is searched, with validation data; once a process.

    `share` of the training data is held out where points are not drawn anew (see
    `DataKind.drawn_anew`). Training and test data are those of `load`. Raises InputError as `load`,
    and if no such share can be held out.
    """
    return _validated(_Asked.of(settings, data_dir), share)


@dataclass(frozen=True)
class _Asked:
    """What was asked for, so that settings need not be hashable."""

    kind: type[DataKind]
    written: str
    data_dir: Path | None
    settings: DataSettings = field(compare=False)

    @classmethod
    def of(cls, settings: DataSettings, data_dir: Path | None) -> "_Asked":
        kind = DATA.get_kind(settings.kind)
        return cls(kind, settings.model_dump_json(), data_dir, settings)


@lru_cache(maxsize=8)
def _load(asked: _Asked) -> TaskData:
    kind = asked.kind()
    refuse_beyond_memory(
        f"data: {asked.settings.kind}, as large as this,", kind.memory(asked.settings)
    )
    found = kind.load(asked.settings, data_dir=asked.data_dir)
    check_usable(found)
    return found


@lru_cache(maxsize=8)
def _validated(asked: _Asked, share: float) -> Validated:
    return of_kind(asked.kind(), asked.settings, _load(asked), share=share, data_dir=asked.data_dir)
