"""Where the weights of trained members lie, read one member at a time and only when asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import safetensors

from bimt_bench.ground import InputError
from bimt_bench.store import CorruptPack, Store, read_arrays

if TYPE_CHECKING:
    from bimt_bench.packs import StoredWeights

Arrays = dict[str, np.ndarray]
RUN_WEIGHTS = "weights.safetensors"
"""The file of weights in a folder that `bimt-bench run` wrote."""


class Shelf(Protocol):
    """Something that has the weights of members."""

    def arrays(self, row: Mapping[str, object]) -> Arrays:
        """The arrays of the member whose row of the frame this is; InputError if there are none."""
        ...


@dataclass(frozen=True)
class InMemory:
    """Weights of members that this process trained."""

    held: "StoredWeights" = field(repr=False)

    def arrays(self, row: Mapping[str, object]) -> Arrays:
        """See `Shelf`."""
        return dict(self.held[str(row["member"])])


@dataclass(frozen=True)
class InPacks:
    """The packs in the results folder of a sweep; the file of each is checked when first read."""

    store: Store
    _checked: set[str] = field(default_factory=set, repr=False)

    def arrays(self, row: Mapping[str, object]) -> Arrays:
        """See `Shelf`."""
        pack, member = str(row.get("pack")), str(row["member"])
        try:
            if pack not in self._checked:
                self.store.check_weights(pack)
                self._checked.add(pack)
            return self.store.arrays(pack, member)
        except CorruptPack as error:
            raise InputError(
                f"network: the weights of member {member} in '{self.store.folder}' cannot be used: "
                f"{error}; the sweep trains them again with --resume"
            ) from error


@dataclass(frozen=True)
class InOneFile:
    """The file that `bimt-bench run` writes: members of one configuration, by code and digest."""

    file: Path

    def arrays(self, row: Mapping[str, object]) -> Arrays:
        """See `Shelf`."""
        member = str(row["member"])
        with _reading(self.file, member):
            found = read_arrays(self.file, f"{row.get('code')}/{member}")
        if not found:
            raise InputError(f"network: '{self.file}' has no weights of member {member}")
        return found


@dataclass(frozen=True)
class Nowhere:
    """Results without weights; `where` says whose they are."""

    where: str

    def arrays(self, row: Mapping[str, object]) -> Arrays:
        """See `Shelf`."""
        raise InputError(
            f"network: the weights of member {row['member']} were not kept: {self.where} has "
            "frames only; train the member again to have its network"
        )


def shelf_of(path: Path) -> Shelf:
    """Where the weights of the members of a folder, or of a frame's file, lie."""
    if path.is_dir() and (path / "weights").is_dir():
        return InPacks(Store(path))
    if path.is_dir() and (path / RUN_WEIGHTS).is_file():
        return InOneFile(path / RUN_WEIGHTS)
    return Nowhere(f"'{path}'")


@contextmanager
def _reading(file: Path, member: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        told = " ".join(str(error).split())
        raise InputError(
            f"network: the weights of member {member} in '{file}' cannot be read: {told}"
        ) from error
