"""Drawing lots: which members are trained again, so that nobody can foresee or choose it.

A draw takes its randomness from the operating system when it is made, never from what is
submitted: a draw that followed from a commit could be tried until it spares the bad members. What
was drawn and how it went stays in the verdict, so that failures add up.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from math import ceil

from bimt_bench.leaderboard.verdict import Draw, Level

BYTES = 16
SHARE_OF_BANDS = 2 / 3
"""Of the members that bands judge, so many must pass: one in 26 honest ones does not."""
MOST_DOUBLINGS = 4
_SEEDS = 2**31


def entropy() -> str:
    """What the operating system gives, as 32 hex digits."""
    return secrets.token_hex(BYTES)


def drawn(pool: Iterable[str], count: int, *, level: Level, entropy: str) -> tuple[str, ...]:
    """`count` members of a pool, or all if there are fewer, whatever the order of the pool."""
    lots = {_hash(entropy, level, one): one for one in pool}
    return tuple(lots[one] for one in sorted(lots)[:count])


def fresh_seeds(count: int, *, entropy: str) -> tuple[int, ...]:
    """Seeds that no entry has, which nobody can have tried beforehand."""
    found = (int(_hash(entropy, "fresh", str(i)), 16) for i in range(count))
    return tuple(1000 + one % (_SEEDS - 1000) for one in found)


def passes(draw: Draw) -> bool:
    """Whether enough of the drawn members were the same again: all, or two of three by bands."""
    share = SHARE_OF_BANDS if draw.by == "bands" else 1.0
    return len(draw.passed) >= ceil(share * len(draw.members) - 1e-9)


def failures(draws: Iterable[Draw], level: Level) -> int:
    """How often a level was tried and not passed."""
    return len({one.entropy for one in draws if one.level == level and not passes(one)})


def how_many(count: int, draws: Sequence[Draw], level: Level) -> int:
    """How many members to draw: twice as many after each failure."""
    return count * 2 ** min(failures(draws, level), MOST_DOUBLINGS)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
