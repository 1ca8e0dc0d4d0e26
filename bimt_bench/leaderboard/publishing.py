"""The folder of a new entry: written beside the board, read as anybody reads it, then put there."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bimt_bench.ground import InputError, listed, write
from bimt_bench.leaderboard import weights_file
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.entry import (
    ENTRY,
    FORMAT,
    MEMBERS,
    WEIGHTS,
    Author,
    Entry,
    MemberRecord,
    Published,
    Said,
    folder_name,
)
from bimt_bench.leaderboard.reading import read
from bimt_bench.spec import fault_lines

Kind = TypeVar("Kind", bound=Published)


@dataclass(frozen=True)
class Added:
    """Where a new entry lies; `to_upload` are its weights where they are to lie at a URL."""

    folder: Path
    files: tuple[Path, ...]
    to_upload: Path | None


def said(*, authors: Sequence[str | Mapping[str, str] | Author], **given: Any) -> Said:
    """What authors say, checked before anything is measured; an author may be 'Name (account)'.

    InputError, a line a fault.
    """
    today = datetime.now(UTC).date().isoformat()
    content = {"format": FORMAT, **given, "published": today}
    return checked(Said, {**content, "authors": [_author(one) for one in authors]})


def entry_of(told: Said, content: bytes, *, dtype: str, url: str | None, **others: Any) -> Entry:
    """The entry whose weights are this file; InputError, a line a fault."""
    weights = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "dtype": dtype,
        "url": url,
        "licence": None if url is None else told.licence,
    }
    return checked(Entry, {**told.model_dump(mode="json"), "weights": weights, **others})


def _author(given: str | Mapping[str, str] | Author) -> dict[str, Any]:
    """'Ada Lovelace (ada)' is a name with an account."""
    if isinstance(given, Author):
        return given.model_dump(mode="json")
    if isinstance(given, Mapping):
        return dict(given)
    name, bracket, account = given.strip().removesuffix(")").partition(" (")
    return {"name": name, "account": account or None} if bracket else {"name": given.strip()}


def checked(kind: type[Kind], content: dict[str, Any]) -> Kind:
    """A part of an entry from what JSON would say; InputError, a line a fault."""
    try:
        return kind.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise InputError(listed(fault_lines(error, kind, content))) from None


def check_new(board: Board, task: str, name: str) -> None:
    """InputError if there is an entry of that name: what is published stays."""
    if board.place(task, name).exists():
        raise InputError(
            f"name: '{name}' is an entry on '{task}' already; what is published stays: take "
            "another name"
        )


def written(
    board: Board,
    entry: Entry,
    records: Sequence[MemberRecord],
    content: bytes,
    *,
    tasks_dir: Path | None,
    data_dir: Path | None,
) -> Added:
    """The folder of a new entry, which is read before it takes its place: there whole or not."""
    check_new(board, entry.task, entry.name)
    place = board.place(entry.task, entry.name)
    if entry.weights.url is None and len(content) > weights_file.MOST_BYTES:
        raise InputError(
            f"weights: {len(content):,} bytes, but a folder holds at most "
            f"{weights_file.MOST_BYTES:,}; use --dtype float16, or put them at a URL with --url"
        )
    files = {
        ENTRY: (entry.model_dump_json(indent=1, by_alias=True) + "\n").encode(),
        MEMBERS: b"".join(f"{one.model_dump_json()}\n".encode() for one in records),
    }
    if entry.weights.url is None:
        files[WEIGHTS] = content
    try:
        board.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=board.folder, prefix=".adding-") as temporary:
            made = Path(temporary) / folder_name(entry.task) / entry.name
            made.mkdir(parents=True)
            for name, held in files.items():
                (made / name).write_bytes(held)
            read(made, tasks_dir=tasks_dir, data_dir=data_dir, weights=content)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made, place)
        if entry.weights.url is not None:
            write(beside := _beside(board, entry), content)
    except OSError as error:
        raise InputError(f"board: cannot write to '{board.folder}': {error.strerror}") from error
    return Added(
        folder=place,
        files=tuple(place / name for name in files),
        to_upload=None if entry.weights.url is None else beside,
    )


def _beside(board: Board, entry: Entry) -> Path:
    """Where the weights of an entry with a URL are written, to be put there: beside the board."""
    return board.folder.parent / f"{folder_name(entry.task)}-{entry.name}.safetensors"
