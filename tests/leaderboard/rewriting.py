"""Entries altered as somebody would who means harm: files rewritten, sums made to fit again."""

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def entry(folder: Path, change: Callable[[Json], Any]) -> None:
    """Alters entry.json in place."""
    file = folder / "entry.json"
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))


def members(folder: Path, change: Callable[[list[Json]], Any]) -> None:
    """Alters the records of members.jsonl in place."""
    file = folder / "members.jsonl"
    told = [json.loads(line) for line in file.read_text().splitlines()]
    change(told)
    file.write_text("".join(json.dumps(one) + "\n" for one in told))


def weights(folder: Path, content: bytes) -> None:
    """Puts other weights in their place, of which entry.json tells."""
    (folder / "weights.safetensors").write_bytes(content)
    own = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    entry(folder, lambda told: told["weights"].update(own))


def header(content: bytes, change: Callable[[Json], Any]) -> bytes:
    """A safetensors file with another header; its data stay."""
    length = struct.unpack("<Q", content[:8])[0]
    told = json.loads(content[8 : 8 + length])
    change(told)
    text = json.dumps(told).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]
