"""The workflows of continuous integration: what they may do, and that linters find nothing."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = [str(one) for one in sorted((ROOT / "scripts").glob("*.sh"))]
LINTERS = {
    "check-jsonschema": [
        "--builtin-schema", "vendor.github-workflows", *(str(one) for one in WORKFLOWS)
    ],
    "zizmor": ["--offline", "--pedantic", str(ROOT / ".github")],
    "shellcheck": SCRIPTS,
}  # fmt: skip
MAY_WRITE = {"record": {"contents"}, "deploy": {"pages", "id-token"}}


def _jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in WORKFLOWS:
        yield from yaml.safe_load(file.read_text())["jobs"].items()


def _steps() -> list[dict[str, Any]]:
    return [step for _, job in _jobs() for step in job["steps"]]


@pytest.mark.parametrize("linter", LINTERS)
def test_linters_find_nothing(linter: str) -> None:
    places = [str(Path(sys.executable).parent), *sys.path]
    program = shutil.which(linter, path=":".join(places)) or shutil.which(linter)
    if program is None:
        pytest.skip(f"{linter} is not installed: make setup-dev")
    done = subprocess.run([program, *LINTERS[linter]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_job_may_do_more_than_it_has_to() -> None:
    for file in WORKFLOWS:
        told = yaml.safe_load(file.read_text())
        assert told["permissions"] == {}
        assert "pull_request_target" not in told[True]  # YAML 1.1 reads `on` as true
        assert "secrets." not in file.read_text()
    for name, job in _jobs():
        writes = {one for one, right in job["permissions"].items() if right == "write"}
        assert writes == MAY_WRITE.get(name, set())
        assert job["timeout-minutes"] <= 340


def test_what_runs_for_a_pull_request_is_of_its_base_and_sees_no_word_of_it() -> None:
    (job,) = [job for name, job in _jobs() if name == "pull-request"]
    assert job["permissions"] == {"contents": "read"}
    checkout, *others = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert not others and checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    told = [value for step in job["steps"] for value in step.get("env", {}).values()]
    assert {*told} == {
        "${{ github.event.pull_request.number }}", "${{ github.event.pull_request.user.login }}"
    }  # fmt: skip


def test_nothing_is_written_into_commands_and_every_action_is_pinned() -> None:
    for step in _steps():
        assert "${{" not in step.get("run", "")
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"])
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
