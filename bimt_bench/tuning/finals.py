"""Which configurations of a search are trained again on all data: those on its validation front."""

from collections.abc import Mapping, Sequence

import moocore
import numpy as np

from bimt_bench.spec import Configuration
from bimt_bench.tuning.proposals import Scores


def finals(
    searched: Mapping[str, Configuration],
    scores: Mapping[str, Scores | None],
    *,
    directions: Sequence[str],
    most: int,
) -> list[Configuration]:
    """At most `most` configurations of each recipe, in the order in which they were proposed.

    Those that no other of their recipe beats; of too many, as many evenly spread over the first
    objective, its best among them. `searched` and `scores` are by digest of the configuration; one
    without a score is left out.
    """
    measured = {digest: found for digest, found in scores.items() if found is not None}
    chosen = set[str]()
    for recipe in dict.fromkeys(one.recipe for one in searched.values()):
        own = [d for d, one in searched.items() if one.recipe == recipe and d in measured]
        if own:
            front = _front([measured[digest] for digest in own], directions, most)
            chosen |= {own[place] for place in front}
    return [one for digest, one in searched.items() if digest in chosen]


def _front(scores: Sequence[Scores], directions: Sequence[str], most: int) -> list[int]:
    """The places of scores that no others beat, thinned out to `most`."""
    values = np.array(scores, dtype=float)
    rises = [one == "higher" for one in directions]
    kept = np.flatnonzero(moocore.is_nondominated(values, maximise=rises, keep_weakly=True))
    first = values[kept, 0] * (-1.0 if rises[0] else 1.0)
    ordered = kept[np.argsort(first, kind="stable")]
    if len(ordered) > most:
        ordered = ordered[np.linspace(0, len(ordered) - 1, most).round().astype(int)]
    return [int(place) for place in ordered]
