"""The JSON Schemas are valid, kept beside the docs, and what entries are judged by."""

import json
from pathlib import Path

import pytest

from bimt_bench.leaderboard import schema
from bimt_bench.leaderboard.schemas import SCHEMAS
from tests.leaderboard.conftest import TASK

jsonschema = pytest.importorskip("jsonschema")
KEPT = Path(__file__).parents[2] / "docs" / "schemas"


def judge(what: str):
    found = json.loads(schema(what))
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def test_entries_of_a_board_are_valid(small_board) -> None:
    for folder in small_board.entries(TASK):
        judge("entry").validate(json.loads((folder / "entry.json").read_text()))
        for line in (folder / "members.jsonl").read_text().splitlines():
            judge("member").validate(json.loads(line))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Not So"},
        {"seeds": 4},
        {"extra": 1},
        {"model": {"kind": "mine"}},
        {"model": {"kind": "mlp", "hidden": []}},
        {"link": "javascript:alert(1)"},
        {"format": 2},
    ],
)
def test_what_is_no_entry_is_not(small_board, change) -> None:
    entry = json.loads((small_board.entry(TASK, "bimt-plain") / "entry.json").read_text())
    assert not judge("entry").is_valid(entry | change)


@pytest.mark.parametrize("what", SCHEMAS)
def test_the_schemas_that_are_kept_are_those_of_the_models(what: str) -> None:
    """Where this fails, formats have changed: raise FORMAT, or write the file again."""
    assert (KEPT / f"{what}-1.json").read_text() == schema(what)
