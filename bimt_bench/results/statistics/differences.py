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
    one: tuple[Volume, Volume],
    others: Mapping[str, tuple[Volume, Volume]],
    *,
    margin: float | None = None,
    confidence: float = CONFIDENCE,
) -> dict[str, Difference]:
    """One recipe against others on the same seeds; each is given as its (H, M).

    M_B - M_A is tested, paired by seed: sd(g_B - g_A) / sqrt(S), t(S - 1), with Holm over the
    others. `margin`: differences within it are a tie; absent, nothing is called one.
    """
    found = {}
    for name, (_, theirs) in others.items():
        value = float(one[1].value) - float(theirs.value)
        apart = one[1].shares - theirs.shares
        seeds = apart.shape[-1]
        error = float(apart.std(ddof=1)) / math.sqrt(seeds) if seeds > 1 else math.nan
        half = t_factor(seeds, confidence) * error
        found[name] = (value, half, _p(value, error, seeds))
    corrected = holm([p for *_, p in found.values()])
    return {
        name: Difference(
            value,
            value - half,
            value + half,
            p,
            _verdict(
                value, half, p, float(one[0].value - others[name][0].value), margin, confidence
            ),
        )
        for (name, (value, half, _)), p in zip(found.items(), corrected, strict=True)
    }


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
