"""Which of two recipes has the larger volume: tests paired by seed, corrected for many."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from bimt_bench.results.statistics.means import CONFIDENCE, t_factor
from bimt_bench.results.statistics.volumes import Volume

Verdict = Literal["better", "worse", "tie", "not told apart"]
Pair = tuple[Volume, Volume]
"""A recipe's H and M."""


@dataclass(frozen=True)
class Difference:
    """A recipe's volume less another's: M's difference with its interval, p, and what follows.

    p is corrected for all that were compared (Holm). 'better' and 'worse' ask that H agrees in
    sign; 'tie' that the whole interval lies within the margin.
    """

    value: float
    low: float
    high: float
    p: float
    verdict: Verdict

    def turned(self) -> "Difference":
        """The same seen from the other recipe."""
        other: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}
        verdict = other.get(self.verdict, self.verdict)
        return Difference(-self.value, -self.high, -self.low, self.p, verdict)


def holm(p: Sequence[float]) -> list[float]:
    """The p values corrected for their number (Holm 1979); NaN stays and is not counted."""
    values = np.asarray(p, float)
    found = np.full(len(values), math.nan)
    known = np.flatnonzero(np.isfinite(values))
    largest = 0.0
    for rank, place in enumerate(known[np.argsort(values[known], kind="stable")]):
        largest = max(largest, min(1.0, (len(known) - rank) * values[place]))
        found[place] = largest
    return found.tolist()


def compare(
    one: Pair,
    others: Mapping[str, Pair],
    *,
    margin: float | None = None,
    confidence: float = CONFIDENCE,
) -> dict[str, Difference]:
    """One recipe against others on the same seeds; see `compare_pairs`."""
    pairs = {name: (one, other) for name, other in others.items()}
    return compare_pairs(pairs, margin=margin, confidence=confidence)


def compare_pairs(
    pairs: Mapping[str, tuple[Pair, Pair]],
    *,
    margin: float | None = None,
    confidence: float = CONFIDENCE,
) -> dict[str, Difference]:
    """The first recipe of each pair against its second, on seeds that both have.

    M_B - M_A is tested, paired by seed: sd(g_B - g_A) / sqrt(S), t(S - 1), with Holm over the
    pairs. `margin`: differences within it are a tie; absent, nothing is called one.
    """
    found = {}
    for name, ((_, mine), (_, theirs)) in pairs.items():
        value = float(mine.value) - float(theirs.value)
        apart = mine.shares - theirs.shares
        seeds = apart.shape[-1]
        error = float(apart.std(ddof=1)) / math.sqrt(seeds) if seeds > 1 else math.nan
        half = t_factor(seeds, confidence) * error
        found[name] = (value, half, _p(value, error, seeds))
    corrected = holm([p for *_, p in found.values()])
    differences = {}
    for (name, (value, half, _)), p in zip(found.items(), corrected, strict=True):
        (mine, _), (theirs, _) = pairs[name]
        by_h = float(mine.value - theirs.value)
        verdict = _verdict(value, half, p, by_h, margin, confidence)
        differences[name] = Difference(value, value - half, value + half, p, verdict)
    return differences


def _p(value: float, error: float, seeds: int) -> float:
    if not math.isfinite(error):
        return math.nan
    if error == 0.0:
        return 1.0 if value == 0.0 else 0.0
    return float(2 * stats.t.sf(abs(value) / error, seeds - 1))


def _verdict(
    value: float, half: float, p: float, by_h: float, margin: float | None, confidence: float
) -> Verdict:
    if margin is not None and abs(value) + half <= margin:
        return "tie"
    if p <= 1 - confidence and value * by_h > 0:
        return "better" if value > 0 else "worse"
    return "not told apart"
