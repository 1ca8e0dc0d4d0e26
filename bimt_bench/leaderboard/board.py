"""The folder of the leaderboard: where entries, verdicts and marks of withdrawal lie.

<board>/<task>/<name>/             an entry (`entry.py`); a task's / is a -
<board>/verdicts/<task>/<name>.json
<board>/withdrawn/<task>/<name>.json
<board>/controls/<task>/<name>.json    trivial and doctored entries, made here (`control.py`)
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bimt_bench.ground import InputError, closest, listed, write
from bimt_bench.leaderboard.entry import Published, folder_name
from bimt_bench.leaderboard.strangers import parsed, read_file
from bimt_bench.leaderboard.verdict import Verdict
from bimt_bench.leaderboard.withdrawing import Withdrawal
from bimt_bench.spec import fault_lines

BOARD = Path("results/leaderboard")
VERDICTS, WITHDRAWN, CONTROLS = "verdicts", "withdrawn", "controls"
_OTHERS = (VERDICTS, WITHDRAWN, CONTROLS)
_MOST_BYTES = 2**23
Kind = TypeVar("Kind", bound=Published)


@dataclass(frozen=True)
class Board:
    """Reads and writes one leaderboard's folder."""

    folder: Path = BOARD

    def __post_init__(self) -> None:
        """A folder may be given as text."""
        object.__setattr__(self, "folder", Path(self.folder))

    def tasks(self) -> tuple[str, ...]:
        """The folders of tasks that have entries, as names of tasks, sorted."""
        return tuple(one.name.replace("-", "/", 1) for one in self._task_folders())

    def entries(self, task: str | None = None) -> tuple[Path, ...]:
        """The folders of entries, all or of one task, sorted; withdrawn ones are among them."""
        folders = self._task_folders() if task is None else [self.folder / folder_name(task)]
        return tuple(
            entry
            for folder in folders
            if folder.is_dir()
            for entry in sorted(folder.iterdir())
            if entry.is_dir() and not entry.name.startswith(".")
        )

    def entry(self, task: str, name: str) -> Path:
        """The folder of an entry; InputError with the nearest name if there is none."""
        held = {one.name: one for one in self.entries(task)}
        if name not in held:
            raise InputError(
                f"entry: there is no '{name}' on task '{task}'{closest(name, held)} "
                f"(in '{self.folder}': {', '.join(held) or 'none'})"
            )
        return held[name]

    def place(self, task: str, name: str) -> Path:
        """Where an entry of that name lies, or would."""
        return self.folder / folder_name(task) / name

    def verdict_file(self, task: str, name: str) -> Path:
        """Where the verdict on an entry lies, or would."""
        return self.folder / VERDICTS / folder_name(task) / f"{name}.json"

    def verdict(self, task: str, name: str) -> Verdict | None:
        """The verdict on an entry, None if nobody has verified it; InputError where damaged."""
        return _of(_kept(self.verdict_file(task, name), Verdict), task, name)

    def keep(self, verdict: Verdict) -> Path:
        """Writes a verdict, which is there whole or as it was before; returns its file."""
        return _keep(self.verdict_file(verdict.task, verdict.name), verdict)

    def withdrawn(self, task: str, name: str) -> Withdrawal | None:
        """The mark of a withdrawn entry, None of any other; InputError where damaged."""
        return _of(_kept(self.mark_file(task, name), Withdrawal), task, name)

    def mark(self, mark: Withdrawal) -> Path:
        """Writes a mark of withdrawal; returns its file."""
        return _keep(self.mark_file(mark.task, mark.name), mark)

    def mark_file(self, task: str, name: str) -> Path:
        """Where the mark of a withdrawn entry lies, or would."""
        return self.folder / WITHDRAWN / folder_name(task) / f"{name}.json"

    def _task_folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(
            one
            for one in self.folder.iterdir()
            if one.is_dir() and one.name not in _OTHERS and not one.name.startswith(".")
        )


@dataclass(frozen=True)
class Remembering(Board):
    """A board that reads each verdict once."""

    verdicts: dict[tuple[str, str], Verdict | None] = field(default_factory=dict, compare=False)

    def verdict(self, task: str, name: str) -> Verdict | None:
        """As of a board; InputError where damaged."""
        if (task, name) not in self.verdicts:
            self.verdicts[task, name] = super().verdict(task, name)
        return self.verdicts[task, name]


def holding(entry: Path) -> tuple[Board, str, str]:
    """The board that holds the folder of an entry, the entry's task and its name."""
    place = entry.resolve()
    return Board(place.parents[1]), place.parent.name.replace("-", "/", 1), place.name


def _of(found: Any, task: str, name: str) -> Any:
    """What was kept, which must be of the entry that it lies at."""
    if found is not None and (found.task, found.name) != (task, name):
        raise InputError(f"board: the file of '{name}' on '{task}' says it is of '{found.name}'")
    return found


def _keep(file: Path, what: Published) -> Path:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, (what.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise InputError(f"board: cannot write to '{file}': {error.strerror}") from error
    return file


def _kept(file: Path, kind: type[Kind]) -> Kind | None:
    if not file.exists() and not file.is_symlink():
        return None
    content = read_file(file, most=_MOST_BYTES)
    raw = parsed(content, file.name, ours=kind is Verdict)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        lines = [f"{file}: {line}" for line in fault_lines(error, kind, raw)]
        raise InputError(listed(lines)) from None
