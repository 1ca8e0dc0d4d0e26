"""The JSON Schemas of an entry's files, made from the models that check them."""

import json
from typing import Any

from bimt_bench.leaderboard.entry import FORMAT, Entry, MemberRecord

SCHEMAS = {"entry": Entry, "member": MemberRecord}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(what: str = "entry") -> str:
    """The JSON Schema, as text, of `entry.json` ('entry') or of a line of `members.jsonl`."""
    found: dict[str, Any] = SCHEMAS[what].model_json_schema()
    told = {
        "$schema": _DIALECT,
        "$id": f"bimt-bench/{what}-{FORMAT}",
        **found,
        "title": f"{what} of the bimt_bench leaderboard, format {FORMAT}",
    }
    return json.dumps(told, indent=1) + "\n"
