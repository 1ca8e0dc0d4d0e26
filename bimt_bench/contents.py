"""What the files of a pack must be and hold, checked as they are read back.

Whatever else lies there is a CorruptPack, never another error: whoever reads trains the pack again.
"""

import hashlib
import json
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy
from pandas.api import types

from bimt_bench.ground import check_format, metadata_of

FORMAT = 2  # of manifests, weights and environment.json; that of frames is `spec.frames.FORMAT`
PACK = "bimt_bench.pack"
"""The key under which a pack's files say whose they are."""
_LARGEST_MANIFEST = 1 << 26  # bytes: a million members
_WORDS = ("member", "configuration", "task", "recipe", "status", "pack", "reason")
_WHOLE = ("seed", "step", "steps", "shuffles")
Found = TypeVar("Found")


class CorruptPack(Exception):
    """A stored pack that is not what it says it is; the message says which file and how."""


@dataclass(frozen=True)
class Manifest:
    """What a manifest says: whose pack it is, and the SHA-256 of its three files."""

    members: tuple[str, ...]
    sums: Mapping[str, str]


def files_of(pack: str) -> tuple[str, str, str]:
    """The files of a pack, below the results folder: frame, curves, weights."""
    return f"packs/{pack}.parquet", f"packs/{pack}.curves.parquet", f"weights/{pack}.safetensors"


def read_manifest(folder: Path, pack: str) -> Manifest:
    """The manifest of a pack; InputError if its format is newer than `FORMAT`."""
    name = f"packs/{pack}.json"
    found = _parsed(name, lambda: json.loads(_read(folder, name, most=_LARGEST_MANIFEST)))
    if not isinstance(found, dict):
        raise CorruptPack(f"{name} is no manifest")
    if found.get("pack") != pack:
        raise CorruptPack(f"{name} belongs to pack {str(found.get('pack'))[:40]}")
    held = found.get("format", 1)
    if type(held) is not int or held < 1:
        raise CorruptPack(f"{name} has no format")
    check_format(held, newest=FORMAT, where=str(folder / name))
    members, sums = found.get("members"), found.get("sha256")
    if not _are_words(members) or len(set(members)) < len(members):
        raise CorruptPack(f"{name} does not list its members, each once")
    if (
        not isinstance(sums, dict)
        or {*sums} != {*files_of(pack)}
        or not _are_words([*sums.values()])
    ):
        raise CorruptPack(f"{name} does not list the pack's three files")
    return Manifest(tuple(members), sums)


def read_sound(folder: Path, name: str, wanted: str) -> bytes:
    """A file below the results folder whose SHA-256 is the wanted one."""
    content = _read(folder, name)
    if hashlib.sha256(content).hexdigest() != wanted:
        raise CorruptPack(f"{name} was truncated or altered (its SHA-256 differs)")
    return content


def frame_of(content: bytes, name: str, *, pack: str, members: Sequence[str]) -> pd.DataFrame:
    """The frame of a pack: one row for each of its members."""
    frame = _table(content, name, pack=pack, most=len(members))
    if "member" not in frame or sorted(frame["member"]) != sorted(members):
        raise CorruptPack(f"{name} does not have one row for each member of pack {pack}")
    if "pack" in frame and not (frame["pack"] == pack).all():
        raise CorruptPack(f"{name} has rows of another pack than {pack}")
    return frame


def holds(frame: pd.DataFrame, members: Mapping[str, str]) -> bool:
    """Whether a frame's rows are of these members, given with their configurations' digests."""
    if not {"configuration", "status"} <= {*frame}:
        return False
    return dict(zip(frame["member"], frame["configuration"], strict=True)) == members


def curves_of(content: bytes, name: str, *, pack: str, members: Sequence[str]) -> pd.DataFrame:
    """The learning curves of a pack, of nobody but its members."""
    curves = _table(content, name, pack=pack)
    if not {"member", "step"} <= {*curves} or not set(curves["member"]) <= set(members):
        raise CorruptPack(f"{name} has curves of others than the members of pack {pack}")
    if curves.duplicated(["member", "step"]).any():
        raise CorruptPack(f"{name} has a step of a member twice")
    return curves


def weights_of(
    content: bytes, name: str, *, pack: str, members: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of each member of a pack."""

    def read() -> tuple[dict[str, str], dict[str, np.ndarray]]:
        return metadata_of(content), safetensors.numpy.load(content)

    metadata, flat = _parsed(name, read)
    _check_owner(metadata.get(PACK, ""), name, pack)
    weights: dict[str, dict[str, np.ndarray]] = {}
    for key, array in flat.items():
        member, _, own = key.partition("/")
        weights.setdefault(member, {})[own] = array
    if weights and {*weights} != {*members}:
        raise CorruptPack(f"{name} does not have the weights of the members of pack {pack}")
    return weights


def _table(content: bytes, name: str, *, pack: str, most: int | None = None) -> pd.DataFrame:
    def read() -> tuple[str, pd.DataFrame]:
        file = pq.ParquetFile(pa.BufferReader(content))
        if most is not None and file.metadata.num_rows != most:
            raise ValueError(f"it has {file.metadata.num_rows} rows for {most} members")
        schema = file.schema_arrow
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested or len(set(schema.names)) < len(schema.names):
            raise ValueError("its columns are not plain, or have no names of their own")
        owner = (schema.metadata or {}).get(PACK.encode(), b"").decode()
        return owner, file.read().to_pandas()

    owner, table = _parsed(name, read)
    _check_owner(owner, name, pack)
    for column, values in table.items():
        if not isinstance(column, str) or not _is_sort(column, values):
            raise CorruptPack(f"{name}: column '{column}' holds {values.dtype}")
    return table


def _is_sort(column: str, values: pd.Series) -> bool:
    """Whether a column that all packs have is of its sort, or empty; others may be of any."""
    if column == "member" or (column in _WORDS and values.notna().any()):
        return all(isinstance(value, str) for value in values.dropna())
    if column in _WHOLE and values.notna().any():
        return types.is_integer_dtype(values.dtype)
    return True


def _check_owner(owner: str, name: str, pack: str) -> None:
    if owner not in (pack, ""):  # the first release's files do not say
        raise CorruptPack(f"{name}: a file of pack {pack} belongs to pack {owner[:40]}")


def _read(folder: Path, name: str, *, most: int | None = None) -> bytes:
    """A regular file of the results folder, reached by no link that leads out of it."""
    path = folder / name
    try:
        if not path.resolve().is_relative_to((folder / name.partition("/")[0]).resolve()):
            raise CorruptPack(f"{name} is a link out of the results folder")
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise CorruptPack(f"{name} is no file")
        if most is not None and found.st_size > most:
            raise CorruptPack(f"{name} is too large to be what its name says")
        return path.read_bytes()
    except (OSError, RuntimeError) as error:  # a RuntimeError: links in a circle
        told = getattr(error, "strerror", None) or error
        raise CorruptPack(f"{name} cannot be read: {told}") from error


def _are_words(found: Any) -> TypeGuard[list[str]]:
    return isinstance(found, list) and all(isinstance(one, str) and one for one in found)


def _parsed(name: str, parse: Callable[[], Found]) -> Found:
    """What a file says; a library may raise anything where it says what it should not."""
    try:
        return parse()
    except CorruptPack:
        raise
    except Exception as error:
        told = " ".join(str(error).split())[:200] or type(error).__name__
        raise CorruptPack(f"{name} cannot be read: {told}") from error
