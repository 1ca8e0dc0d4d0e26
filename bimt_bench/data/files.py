"""Files of a user's own data: where they lie, and that they are those that the task means."""

import hashlib
import socket
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationInfo, model_validator

from bimt_bench.ground import InputError, closest
from bimt_bench.spec import DataSettings, told


class FileSettings(DataSettings):
    """Settings of data that lie in a file.

    `path` is no part of the digest, `content` is: the same file elsewhere is the same data.
    """

    path: str = told(doc="the file; a relative path counts from the task file's folder")
    content: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the file; taken from the file if it is not given",
    )

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, given: Any, info: ValidationInfo) -> Any:
        """The path made absolute, and the content of the file if it is there."""
        if not isinstance(given, dict) or not isinstance(given.get("path"), str):
            return given
        path = beside(given["path"], info)
        found = {**given, "path": str(path)}
        if not found.get("content") and path.is_file():
            found["content"] = _digest_of(path)
        return found


def beside(path: str, info: ValidationInfo) -> Path:
    """A path as a task file means it; without a task file it counts from the current folder."""
    folder = (info.context or {}).get("folder", Path())
    return (Path(folder) / Path(path).expanduser()).resolve()


def read_content(settings: FileSettings, data_dir: Path | None) -> bytes:
    """The file, from where the task names it, or else from the data folder.

    InputError if it is in neither, cannot be read, or is not the one that the task was read with.
    """
    named = Path(settings.path)
    places = [named, *([] if data_dir is None else [Path(data_dir).expanduser() / named.name])]
    place = next((one for one in places if one.is_file()), None)
    if place is None:
        raise InputError(
            f"data.path: '{named}' is not on {socket.gethostname()}{_near(named)}; put the file "
            "there, or into a folder that --data-dir names on every node"
        )
    try:
        content = place.read_bytes()
    except OSError as error:
        raise InputError(f"data.path: '{place}' cannot be read: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if not settings.content:
        raise InputError(
            f"data.content: '{named}' was not there when the task was read; put it there, or say "
            f"which file it is, content: {found}"
        )
    if found != settings.content:
        raise InputError(
            f"data.path: '{place}' is not the file that the task was read with: its SHA-256 is "
            f"{found[:12]}..., not {settings.content[:12]}..."
        )
    return content


def _near(path: Path) -> str:
    """The file beside it whose name is nearest, to suggest."""
    return closest(path.name, (one.name for one in path.parent.glob("*")))


def _digest_of(path: Path) -> str:
    """The SHA-256 of a file, computed again when it was written since."""
    try:
        state = path.stat()
        return _digest(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ValueError(f"path: '{path}' cannot be read: {error.strerror}") from error


@lru_cache(maxsize=64)
def _digest(path: Path, written: int, size: int) -> str:  # noqa: ARG001 (they are part of the key)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
