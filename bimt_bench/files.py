"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Writes a file so that it is there whole or not at all, also after a power cut.

    OSError (a full disk, say) leaves what was at `path` before.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a renaming last: it is an entry of the folder, not of the file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
