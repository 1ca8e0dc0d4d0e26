"""An entry made from what was trained: a sweep's folder becomes the folder of an entry."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bimt_bench import data as task_data
from bimt_bench import results as trained
from bimt_bench.ground import InputError, listed, write
from bimt_bench.leaderboard import claims, weights_file
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.chosen import Chosen, choose
from bimt_bench.leaderboard.entry import (
    ENTRY,
    FORMAT,
    MEMBERS,
    WEIGHTS,
    Author,
    Entry,
    MemberRecord,
    folder_name,
)
from bimt_bench.leaderboard.operations import operations
from bimt_bench.leaderboard.origin import environment
from bimt_bench.leaderboard.reading import read
from bimt_bench.network import build
from bimt_bench.recipes import RECIPES
from bimt_bench.spec import fault_lines


@dataclass(frozen=True)
class Added:
    """Where a new entry lies; `to_upload` are its weights where they are to lie at a URL."""

    folder: Path
    files: tuple[Path, ...]
    to_upload: Path | None


def add(
    results: "trained.Results | str | Path",
    *,
    name: str,
    authors: Sequence[str | Mapping[str, str] | Author],
    tuned: str,
    licence: str,
    task: str | None = None,
    recipe: str | None = None,
    title: str | None = None,
    link: str | None = None,
    notes: str = "",
    dtype: str | None = None,
    url: str | None = None,
    retrainable: bool = True,
    board: Board | Path | None = None,
    tasks_dir: Path | None = None,
    data_dir: Path | None = None,
) -> "Added":
    """Makes an entry of one recipe on one task from results.

    results: of a sweep or a run, or their folder. task, recipe: which, where there are several.
    tuned: how settings other than the dial were chosen, on which data. dtype: absent, that of
    training; float16 halves the weights, and metrics that rounding moves are left out. url: where
    the weights will lie, under `licence`; their file is then written beside the entry, to be put
    there. retrainable: False enters members of a plug-in recipe by their weights alone. InputError,
    before anything is written, where seeds are missing, dial values differ in their seeds, other
    settings than the dial differ, there are too many members, or weights were not kept.
    """
    board = board if isinstance(board, Board) else Board(board) if board else Board()
    if not isinstance(results, trained.Results):
        results = trained.load(results, tasks_dir=tasks_dir, data_dir=data_dir)
    chosen = choose(results, task=task, recipe=recipe, retrainable=retrainable)
    data = task_data.load(chosen.task.data, data_dir=data_dir)
    architecture = build(chosen.trained, data)
    stored = _stored(dtype, chosen)
    content = weights_file.written(chosen.weights(results), architecture, stored)
    claimed = claims.of(results, chosen, data, architecture, content, dtype=stored)
    made = _entry(
        {
            "format": FORMAT,
            "name": name,
            "title": title or _title(chosen),
            "task": chosen.task.name,
            "task_version": chosen.task.version,
            "task_digest": chosen.task.digest(),
            "recipe": chosen.recipe,
            "retrainable": retrainable,
            "model": chosen.task.model.model_dump(mode="json", by_alias=True),
            "settings": chosen.settings,
            "dial": chosen.dial,
            "grid": chosen.grid,
            "seeds": chosen.seeds,
            "steps": chosen.trained.training.steps,
            "tuned": tuned,
            "authors": [_author(one) for one in authors],
            "licence": licence,
            "link": link,
            "notes": notes,
            "published": datetime.now(UTC).date().isoformat(),
            "weights": {
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "dtype": stored,
                "url": url,
                "licence": None if url is None else licence,
            },
            "environment": environment(results, chosen),
            "cost": {
                "operations": operations(
                    chosen.trained, data, architecture, members=len(chosen.rows)
                ),
                "seconds": float(chosen.rows["seconds"].sum()),
            },
            "metrics": claimed.versions,
        }
    )
    return _written(board, made, claimed.records, content, tasks_dir=tasks_dir, data_dir=data_dir)


def _stored(dtype: str | None, chosen: Chosen) -> str:
    if dtype not in (None, chosen.dtype, "float16"):
        raise InputError(
            f"dtype: '{dtype}' given; the members were trained in {chosen.dtype}, so allowed are "
            f"{chosen.dtype} and float16"
        )
    return dtype or chosen.dtype


def _title(chosen: Chosen) -> str:
    return RECIPES[chosen.recipe].title


def _author(given: str | Mapping[str, str] | Author) -> dict[str, Any]:
    """'Ada Lovelace (ada)' is a name with an account."""
    if isinstance(given, Author):
        return given.model_dump(mode="json")
    if isinstance(given, Mapping):
        return dict(given)
    name, bracket, account = given.strip().removesuffix(")").partition(" (")
    return {"name": name, "account": account or None} if bracket else {"name": given.strip()}


def _entry(content: dict[str, Any]) -> Entry:
    text = json.dumps(content)
    try:
        return Entry.model_validate_json(text)
    except ValidationError as error:
        raise InputError(listed(fault_lines(error, Entry, content))) from None


def _written(
    board: Board,
    entry: Entry,
    records: Sequence[MemberRecord],
    content: bytes,
    *,
    tasks_dir: Path | None,
    data_dir: Path | None,
) -> Added:
    """The folder of a new entry, which is read before it takes its place: there whole or not."""
    place = board.place(entry.task, entry.name)
    if place.exists():
        raise InputError(
            f"name: '{entry.name}' is an entry on '{entry.task}' already; what is published stays: "
            "take another name"
        )
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
