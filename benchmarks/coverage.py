"""How often each interval holds the truth, in simulations where it is known.

Nominal 95 % against what is found, at 3, 5 and 10 seeds: means (normal, skewed, with lost seeds),
volumes (equal configurations, a front), differences of two recipes (how often equal ones are told
apart). Run: python -m benchmarks.coverage [--runs N] [--out docs/coverage.md]
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bimt_bench.results.statistics import (
    Volume,
    compare,
    half_split,
    raw_volume,
    smoothed,
    t_interval,
    two_part_interval,
)

SEEDS = (3, 5, 10)
NOISE, CORRELATION, SHARED = 0.1, 0.5, 0.1
"""sd of a seed on each axis, correlation of the axes, share of the variance common to a seed."""
Plane = tuple[np.ndarray, np.ndarray]
_ALONG = np.linspace(0.2, 0.9, 8)
FRONTS: dict[str, Plane] = {
    "1 configuration": (np.full(1, 0.67), np.full(1, 0.67)),
    "8 equal configurations": (np.full(8, 0.67), np.full(8, 0.67)),
    "16 equal configurations": (np.full(16, 0.67), np.full(16, 0.67)),
    "a front of 4": (_ALONG[::2], np.sqrt(1 - _ALONG[::2] ** 2)),
    "a front of 8": (_ALONG, np.sqrt(1 - _ALONG**2)),
}


def planes(means: Plane, seeds: int, runs: int, generator: np.random.Generator) -> Plane:
    """x and y [runs, K, S] of configurations with these means."""
    count = len(means[0])
    mixed = np.linalg.cholesky([[1.0, CORRELATION], [CORRELATION, 1.0]]).T
    own = generator.standard_normal((runs, count, seeds, 2)) @ mixed * np.sqrt(1 - SHARED)
    common = generator.standard_normal((runs, 1, seeds, 2)) @ mixed * np.sqrt(SHARED)
    noise = NOISE * (own + common)
    return means[0][:, None] + noise[..., 0], means[1][:, None] + noise[..., 1]


def of_means(runs: int, generator: np.random.Generator) -> Iterator[tuple[str, list[float]]]:
    """Coverage in per cent, at each number of seeds, of the interval of a mean."""
    kinds: dict[str, tuple[Callable[[tuple[int, int]], np.ndarray], float]] = {
        "mean, normal": (generator.standard_normal, 0.0),
        "mean, like R2 near 1": (lambda shape: generator.beta(60, 2, shape), 60 / 62),
        "mean, strongly skewed": (lambda s: generator.lognormal(0, 1, s), float(np.exp(0.5))),
    }
    for name, (draw, truth) in kinds.items():
        found = []
        for seeds in SEEDS:
            _, low, high = t_interval(draw((runs, seeds)))
            found.append(100 * float(((low <= truth) & (truth <= high)).mean()))
        yield name, found
    for name, seen in (("of runs where one was", 1), ("of all runs", 0)):
        found = [_with_losses(seeds, seen, runs, generator) for seeds in SEEDS]
        yield f"mean, one seed in ten lost, {name}", found


def _with_losses(seeds: int, seen: int, runs: int, generator: np.random.Generator) -> float:
    """Of runs with two finished seeds and `seen` lost ones at least; those count as 0."""
    held = []
    for _ in range(runs):
        lost = int((generator.random(seeds) < 0.1).sum())
        if seeds - lost < 2 or lost < seen:
            continue
        finished = 0.9 + 0.05 * generator.standard_normal(seeds - lost)
        interval = two_part_interval(finished, lost=lost, trivial=0.0)
        held.append(interval.low <= 0.81 <= interval.high)
    return 100 * float(np.mean(held))


def of_volumes(
    runs: int, generator: np.random.Generator
) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Bias and coverage in per cent of H and M, and the bias of the raw volume."""
    for name, means in FRONTS.items():
        truth = float(raw_volume(*means))
        rows: dict[str, list[tuple[float, float]]] = {"raw": [], "H": [], "M": []}
        for seeds in SEEDS:
            count = runs if seeds < 10 else max(1, runs // 5)
            x, y = planes(means, seeds, count, generator)
            raw = raw_volume(x.mean(axis=-1), y.mean(axis=-1))
            rows["raw"].append((_bias(raw, truth), float("nan")))
            for letter, volume in (("H", half_split(x, y)), ("M", smoothed(x, y))):
                held = (volume.low <= truth) & (truth <= volume.high)
                rows[letter].append((_bias(volume.value, truth), 100 * float(held.mean())))
        for letter, found in rows.items():
            yield f"{letter}, {name}", found


def _bias(values: np.ndarray, truth: float) -> float:
    return 100 * (float(values.mean()) / truth - 1)


def of_differences(runs: int, generator: np.random.Generator) -> Iterator[tuple[str, list[float]]]:
    """How often, in per cent, one of some recipes is told apart from the first."""
    front = FRONTS["a front of 8"]
    larger = (front[0] * np.sqrt(1.2), front[1] * np.sqrt(1.2))
    cases = {
        "two equal recipes": [front],
        "twelve equal recipes, any (Holm)": [front] * 11,
        "a volume 20 % larger": [larger],
    }
    for name, others in cases.items():
        found = []
        for seeds in SEEDS:
            count = max(20, runs // (4 * len(others)))
            told = [_told_apart(front, others, seeds, generator) for _ in range(count)]
            found.append(100 * float(np.mean(told)))
        yield name, found


def _told_apart(
    front: Plane, others: list[Plane], seeds: int, generator: np.random.Generator
) -> bool:
    drawn = [planes(one, seeds, 1, generator) for one in (front, *others)]
    x, y = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    h, m = half_split(x, y), smoothed(x, y)
    pairs = [(_one(h, i), _one(m, i)) for i in range(len(drawn))]
    found = compare(pairs[0], {str(i): pair for i, pair in enumerate(pairs[1:])})
    return any(one.verdict in ("better", "worse") for one in found.values())


def _one(volume: Volume, index: int) -> Volume:
    parts = (volume.value, volume.low, volume.high, volume.shares)
    return Volume(*(part[index] for part in parts))


def table(runs: int, seed: int = 0) -> str:
    """All three as one page of Markdown tables."""
    generator = np.random.default_rng(seed)
    head = "| | " + " | ".join(f"{s} seeds" for s in SEEDS) + " |\n" + "| --- " * 4 + "|\n"
    means = "".join(
        f"| {name} | " + " | ".join(f"{one:.0f} %" for one in found) + " |\n"
        for name, found in of_means(runs, generator)
    )
    volumes = "".join(
        f"| {name} | " + " | ".join(_cell(*one) for one in found) + " |\n"
        for name, found in of_volumes(runs, generator)
    )
    differences = "".join(
        f"| {name} | " + " | ".join(f"{one:.0f} %" for one in found) + " |\n"
        for name, found in of_differences(runs, generator)
    )
    return (
        f"How often a 95 % interval of a mean holds the truth ({runs} runs a cell):\n\n"
        f"{head}{means}\nBias of a volume, and how often its 95 % interval holds the truth:\n\n"
        f"{head}{volumes}\nHow often recipes are told apart:\n\n{head}{differences}"
    )


def _cell(bias: float, coverage: float) -> str:
    return f"{bias:+.0f} %" if np.isnan(coverage) else f"{bias:+.0f} %, {coverage:.0f} %"


def main() -> None:
    """Prints the tables, or writes them to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = table(given.runs)
    if given.out is None:
        print(found)
    else:
        given.out.write_text("# Coverage of the intervals, simulated\n\n" + found)


if __name__ == "__main__":
    main()
