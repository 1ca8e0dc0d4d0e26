"""A control: a trivial or doctored entry that we made, measured like any other.

    <board>/controls/<task>/<name>.json

It stands in its task's table to show what the ranking says of what is worth nothing. It holds no
place of an entry.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from bimt_bench.ground import InputError, listed, write
from bimt_bench.leaderboard.board import CONTROLS, Board
from bimt_bench.leaderboard.entry import Published, Sha256, Slug, folder_name
from bimt_bench.leaderboard.strangers import parsed, read_file
from bimt_bench.leaderboard.verdict import Verdict
from bimt_bench.spec import Title, fault_lines

_MOST_BYTES = 2**23


class Control(Published):
    """What a control is, what it was made from, and its figures as a verdict has them."""

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Title
    clean: Slug | None = Field(description="the entry that it was made from")
    content: Sha256 | None = Field(description="of that entry, as in its verdict")
    recipe: str
    dial: str | None
    steps: Annotated[int, Field(ge=0)]
    verdict: Verdict


def files(board: Board, task: str) -> tuple[Path, ...]:
    """The files of a task's controls, sorted."""
    folder = board.folder / CONTROLS / folder_name(task)
    return tuple(sorted(folder.glob("*.json"))) if folder.is_dir() else ()


def keep(board: Board, control: Control) -> Path:
    """Writes a control of the board; returns its file."""
    folder = board.folder / CONTROLS / folder_name(control.verdict.task)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{control.verdict.name}.json"
    write(file, (control.model_dump_json(indent=1) + "\n").encode())
    return file


def kept(board: Board, task: str) -> tuple[Control, ...]:
    """The controls of a task, sorted by name; InputError for a damaged file."""
    found = []
    for file in files(board, task):
        content = read_file(file, most=_MOST_BYTES)
        raw = parsed(content, file.name)
        try:
            found.append(Control.model_validate_json(content))
        except ValidationError as error:
            lines = [f"{file}: {line}" for line in fault_lines(error, Control, raw)]
            raise InputError(listed(lines)) from None
    return tuple(found)
