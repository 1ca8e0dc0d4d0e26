"""What is kept for the next time because it takes long to find: figures, drawings, pages.

    <folder>/<part>/<digest of a name>.json

A file says under which key it was kept, and the key all that it follows from; what has another key,
or is damaged, is found anew. The folder may be deleted at any time.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pooch
from pydantic import TypeAdapter, ValidationError

from bimt_bench.ground import InputError, write
from bimt_bench.identity import scoring_digest

Found = TypeVar("Found")


def usual_folder() -> Path:
    """Where it is kept if nobody says where: in the user's cache."""
    return Path(pooch.os_cache("bimt_bench")) / "leaderboard"


@dataclass(frozen=True)
class Kept:
    """A folder of what was found before."""

    folder: Path

    def found(
        self,
        part: str,
        name: str,
        key: str,
        kind: Any,
        make: Callable[[], Found],
        lasts: Callable[[Found], bool] = lambda _: True,
    ) -> Found:
        """What was kept of that kind under that key, else what is made now.

        It is then kept, if it lasts, in the place of what had that name. kind: a type that
        pydantic knows. Errors of `make`; InputError where nothing can be written.
        """
        file, adapter = self.folder / part / f"{key_of(name)[:24]}.json", _adapter(kind)
        try:
            held = json.loads(file.read_bytes())
            if held["key"] == key:
                return adapter.validate_python(held["found"])
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            pass
        made = make()
        if lasts(made):
            self._keep(file, {"key": key, "found": _plain(made)})
        return made

    def scoring_digest(self) -> str:
        """That of the code here, which takes seconds to find."""
        return self.found("code", "scoring", sources(), str, scoring_digest)

    def _keep(self, file: Path, told: dict[str, Any]) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write(file, json.dumps(told).encode())
        except OSError as error:
            raise InputError(f"kept: cannot write to '{file}': {error.strerror}") from error


def key_of(*parts: object) -> str:
    """A key that says all of these, which must say all of themselves when they are shown."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@cache  # the code of a process does not change
def sources() -> str:
    """SHA-256 over all files of this package: whatever was found by other code is found anew."""
    found = hashlib.sha256()
    root = Path(__file__).parents[1]
    for file in sorted(one for one in root.rglob("*") if one.is_file() and one.suffix != ".pyc"):
        if "__pycache__" not in file.parts:
            found.update(f"{file.relative_to(root)}\n".encode())
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _plain(found: object) -> object:
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return dataclasses.asdict(found)
    return found
