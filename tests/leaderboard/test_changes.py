"""A branch may add entries and marks of withdrawal, and change nothing that is published."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bimt_bench import leaderboard
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Board
from bimt_bench.leaderboard.changes import Changes, changes
from tests.leaderboard.conftest import TASK

FOLDER = "symbolic-independence"


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def branch(own_board: Board) -> Callable[..., Changes]:
    """Commits what was done to the board since it was published, and tells what that changes."""
    place = own_board.folder.parent
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "published")
    git(place, "checkout", "-q", "-b", "mine")

    def told(**asked) -> Changes:
        git(place, "add", "-A")
        git(place, "commit", "-q", "--allow-empty", "-m", "mine")
        return changes(own_board, "main", **asked)

    return told


def copied(board: Board, name: str) -> Path:
    held = board.entry(TASK, "bimt-plain")
    return Path(shutil.copytree(held, held.with_name(name)))


def test_entries_that_are_added_are_listed(own_board, branch) -> None:
    copied(own_board, "one-more")
    copied(own_board, "another")
    (own_board.folder.parent / "elsewhere.txt").write_text("not of the board")
    names = [folder.relative_to(own_board.folder) for folder in branch().added]
    assert names == [Path(FOLDER) / "another", Path(FOLDER) / "one-more"]


def test_a_branch_that_changes_nothing_adds_nothing(branch) -> None:
    assert branch() == Changes((), ())


def test_an_author_withdraws(own_board, branch) -> None:
    leaderboard.withdraw(own_board, TASK, "bimt-plain", reason="a slip", by="ada")
    assert [one.name for one in branch(by="ada").withdrawn] == ["bimt-plain.json"]


def write(board: Board, name: str, content: str = "{}") -> None:
    file = board.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def forged(board: Board) -> None:
    leaderboard.withdraw(board, TASK, "bimt-plain", reason="a slip", by="ada")
    file = board.mark_file(TASK, "bimt-plain")
    file.write_text(file.read_text().replace('"ada"', '"bob"'))


ENTRY = f"{FOLDER}/bimt-plain"
REFUSED: dict[str, tuple[Callable[[Board], None], str]] = {
    "an entry is altered": (
        lambda b: write(b, f"{ENTRY}/entry.json"), "entry.json: is published already"
    ),
    "an entry is removed": (
        lambda b: shutil.rmtree(b.entry(TASK, "bimt-plain")), "never changed or removed"
    ),
    "an entry is renamed": (
        lambda b: shutil.move(b.entry(TASK, "bimt-plain"), b.place(TASK, "mine")), "never changed"
    ),
    "a file joins an entry": (
        lambda b: write(b, f"{ENTRY}/notes.md"), "notes.md: does not belong to an entry"
    ),
    "a verdict is written": (
        lambda b: write(b, f"verdicts/{ENTRY}.json"), "verdicts are written where"
    ),
    "maintainers are named": (
        lambda b: write(b, "maintainers.json", '["bob"]'), "is written by maintainers"
    ),
    "a mark by somebody else": (forged, "'bob' given; must be the account"),
    "a mark of no entry": (
        lambda b: write(b, f"withdrawn/{FOLDER}/none.json"), "withdrawn/.*none.json: "
    ),
    "a mark that lies elsewhere": (
        lambda b: write(b, "withdrawn/none.json"), "is no mark of withdrawal"
    ),
    "a folder with another name": (
        lambda b: write(b, "Symbolic/x/entry.json"), "does not belong to an entry"
    ),
    "a name for a shell": (
        lambda b: write(b, f"{FOLDER}/$(id)/entry.json"), "does not belong to an entry"
    ),
    "a link": (
        lambda b: (b.folder / "symbolic-link").symlink_to("/tmp"), "does not belong to an entry"
    ),
    "too many entries": (
        lambda b: [copied(b, f"copy-{i}") for i in range(21)] and None,
        "21 entries are added; at most 20",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_whatever_moves_what_is_published_is_refused(own_board, branch, case: str) -> None:
    change, told = REFUSED[case]
    change(own_board)
    with pytest.raises(InputError, match=told):
        branch()


def test_weights_do_not_join_an_entry_later(own_board, branch) -> None:
    (own_board.entry(TASK, "bimt-plain") / "weights.safetensors").unlink()
    place = own_board.folder.parent
    git(place, "checkout", "-q", "main")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "weights at a URL")
    git(place, "checkout", "-q", "-B", "mine")
    write(own_board, f"{ENTRY}/weights.safetensors", "0")
    with pytest.raises(InputError, match="files are not added to it"):
        branch()


def test_withdrawing_for_somebody_else_is_refused(own_board, branch) -> None:
    leaderboard.withdraw(own_board, TASK, "bimt-plain", reason="a slip", by="ada")
    with pytest.raises(InputError, match="'ada' given, but it is 'bob' who asks"):
        branch(by="bob")


@pytest.mark.parametrize("base", ["nowhere", "--output=/tmp/x", ""])
def test_what_git_cannot_tell_is_one_line(own_board, branch, base: str) -> None:
    branch()
    with pytest.raises(InputError, match="^git: "):
        changes(own_board, base)


def test_a_board_without_a_repository_is_one_line(tmp_path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        changes(Board(tmp_path / "none"), "main")
