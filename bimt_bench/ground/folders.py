"""A folder of one's own among those of everybody."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path


def private_folder(parent: Path) -> Path:
    """`bimt-bench-<user>` in a folder that all users write to, made if it is absent.

    The same one each time. One that another user made, that is a link, or that others may enter
    is passed over for the next name: what lies there could be theirs. OSError if none can be made.
    """
    for path in _names(parent):
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if _is_mine_alone(path):
            return path
    raise AssertionError("names do not end")


def _names(parent: Path) -> Iterator[Path]:
    first = parent / f"bimt-bench-{os.getuid()}"
    yield first
    for number in count(1):
        yield first.with_name(f"{first.name}-{number}")


def _is_mine_alone(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.getuid()
        and not stat.S_IMODE(found.st_mode) & 0o077
    )
