"""The results folder of a sweep: packs as they finish, and the whole frame at the end.

    <results>/<sweep>-<digest>/
        spec.yaml  environment.json  frame.parquet  curves.parquet
        packs/<pack>.parquet  packs/<pack>.curves.parquet  packs/<pack>.json
        weights/<pack>.safetensors

A file is written beside its place and renamed, so that a reader sees all of it or none. A
pack's manifest (`<pack>.json`, the SHA-256 of its files) is written last: a pack without it
does not exist, and a pack that does not match it is corrupt and will be computed again. Files of
a pack say in their metadata whose they are. Everything carries `format`, an integer (1, the first
release's, where it is absent); a newer one than this version writes is refused.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors
import safetensors.numpy

from bimt_bench.contents import (
    FORMAT,
    PACK,
    CorruptPack,
    curves_of,
    files_of,
    frame_of,
    read_manifest,
    read_sound,
    weights_of,
)
from bimt_bench.ground import InputError, check_format, differences, write
from bimt_bench.spec import (
    GeometrySpec,
    SweepSpec,
    TaskSpec,
    carrying,
    catalog,
    format_of,
    join,
    with_format,
)

__all__ = [
    "FORMAT",
    "CorruptPack",
    "Store",
    "StoredPack",
    "Weights",
    "folder_for",
    "locked",
    "open_store",
    "read_arrays",
    "read_environment",
]
Weights = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class StoredPack:
    """What one pack produced, read back and checked: frame, curves, weights by member."""

    frame: pd.DataFrame
    curves: pd.DataFrame
    weights: dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Store:
    """Reads and writes one results folder."""

    folder: Path

    def keep(
        self, pack: str, *, frame: pd.DataFrame, curves: pd.DataFrame, weights: Weights
    ) -> None:
        """Writes the results of a pack; a pack written before is replaced."""
        flat = {
            f"{member}/{name}": np.ascontiguousarray(array)
            for member, arrays in weights.items()
            for name, array in arrays.items()
        }
        metadata = {"bimt_bench.format": str(FORMAT), PACK: pack}
        tables = _parquet(_of_pack(frame, pack)), _parquet(_of_pack(curves, pack))
        arrays = safetensors.numpy.save(flat, metadata=metadata)
        contents = dict(zip(files_of(pack), (*tables, arrays), strict=True))
        for name, content in contents.items():
            write(self.folder / name, content)
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        manifest = {
            "format": FORMAT,
            "pack": pack,
            "members": list(frame["member"]),
            "sha256": sums,
        }
        write(self._manifest(pack), json.dumps(manifest, indent=1).encode())

    def has(self, pack: str) -> bool:
        """Whether the pack was written to its end; says nothing about its state since."""
        return self._manifest(pack).is_file()

    def packs(self) -> list[str]:
        """Digests of the packs written to their end."""
        return sorted(path.stem for path in (self.folder / "packs").glob("*.json"))

    def read(self, pack: str) -> StoredPack:
        """The results of a pack; CorruptPack if they are not whole, sound and of its members.

        InputError if it was written by a newer version in a format that this one does not know.
        """
        manifest = read_manifest(self.folder, pack)
        files = files_of(pack)
        frame, curves, weights = (
            read_sound(self.folder, name, manifest.sums[name]) for name in files
        )
        whose = {"pack": pack, "members": manifest.members}
        return StoredPack(
            frame=frame_of(frame, files[0], **whose),
            curves=curves_of(curves, files[1], **whose),
            weights=weights_of(weights, files[2], **whose),
        )

    def check_weights(self, pack: str) -> None:
        """CorruptPack unless the weights of a pack are the file that its manifest tells of."""
        if Path(pack).name != pack or not self.has(pack):
            raise CorruptPack(f"there is no pack {pack}")
        name = files_of(pack)[2]
        read_sound(self.folder, name, read_manifest(self.folder, pack).sums[name])

    def arrays(self, pack: str, member: str) -> dict[str, np.ndarray]:
        """The arrays of one member of a pack, all that is read of its file; CorruptPack if none."""
        name = files_of(pack)[2]
        try:
            found = read_arrays(self.folder / name, member)
        except (OSError, ValueError, safetensors.SafetensorError) as error:
            raise CorruptPack(f"{name} cannot be read: {error}") from error
        if not found:
            raise CorruptPack(f"{name} has none of member {member}")
        return found

    def collect(
        self,
        packs: Iterable[str],
        *,
        members: Sequence[str],
        tasks: Iterable[TaskSpec] = (),
        geometries: Iterable[GeometrySpec] = (),
        marks: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Writes frame.parquet and curves.parquet of these packs; see `gather`."""
        frame, curves = self.gather(
            packs, members=members, tasks=tasks, geometries=geometries, marks=marks
        )
        for name, table in (("frame.parquet", frame), ("curves.parquet", curves)):
            told = pa.Table.from_pandas(table, preserve_index=False)
            write(self.folder / name, _parquet(with_format(told)))

    def gather(
        self,
        packs: Iterable[str],
        *,
        members: Sequence[str],
        tasks: Iterable[TaskSpec] = (),
        geometries: Iterable[GeometrySpec] = (),
        marks: Mapping[str, Mapping[str, str]] | None = None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The frame and the curves of these packs, rows in order of `members`.

        Both carry the tasks and geometries that the members were trained on. `marks`: further
        cells of the frame, the same for all members of a pack, by pack.
        """
        rank = {member: i for i, member in enumerate(members)}
        found: list[tuple[pd.DataFrame, pd.DataFrame]] = []
        for pack in packs:
            stored = self.read(pack)
            found.append((stored.frame.assign(**(marks or {}).get(pack, {})), stored.curves))
        # By their first member, so that columns do not depend on which pack was finished first.
        found.sort(key=lambda tables: tables[0]["member"].map(rank).min())
        frame = _in_order(join([frame for frame, _ in found]), rank=rank, keys=["member"])
        curves = join([curves for _, curves in found])
        curves = _in_order(curves, rank=rank, keys=["member", "step"])
        told = [*tasks], [*geometries]
        return carrying(frame, *told), carrying(curves, *told)

    def frame(self) -> pd.DataFrame:
        """The collected frame, one row a member."""
        return _read_parquet(self.folder / "frame.parquet")

    def curves(self) -> pd.DataFrame:
        """The collected learning curves, one row a member and evaluation."""
        return _read_parquet(self.folder / "curves.parquet")

    def circumstances(self) -> list[dict[str, str]]:
        """Devices and versions of libraries with which packs of this folder were trained.

        See `bimt_bench.identity.circumstances`. Empty if the folder is new.
        """
        return list(read_environment(self.folder).get("circumstances", []))

    def _manifest(self, pack: str) -> Path:
        return self.folder / "packs" / f"{pack}.json"


def read_arrays(file: Path, member: str) -> dict[str, np.ndarray]:
    """The arrays of one member of a safetensors file, by name; empty if it has none of it.

    Only theirs are read. OSError, ValueError or SafetensorError if the file cannot be read.
    """
    with safetensors.safe_open(file, framework="numpy") as held:
        own = f"{member}/"
        names = [key for key in held.keys() if key.startswith(own)]  # noqa: SIM118 - no mapping
        return {key.removeprefix(own): held.get_tensor(key) for key in names}


def folder_for(results: Path, *, spec: SweepSpec, digest: str) -> Path:
    """Where the results of a sweep with this digest lie."""
    return results / f"{spec.name}-{digest}"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One sweep at a time in a folder; the lock lies beside it, as `fresh` renames the folder."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder.with_name(f".{folder.name}.lock"))
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise InputError(f"results: another sweep is running in {folder}") from error
    except OSError as error:
        raise InputError(f"results: cannot write to {folder.parent}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def open_store(
    folder: Path,
    *,
    spec: SweepSpec,
    environment: Mapping[str, object],
    circumstances: Mapping[str, str] | None = None,
    resume: bool = False,
    fresh: bool = False,
    mixed_versions: bool = False,
) -> Store:
    """The store in `folder`, made if it is absent.

    Computed packs are never lost: without `resume` or `fresh` a folder that holds some raises
    InputError, and `fresh` renames it instead of emptying it. So does going on with other
    `circumstances` (device, versions of libraries) than the folder's packs were trained with,
    unless `mixed_versions` allows it; they are recorded if they are given.
    """
    if resume and fresh:
        raise InputError("resume, fresh: choose one, to go on or to start again")
    store = Store(folder)
    held = len(store.packs())
    if held and fresh:
        folder.rename(_backup_name(folder))
    elif held and not resume:
        state = "holds the finished sweep" if (folder / "frame.parquet").exists() else "holds"
        raise InputError(
            f"results: {folder} already {state} ({held} packs); "
            "--resume goes on and reuses them, --fresh starts again and keeps them as a backup"
        )
    known = store.circumstances() if held and not fresh else []
    if circumstances is not None and circumstances not in known:
        if known and not mixed_versions:
            raise InputError(_other_environment(folder, known[-1], circumstances))
        known.append(dict(circumstances))
    try:
        for part in ("packs", "weights"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        text = catalog.dump(spec)
        write(folder / "spec.yaml", text.encode())
        told = {**environment, **({"circumstances": known} if known else {})}
        write(folder / "environment.json", json.dumps(told, indent=1).encode())
    except OSError as error:
        raise InputError(f"results: cannot write to {folder}: {error.strerror}") from error
    return store


def _other_environment(folder: Path, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    what = ", ".join(differences(before, now))
    return (
        f"resume: the packs in {folder} were trained in another environment ({what}); go on in "
        "theirs, or allow both with --mixed-versions, and the frame says which member had which"
    )


def read_environment(folder: Path) -> dict[str, Any]:
    """What environment.json of a results folder says; nothing if it is absent or damaged.

    What is not of its sort is left out, so that `tasks`, `training`, ... are mappings and
    `circumstances` a list of what devices and versions were, in words.
    """
    path = folder / "environment.json"
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    check_format(found.get("format"), newest=FORMAT, where=str(path))
    return {name: one for name, one in found.items() if _SORTS.get(name, _any)(one)}


def _any(_: object) -> bool:
    return True


def _of_words(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(one, str) for one in found.values())


def _of_tables(found: object) -> bool:
    return isinstance(found, dict) and all(_of_words(one) for one in found.values())


def _of_circumstances(found: object) -> bool:
    return isinstance(found, list) and all(_of_words(one) and "device" in one for one in found)


_SORTS: Mapping[str, Callable[[object], bool]] = {
    "tasks": _of_words,
    "training": _of_tables,
    "modules": _of_words,
    "plugins": _of_words,
    "circumstances": _of_circumstances,
    "code": lambda found: isinstance(found, str),
}


def _of_pack(frame: pd.DataFrame, pack: str) -> pa.Table:
    table = with_format(pa.Table.from_pandas(frame, preserve_index=False))
    return table.replace_schema_metadata({**table.schema.metadata, PACK: pack})


def _read_parquet(path: Path) -> pd.DataFrame:
    format_of(path)
    return pd.read_parquet(path)


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _in_order(joined: pd.DataFrame, *, rank: Mapping[str, int], keys: list[str]) -> pd.DataFrame:
    order = joined[keys].assign(member=joined["member"].map(rank)).sort_values(keys, kind="stable")
    return joined.loc[order.index].reset_index(drop=True)


def _backup_name(folder: Path) -> Path:
    number = 1
    while (backup := folder.with_name(f"{folder.name}.backup-{number}")).exists():
        number += 1
    return backup
