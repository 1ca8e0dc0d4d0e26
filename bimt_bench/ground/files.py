"""Files that are there whole or not at all, and that say which format they have."""

import json
import os
import tempfile
from pathlib import Path

from bimt_bench.ground.errors import InputError


def write(path: Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all, also after a power cut.

    OSError (a full disk, say), which names `path`, leaves what was there before.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = str(path)
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def check_format(found: object, *, newest: int, where: str) -> int:
    """The format that a file says it has: 1, the first release's, if it says nothing.

    InputError if it is newer than `newest`, which this version reads, or no format at all.
    """
    held = 1 if found is None else found
    if isinstance(held, str) and held.isdecimal():
        held = int(held)
    if isinstance(held, bool) or not isinstance(held, int) or held < 1:
        raise InputError(f"format: {where} has format {found!r}; formats are whole numbers from 1")
    if held > newest:
        raise InputError(
            f"format: {where} has format {held}, but this version of bimt_bench reads formats up "
            f"to {newest}; install a newer one"
        )
    return held


def metadata_of(content: bytes) -> dict[str, str]:
    """What a safetensors file says of itself; ValueError if it is none."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return dict(header.get("__metadata__", {}))


def _sync_folder(folder: Path) -> None:
    """Makes a renaming last: it is an entry of the folder, not of the file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def from_here(path: Path) -> str:
    """A path as somebody in the working directory would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
