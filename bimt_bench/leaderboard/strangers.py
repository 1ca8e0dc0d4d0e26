"""Files of strangers: regular files of a folder, of limited size, and JSON that hides nothing."""

import json
import math
import os
import stat
import unicodedata
from pathlib import Path
from typing import Any

from bimt_bench.ground import InputError, fitting, size_words

DEEPEST = 16
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LARGEST = 2**63 - 1


def file_names(folder: Path, *, most: int = 20) -> list[str]:
    """The names in a folder, sorted; InputError if it is none, is a link, or holds too many."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            raise InputError(f"entry: '{_told(folder)}' is no folder")
        names: list[str] = []
        with os.scandir(folder) as found:
            for one in found:
                names.append(one.name)
                if len(names) > most:
                    raise InputError(f"entry: '{_told(folder)}' holds more than {most} files")
    except OSError as error:
        raise InputError(
            f"entry: '{_told(folder)}' cannot be read: {error.strerror or error}"
        ) from error
    return sorted(names)


def read_file(file: Path, *, most: int) -> bytes:
    """A regular file of at most `most` bytes; InputError for a link, a device or a larger one."""
    name = fitting(file.name)
    try:
        # Without blocking: a pipe would wait for somebody who writes to it.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        told = "is a link" if file.is_symlink() else f"cannot be read: {error.strerror or error}"
        raise InputError(f"{name}: {told}") from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{name}: is no regular file")
        with os.fdopen(handle, "rb", closefd=False) as held:
            content = held.read(most + 1) if found.st_size <= most else b""
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
    finally:
        os.close(handle)
    if found.st_size > most or len(content) > most:
        raise InputError(f"{name}: has {found.st_size:,} bytes; at most {most:,} ({_size(most)})")
    return content


def parsed(content: bytes, where: str, *, ours: bool = False) -> Any:
    """JSON of strict form: no key twice, finite numbers, text that is seen, not deep; InputError.

    ours: what we wrote ourselves may quote what a stranger wrote, whatever its characters.
    """
    try:
        found = json.loads(
            content.decode("utf-8"), parse_constant=_refused, object_pairs_hook=_each_once
        )
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply; at most {DEEPEST} levels") from None
    except ValueError as error:  # bytes that are no text, and what json refuses
        raise InputError(f"{where}: is not valid JSON: {fitting(str(error), 200)}") from None
    _check(found, where, ours)
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"key '{fitting(name)}' stands twice")
        found[name] = value
    return found


def _check(value: Any, where: str, ours: bool) -> None:
    """InputError for a value that is too deep, not finite, too large, or no text for people."""
    waiting, depth = [value], 1
    while waiting:  # a level at a time: files hold many thousand numbers
        if depth > DEEPEST:
            raise InputError(f"{where}: is nested too deeply; at most {DEEPEST} levels")
        deeper: list[Any] = []
        for one in waiting:
            kind = type(one)
            if kind is dict:
                deeper += [*one, *one.values()]
            elif kind is list:
                deeper += one
            elif (kind is not str or not ours) and (fault := _fault(one)) is not None:
                raise InputError(f"{where}: {fault}")
        waiting, depth = deeper, depth + 1


def _fault(one: object) -> str | None:
    """What is wrong with a number or a text."""
    if isinstance(one, float):
        return None if math.isfinite(one) else "holds a number that is not finite"
    if isinstance(one, str):
        told = _unseen(one)
        return told and f"'{fitting(ascii(one)[1:-1])}' holds the character {told}"
    if isinstance(one, int) and abs(one) > _LARGEST:
        return f"holds a whole number beyond {_LARGEST}"
    return None


def _unseen(text: str) -> str | None:
    """The first character that is not seen where it stands, or that turns those beside it.

    Controls, marks of direction, joiners of no width, halves of pairs, separators of lines.
    """
    if text.isascii() and text.isprintable():
        return None
    found = (one for one in text if unicodedata.category(one) in _UNSEEN and one not in "\n\t")
    return next((ascii(one) for one in found), None)


def _size(count: int) -> str:
    return f"{count // 1024} KiB" if count < 2**20 else size_words(count)


def _told(path: Path) -> str:
    return fitting(str(path), 200)
