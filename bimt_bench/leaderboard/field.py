"""Entries of one task beside one another: groups that cannot be told apart, places and ranks.

Everything is turned so that more is better and counted from the reference corner; the estimators
are those of `bimt_bench.results.statistics`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import numpy as np

from bimt_bench.results.statistics import (
    Difference,
    Ranks,
    Volume,
    compare_pairs,
    corner_range,
    half_split,
    ranks_over_corners,
    smoothed,
    split_volume,
)

MARGIN = 1e-4
"""Differences of volume within it are a tie: other machines measure the same weights so alike."""
ALIKE = ("not told apart", "tie")


@dataclass(frozen=True, eq=False)
class Contender:
    """An entry or control: its configurations' modularity and performance, [K, S] each.

    seeds: which ones the columns are. competes: whether it holds a place, as controls do not.
    clean: what a control was made from.
    """

    name: str
    seeds: tuple[int, ...]
    x: np.ndarray
    y: np.ndarray
    competes: bool = True
    clean: str | None = None
    _volumes: dict[tuple[int, ...], tuple[Volume, Volume]] = field(default_factory=dict, repr=False)

    @cached_property
    def h(self) -> float:
        """H of all its seeds: what ranks it."""
        return float(split_volume(self.x, self.y))

    def volumes(self, seeds: tuple[int, ...]) -> tuple[Volume, Volume]:
        """H and M of some of its seeds."""
        if seeds not in self._volumes:
            place = {seed: column for column, seed in enumerate(self.seeds)}
            own = [place[seed] for seed in seeds]
            x, y = self.x[:, own], self.y[:, own]
            self._volumes[seeds] = half_split(x, y), smoothed(x, y)
        return self._volumes[seeds]


@dataclass(frozen=True)
class Place:
    """Where a contender stands: its place, its group's other entries, and rank by H.

    beside_first and beside_above are the first of all, and the first of the group above, with the
    difference to it; None where it is that one, or there is none. beside_clean: a control's to what
    it was made from.
    """

    place: int
    shared: tuple[str, ...]
    rank: int
    ranks: Ranks
    beside_first: tuple[str, Difference] | None
    beside_above: tuple[str, Difference] | None
    beside_clean: tuple[str, Difference] | None


def places(contenders: Sequence[Contender]) -> dict[str, Place]:
    """The place of every contender, in order of place, entries before controls, then of H.

    Entries stand in order of H. The first one and all that follow until one is told apart from it
    (M, paired by seed, Holm over all that follow) are a group and share its place; the next one
    opens the next group. So a group has no gap: an entry gains nothing by being noisy if another
    with a larger H was told apart. A control takes the place that its H would have, that of the
    entry above it where the two groups cannot be told apart, and moves nobody.
    """
    order = sorted(contenders, key=lambda one: (-one.h, one.name))
    entries = [one for one in order if one.competes]
    groups = _grouped(entries)
    seats = _seats(groups)
    seats |= {one.name: _seat(one, entries, seats) for one in order if not one.competes}
    ranks = _ranks(order)
    found = {}
    for one in order:
        place, group = seats[one.name]
        above = [other[0] for other in groups if seats[other[0].name][0] < place]
        found[one.name] = Place(
            place=place,
            shared=tuple(other.name for other in group if other is not one),
            rank=1 + sum(other.h > one.h for other in entries),
            ranks=ranks[one.name],
            beside_first=_beside(one, entries[:1]),
            beside_above=_beside(one, above[-1:]),
            beside_clean=_beside(one, [e for e in entries if e.name == one.clean]),
        )
    competing = {one.name for one in entries}
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0] not in competing)))


def _grouped(entries: Sequence[Contender]) -> list[list[Contender]]:
    """Entries in order of H, parted where one is told apart from the first of its group."""
    groups, rest = [], list(entries)
    while rest:
        leader, *others = rest
        apart = [one.verdict == "worse" for one in against(leader, others).values()]
        end = apart.index(True) if any(apart) else len(apart)
        groups.append([leader, *others[:end]])
        rest = others[end:]
    return groups


def _seats(groups: Sequence[list[Contender]]) -> dict[str, tuple[int, list[Contender]]]:
    """The place of each entry, and its group."""
    starts = accumulate((len(group) for group in groups), initial=1)
    return {
        one.name: (place, group)
        for place, group in zip(starts, groups, strict=False)
        for one in group
    }


def _seat(
    control: Contender,
    entries: Sequence[Contender],
    seats: Mapping[str, tuple[int, list[Contender]]],
) -> tuple[int, list[Contender]]:
    """The place of a control, and the group that it cannot be told apart from."""
    if not entries:
        return 1, []
    above = [one for one in entries if one.h > control.h]
    place, group = seats[above[-1].name if above else entries[0].name]
    if against(group[0], [control])[control.name].verdict in ALIKE:
        return place, group
    return 1 + len(above), []


def _ranks(order: Sequence[Contender]) -> dict[str, Ranks]:
    """Ranks by H from the task's corner to the worst of what competes, never below the corner."""
    competing = [one for one in order if one.competes] or order
    x, y = (
        max(0.0, min(float(getattr(one, axis).min()) for one in competing)) for axis in ("x", "y")
    )
    corners = corner_range((x, y), (0.0, 0.0))
    planes = {one.name: (one.x, one.y) for one in order}
    return ranks_over_corners(planes, corners, among={one.name for one in competing})


def _beside(one: Contender, others: Sequence[Contender]) -> tuple[str, Difference] | None:
    """One against the only other there is; None without one, or where it is that one."""
    if not others or others[0] is one:
        return None
    return others[0].name, against(others[0], [one])[one.name]


def against(leader: Contender, others: Iterable[Contender]) -> dict[str, Difference]:
    """Each of the others less the leader, paired by the seeds that both have; see `MARGIN`."""
    pairs = {}
    for other in others:
        seeds = tuple(seed for seed in leader.seeds if seed in other.seeds)
        pairs[other.name] = (other.volumes(seeds), leader.volumes(seeds))
    return compare_pairs(pairs, margin=MARGIN)
