"""What building a site keeps for the next time: drawings, which take time to measure.

    <folder>/<key>.json

A key says all that a drawing follows from. The folder may be deleted at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pooch
from pydantic import TypeAdapter, ValidationError

from bimt_bench.ground import InputError, write
from bimt_bench.identity import scoring_digest
from bimt_bench.leaderboard.site import networks
from bimt_bench.leaderboard.site.networks import Drawings
from bimt_bench.spec import digest_of

_DRAWINGS = TypeAdapter(Drawings)


def usual_folder() -> Path:
    """Where drawings are kept if nobody says where: in the user's cache."""
    return Path(pooch.os_cache("bimt_bench")) / "site"


def key_of(content: str, members: tuple[str, ...]) -> str:
    """The key of the drawings of an entry.

    content: of entry.json, members.jsonl and the sum of its weights, as in its verdict. members:
    those that are drawn.
    """
    return digest_of(
        {
            "content": content,
            "members": list(members),
            "scoring": scoring_digest(),
            "format": networks.FORMAT,
        }
    )


@dataclass(frozen=True)
class Kept:
    """A folder of kept drawings."""

    folder: Path

    def drawings(self, key: str, make: Callable[[], Drawings]) -> Drawings:
        """What was kept under a key, else what is made now, which is then kept.

        What is damaged is made again. InputError of `make`, and where nothing can be written.
        """
        file = self.folder / f"{key}.json"
        try:
            return _DRAWINGS.validate_json(file.read_bytes())
        except (OSError, ValidationError):
            found = make()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write(file, _DRAWINGS.dump_json(found))
        except OSError as error:
            told = f"site: cannot keep drawings in '{self.folder}': {error.strerror}"
            raise InputError(told) from error
        return found
