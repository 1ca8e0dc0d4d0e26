"""A pack: what one trial carries, and what names it.

Workers load this module before they know their first pack, so it imports little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bimt_bench.spec import Member, TaskSpec, digest_of


@dataclass(frozen=True)
class Pack:
    """Members of one task trained as one population, addressed by the digest of all of it."""

    digest: str
    task: str
    members: tuple[Member, ...] = field(repr=False)
    expected_seconds: float = field(repr=False, compare=False)


def pack_digest(task: TaskSpec, members: Sequence[Member], *, shuffles: int, code: str) -> str:
    """12 hex digits that name everything a pack's results depend on."""
    return digest_of(
        {
            "task": task.digest(),
            "members": [member.digest for member in members],
            "shuffles": shuffles,
            "code": code,
        }
    )
