"""What fits into a budget: how many members are trained again now, and what is left for later.

How long a member takes is what its replay and its metrics took here, never what an entry claims. A
pack of several takes less than that many members alone, so that the estimate is on the safe side.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Seconds that an entry may take: its share of what a run may, and all that is left of that."""

    share: float = math.inf
    left: float = math.inf

    def members(self, each: float, used: float) -> float:
        """How many members can be trained again at so many seconds each, after those used.

        As many as fit into the share; one in any case, if that fits into all that is left.
        """
        if each <= 0 or math.isinf(self.share):
            return math.inf
        fitting = math.floor(max(self.share - used, 0.0) / each)
        return fitting or int(each <= self.left - used)


@dataclass(frozen=True)
class Work:
    """What is to be trained again: drawn members, members that are said to be lost, fresh ones."""

    drawn: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.drawn) + len(self.lost) + len(self.fresh)

    def first(self, count: float) -> "Work":
        """The first so many members of all, in this order: drawn, lost, fresh."""
        after_drawn = max(count - len(self.drawn), 0)
        after_lost = max(after_drawn - len(self.lost), 0)
        lost, fresh = _first(self.lost, after_drawn), _first(self.fresh, after_lost)
        return Work(_first(self.drawn, count), lost, fresh)


def _first(members: tuple[str, ...], count: float) -> tuple[str, ...]:
    return members if count >= len(members) else members[: int(count)]
