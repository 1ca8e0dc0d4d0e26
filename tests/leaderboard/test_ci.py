"""What continuous integration does with a branch, on a real repository: the script that it runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bimt_bench import leaderboard
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import Board
from bimt_bench.leaderboard.changes import changes
from bimt_bench.leaderboard.verdict import Verdict
from tests.leaderboard.conftest import TASK
from tests.leaderboard.forging import Forger
from tests.leaderboard.test_changes import copied, git

ROOT = Path(__file__).parents[2]
SCRIPT = "scripts/leaderboard_ci.sh"
FOLDER = "symbolic-independence"
GUIDE = (ROOT / "docs" / "leaderboard.md").read_text()
HEAD = "refs/remotes/origin/handed-in"


pytestmark = pytest.mark.slow  # what the script runs is loaded for each of its commands


@pytest.fixture
def repository(small_board: Board, tmp_path: Path) -> Path:
    """A checkout of main with the script and a published board, its verdicts among it."""
    place = tmp_path / "checkout"
    shutil.copytree(small_board.folder, place / "results" / "leaderboard")
    (place / "scripts").mkdir()
    shutil.copy(ROOT / SCRIPT, place / SCRIPT)
    git(place.parent, "init", "-q", "-b", "main", str(place))
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "published")
    return place


@pytest.fixture
def handed_in(repository: Path) -> Callable[[], Board]:
    """Begins a branch that is handed in; what is done to it is committed by `committed`."""
    git(repository, "checkout", "-q", "-b", "mine")
    return lambda: Board(repository / "results" / "leaderboard")


def committed(place: Path) -> None:
    """The branch as GitHub has it: a commit that is fetched, while main is checked out."""
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "handed in")
    git(place, "update-ref", HEAD, "HEAD")
    git(place, "checkout", "-q", "main")


def ci(place: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the script says, with the code that is tested here."""
    return subprocess.run(
        ["bash", SCRIPT, *words], cwd=place, capture_output=True, text=True, check=False,
        env=surroundings(place, **environment),
    )  # fmt: skip


def surroundings(place: Path, **environment: str) -> dict[str, str]:
    """Where commands run: bimt-bench is what is tested here, and git knows who commits."""
    bench = place.parent / "bimt-bench"
    bench.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m bimt_bench "$@"\n')
    bench.chmod(0o755)
    who = {f"GIT_{role}_{what.upper()}": f"{what}@example.org" for role in ("AUTHOR", "COMMITTER")
           for what in ("name", "email")}  # fmt: skip
    return {
        **os.environ,
        **who,
        "PATH": f"{bench.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BIMT_BENCH": str(bench),
        "LEADERBOARD_BUDGET": "0",
        "LEADERBOARD_MERGE_BUDGET": "0",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **environment,
    }


def judged(place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return ci(place, "pull-request", "HEAD", HEAD, "out", **environment)


def renamed(board: Board, name: str) -> Forger:
    forger = Forger(copied(board, name))
    forger.entry["name"] = name
    return forger


def verdicts(place: Path) -> dict[str, Verdict]:
    lines = (place / "out" / "verdicts.jsonl").read_text().splitlines()
    return {one.name: one for one in map(Verdict.model_validate_json, lines)}


def test_entries_are_verified_and_a_hostile_one_fails(repository, handed_in) -> None:
    board = handed_in()
    renamed(board, "honest").write()
    hostile = renamed(board, "hostile")
    hostile.entry["title"] = "::add-mask::leaderboard"
    hostile.members[0]["metrics"]["performance"] = 1.0
    hostile.write()
    committed(repository)
    done = judged(repository, ACCOUNT="ada", GITHUB_ACTIONS="true")
    assert done.returncode == 1, done.stdout + done.stderr
    found = verdicts(repository)
    assert found["honest"].level == "replayed" and not found["honest"].faults
    assert "outstanding" in {one.code for one in found["honest"].findings}
    assert {one.code for one in found["hostile"].faults} == {"metric_differs"}
    assert done.stdout.startswith("::stop-commands::")
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert status.stdout.split() == ["??", "out/"]  # main's own board is as it was


def edits_another(board: Board) -> None:
    forger = Forger(board.entry(TASK, "l1-plain"))
    forger.entry["title"] = "not as good as mine"
    forger.write()


def too_big(board: Board) -> None:
    renamed(board, "big").write()
    (board.entry(TASK, "big") / "members.jsonl").write_bytes(b"{}\n" * 2**21)


def changes_code(board: Board) -> None:
    renamed(board, "with-code").write()
    place = board.folder.parents[1]
    (place / SCRIPT).write_text("touch ran\n")
    (place / "sitecustomize.py").write_text("open('ran', 'w')\n")
    (place / ".gitattributes").write_text("* filter=mine\n")


def a_link(board: Board) -> None:
    renamed(board, "linked").write()
    file = board.entry(TASK, "linked") / "entry.json"
    file.unlink()
    file.symlink_to("/etc/passwd")


def takes_a_name(board: Board) -> None:
    renamed(board, "late").write()


REFUSED: dict[str, tuple[Callable[[Board], None], str]] = {
    "another's entry is edited": (edits_another, "l1-plain/entry.json: is published already"),
    "a file is too big": (too_big, "members.jsonl: has 6,291,456 bytes; at most 4,194,304"),
    "code is changed": (changes_code, f"{SCRIPT}: is not of the board"),
    "a file is a link": (a_link, "entry.json: is no plain file"),
    "a name was taken meanwhile": (takes_a_name, "late/entry.json: is published already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_not_be_handed_in_is_refused_before_it_is_looked_at(
    repository, handed_in, case: str
) -> None:
    change, told = REFUSED[case]
    change(handed_in())
    committed(repository)
    if case == "a name was taken meanwhile":
        takes_a_name(handed_in())
        git(repository, "add", "-A")
        git(repository, "commit", "-q", "-m", "somebody else's")
    board = Board(repository / "results" / "leaderboard")
    with pytest.raises(InputError, match=re.escape(told)):
        changes(board, "HEAD", head=HEAD, take=repository / "out")
    assert not (repository / "out").exists()
    assert not list(repository.rglob("ran"))


def test_a_branch_that_changes_code_is_refused_and_its_code_not_run(repository, handed_in) -> None:
    changes_code(handed_in())
    committed(repository)
    done = judged(repository)
    assert (done.returncode, f"{SCRIPT}: is not of the board" in done.stderr) == (2, True)
    assert not (repository / "out" / "board").exists()
    assert not list(repository.rglob("ran"))


def test_the_board_is_taken_as_the_branch_would_have_it(repository, handed_in) -> None:
    """To the byte, although attributes of the branch or of git would have ends of lines changed."""
    forger = renamed(handed_in(), "new")
    forger.write()
    content = (forger.folder / "entry.json").read_bytes() + b"\r\n"
    (forger.folder / "entry.json").write_bytes(content)
    git(repository, "config", "core.autocrlf", "false")
    committed(repository)
    git(repository, "config", "core.autocrlf", "input")
    git(repository, "config", "core.eol", "lf")
    board, to = Board(repository / "results" / "leaderboard"), repository / "out"
    found = changes(board, "HEAD", head=HEAD, take=to)
    assert found.added == (to / FOLDER / "new",)
    assert (to / FOLDER / "new" / "entry.json").read_bytes() == content
    assert [one.name for one in Board(to).entries()] == [
        "bimt-plain", "l1-plain", "new", "vanilla-plain"
    ]  # fmt: skip
    assert len(board.entries()) == 3
    with pytest.raises(InputError, match="^take: cannot write"):
        changes(board, "HEAD", head=HEAD, take=to)


def test_a_withdrawal_is_judged_by_whose_it_is(repository, handed_in) -> None:
    leaderboard.withdraw(handed_in(), TASK, "l1-plain", reason="a slip", by="ada")
    committed(repository)
    board, to = Board(repository / "results" / "leaderboard"), repository / "taken"
    assert len(changes(board, "HEAD", head=HEAD, by="ada", take=to).withdrawn) == 1
    refused = judged(repository, ACCOUNT="bob")
    assert refused.returncode == 2
    assert "'ada' given, but it is 'bob' who asks" in " ".join(refused.stderr.split())


@pytest.mark.parametrize("words", [(), ("pull-request", "main"), ("merged",)])
def test_other_words_are_answered_with_how_to_use_it(repository, words) -> None:
    done = ci(repository, *words)
    assert (done.returncode, "leaderboard_ci.sh pull-request BASE HEAD" in done.stderr) == (2, True)


def test_the_guide_leads_from_a_sweep_to_a_pull_request(repository, run, tmp_path) -> None:
    """The blocks of docs/leaderboard.md, as they stand there."""
    shutil.copytree(run.folder, repository / "runs" / "bimt-independence")
    (repository / ".gitignore").write_text("/runs/\n/leaderboard-ci/\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "as the repository has it")
    section = GUIDE.split("\n## Handing in")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```bash\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    commands = tmp_path / "commands.sh"
    commands.write_text(f"set -e\n{block}")
    done = subprocess.run(
        ["bash", str(commands)], cwd=repository, capture_output=True, text=True, check=False,
        env=surroundings(repository),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 entries pass" in done.stdout


def test_a_merge_ranks_builds_and_hands_on_what_is_recorded(repository, tmp_path) -> None:
    for name in ("l1-plain", "vanilla-plain"):
        shutil.rmtree(repository / "results" / "leaderboard" / FOLDER / name)
    git(repository, "commit", "-q", "-a", "-m", "one entry")
    output = tmp_path / "output"
    done = ci(repository, "merge", "out", GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    assert output.read_text() == "built=yes\n"
    assert (repository / "out" / "site" / "index.html").exists()
    assert "bimt-plain" in (repository / "results" / "README.md").read_text()
    git(repository, "checkout", "-q", "--", ".")
    git(repository, "clean", "-q", "-f", "-d", "results")
    assert ci(repository, "record", "out").returncode == 0
    held = json.loads((repository / "out/record/verdicts" / FOLDER / "bimt-plain.json").read_text())
    board = Board(repository / "results" / "leaderboard")
    verdict = board.verdict(TASK, "bimt-plain")
    assert verdict is not None and verdict.level == held["level"]
    assert "nothing new to record" in ci(repository, "record", "out").stdout
