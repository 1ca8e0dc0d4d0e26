"""Module excess: modules beyond what layers, degrees, strengths and weights give by themselves.

Of a partition c of the attribution graph, r(c) = (weight inside modules - sum_c a_c^2) /
(1 - sum_c a_c^2), as a share of all weight, a_c being a module's share of all strength (Newman,
Phys. Rev. E 67, 026126). M is the r of the Leiden partition at the lowest of seven resolutions at
which no module swallows the rest. M_0 is the mean M of null networks, in which each connection
keeps its degrees and weights and nearly its strengths (see `rewiring`).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from bimt_bench.ground import derive
from bimt_bench.metrics.attribution import AttributionGraph, Wires, merged_attributions
from bimt_bench.metrics.base import PerMember, Scored, numbered, once
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.edges import graph_of_edges
from bimt_bench.metrics.goodness import state
from bimt_bench.metrics.modularity import seeded_igraph
from bimt_bench.metrics.rewiring import rewired

RESOLUTIONS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5)
_FIRST = 3  # where the search begins: most networks without modules fall apart from there on
_APART = 0.3  # of 1 - sum a_c^2, at least: no module swallows the rest
_ITERATIONS = 2

_ENOUGH = 0.02  # errors of the figures at which no more nulls are drawn
_DRAWS = 5  # at a time
_MOST = 30
_EDGES = 200_000  # of all nulls together, beyond which there are no more than the first five

_WHOLE = 2.0**32  # the heaviest edge as a whole number
_ROUNDING = 1e-9
_CAUTION = 1.645  # standard deviations: 95 % of a normal distribution lie below

_NEWMAN = "Newman, Phys. Rev. E 67, 026126"
_NULLS = "degrees kept by edge swaps, strengths by ranks (Rubinov and Sporns, NeuroImage 56, 2068)"


@dataclass(frozen=True, eq=False)
class Excess:
    """M of one member and of its nulls."""

    value: float
    nulls: Float64[np.ndarray, " draw"]

    @property
    def score(self) -> float:
        """How far M lies above the nulls' mean; NaN if nulls are as modular as can be."""
        return _above(self.value, float(self.nulls.mean()))

    @property
    def cautious(self) -> float:
        """The same above the point that 95 % of nulls stay below."""
        return _above(self.value, float(self.nulls.mean() + _CAUTION * self.nulls.std(ddof=1)))

    @property
    def cautious_error(self) -> float:
        """Standard error of the cautious score."""
        spread, draws = float(self.nulls.std(ddof=1)), len(self.nulls)
        base = float(self.nulls.mean()) + _CAUTION * spread
        if math.isnan(self.cautious):
            return math.nan
        of_base = spread * math.sqrt(1 / draws + _CAUTION**2 / (2 * (draws - 1)))
        if self.value >= base:
            return of_base * (1.0 - self.value) / (1.0 - base) ** 2
        return of_base * self.value / base**2

    @property
    def is_known(self) -> bool:
        """Whether more nulls would say little: both errors are small, or there is no figure."""
        return not (self.error > _ENOUGH or self.cautious_error > _ENOUGH)

    @property
    def error(self) -> float:
        """Standard error of the score, for the nulls are so many and no more."""
        mean = float(self.nulls.mean())
        if math.isnan(self.score):
            return math.nan
        of_mean = float(self.nulls.std(ddof=1)) / math.sqrt(len(self.nulls))
        if self.value >= mean:
            return of_mean * (1.0 - self.value) / (1.0 - mean) ** 2
        return of_mean * self.value / mean**2


def _no_excess(scored: Scored) -> tuple[str, ...]:
    """Why there is no figure."""
    told, found = state(scored), excesses(scored)
    return tuple(
        odd
        or ("nothing flows to an output" if one is None else "its nulls are as modular as can be")
        for odd, one in zip(told, found, strict=True)
    )


@metric(
    title="Module excess",
    family="attribution",
    direction="higher",
    low=-1.0,
    high=1.0,
    unit="1 is the most there can be, 0 what nulls have",
    cost="draws",
    source=(
        f"(M - M_0) / (1 - M_0), or (M - M_0) / M_0 below; M the assortativity ({_NEWMAN}) of the "
        f"best Leiden partition of the attribution graph, M_0 its mean over nulls: {_NULLS}"
    ),
    untrained="just below 0: -0.11 on independence, -0.04 on MNIST",
    undefined=_no_excess,
    version=3,
)
def module_excess(scored: Scored) -> PerMember:
    """(M - M_0) / (1 - M_0) if M >= M_0, else (M - M_0) / M_0, on the attribution graph.

    M is (weight inside - sum_c a_c^2) / (1 - sum_c a_c^2) of the Leiden partition at the lowest of
    seven resolutions from 0.1 to 1.5 at which 1 - sum_c a_c^2 >= 0.3; 0 if there is none. M_0 is
    its mean over null networks: five at a time until `module_excess_error` and that of the
    cautious figure are at most 0.02, 30 at most. Member and nulls are searched alike. NaN where
    nothing flows to an output, something is not finite, or every null is as modular as can
    be.
    """
    return np.array([math.nan if one is None else one.score for one in excesses(scored)])


@metric(
    title="Module excess, cautious",
    family="attribution",
    direction="higher",
    low=-1.0,
    high=1.0,
    unit="1 is the most there can be, 0 what 95 % of nulls stay below",
    cost="draws",
    source=f"as module_excess, with M_0 + 1.645 sd(M_0) in the place of M_0; {_NULLS}",
    untrained="below 0: -0.14 on independence, -0.05 on MNIST",
    undefined=_no_excess,
    version=3,
)
def module_excess_cautious(scored: Scored) -> PerMember:
    """`module_excess` with M_0 + 1.645 sd in the place of M_0, sd that of M over the nulls.

    Above 0 only where 95 % of null networks are less modular. NaN where that is.
    """
    return np.array([math.nan if one is None else one.cautious for one in excesses(scored)])


@metric(
    title="Module excess, its error",
    family="attribution",
    direction="lower",
    low=0.0,
    unit="standard error",
    cost="draws",
    source="sd(M_0) / sqrt(n) times |d score / d M_0|, n null networks",
    untrained="at most 0.02",
    undefined=_no_excess,
    version=3,
)
def module_excess_error(scored: Scored) -> PerMember:
    """The standard error of `module_excess`: sd / sqrt(n) over n nulls, times |d score / d M_0|.

    Above 0.02 where 30 nulls, or the fewer that large graphs are given, were not enough.
    """
    return np.array([math.nan if one is None else one.error for one in excesses(scored)])


@once
def excesses(scored: Scored) -> tuple[Excess | None, ...]:
    """M of each member and its nulls; None for a member without an attribution graph."""
    members = zip(merged_attributions(scored), scored.seeds, strict=True)
    return tuple(None if graph is None else excess(graph, seed) for graph, seed in members)


def excess(graph: AttributionGraph, seed: int) -> Excess:
    """M of a graph, and of as many nulls as it takes; the same seed, the same result."""
    edges = sum(len(one.weights) for one in graph.wires)
    wires = tuple(_in_whole_numbers(graph.wires))
    most = min(_MOST, _EDGES // edges)
    with seeded_igraph(derive("metrics", "module_excess", seed, "leiden")):
        value = _most_modular(graph.nodes, *_together(wires))
        found = Excess(value, _nulls(graph.nodes, wires, seed, 0))
        while not found.is_known and len(found.nulls) + _DRAWS <= most:
            more = _nulls(graph.nodes, wires, seed, len(found.nulls))
            found = Excess(value, np.concatenate([found.nulls, more]))
    return found


def _above(value: float, base: float) -> float:
    if value >= base:
        return (value - base) / (1.0 - base) if base < 1.0 - _ROUNDING else math.nan
    return (value - base) / base


def _nulls(
    nodes: int, wires: tuple[Wires, ...], seed: int, begin: int
) -> Float64[np.ndarray, " draw"]:
    """M of five null networks, numbered from `begin` on."""
    numbers = range(begin, begin + _DRAWS)
    parts = [
        _redrawn(one, [derive("metrics", "module_excess", seed, k, i) for i in numbers])
        for k, one in enumerate(wires)
    ]
    drawn = np.concatenate(parts, axis=2)
    found = [_most_modular(nodes, one[:2].T, one[2].astype(np.float64)) for one in drawn]
    return np.array(found)


def _redrawn(wires: Wires, seeds: list[int]) -> Int64[np.ndarray, "draw 3 edge"]:
    """Sources, targets and weights of a connection in each null network."""
    left, sources = numbered(wires.sources)
    right, targets = numbered(wires.targets)
    if wires.within:  # both ends count among the same neurons
        left = right = np.union1d(left, right)
        sources, targets = (np.searchsorted(left, end) for end in (wires.sources, wires.targets))
    drawn = rewired(
        sources,
        targets,
        wires.weights.astype(np.int64),
        len(left),
        len(right),
        int(wires.within),
        np.array(seeds, dtype=np.int64),
    )
    drawn[:, 0], drawn[:, 1] = left[drawn[:, 0]], right[drawn[:, 1]]
    return drawn


def _in_whole_numbers(wires: tuple[Wires, ...]) -> list[Wires]:
    largest = max(float(one.weights.max()) for one in wires)
    scaled = (np.ceil(one.weights / largest * _WHOLE) for one in wires)
    return [
        Wires(one.sources, one.targets, weights, one.within)
        for one, weights in zip(wires, scaled, strict=True)
    ]


def _together(
    wires: tuple[Wires, ...],
) -> tuple[Int64[np.ndarray, "edge 2"], Float64[np.ndarray, " edge"]]:
    ends = [np.stack([one.sources, one.targets], axis=1) for one in wires]
    return np.concatenate(ends), np.concatenate([one.weights for one in wires])


def _most_modular(
    nodes: int, edges: Int64[np.ndarray, "edge 2"], weights: Float64[np.ndarray, " edge"]
) -> float:
    """M: the assortativity at the lowest resolution at which no module swallows the rest.

    The lower the resolution, the fewer modules and the larger r, until one module swallows the
    rest: so resolutions are tried from a middle one, down to where it does or up to where it does
    not. Of those tried M is the largest; 0 where modules are swallowed at all of them.
    """
    graph, listed = graph_of_edges(nodes, edges), weights.tolist()
    first, second = (np.ascontiguousarray(end) for end in edges.T)

    def apart(index: int) -> float:
        modules = graph.community_leiden(
            edge_weights=listed,
            normalize_resolution=True,
            resolution=RESOLUTIONS[index],
            n_iterations=_ITERATIONS,
        )[0]
        modules = np.array(modules)
        return _assortativity(modules[first], modules[second], weights, int(modules.max()) + 1)

    found = largest = apart(_FIRST)
    upward = found == 0.0
    rest = range(_FIRST + 1, len(RESOLUTIONS)) if upward else range(_FIRST - 1, -1, -1)
    for index in rest:
        found = apart(index)
        largest = max(largest, found)
        if (found == 0.0) != upward:
            break
    return max(largest, 0.0)


def _assortativity(
    first: Int64[np.ndarray, " edge"],
    second: Int64[np.ndarray, " edge"],
    weights: Float64[np.ndarray, " edge"],
    count: int,
) -> float:
    """r of a partition, given the modules of each edge's ends; 0 if a module swallows the rest."""
    total = weights.sum()
    shares = sum(np.bincount(ends, weights, count) for ends in (first, second)) / (2.0 * total)
    room = 1.0 - float(np.square(shares).sum())
    inside = float(weights[first == second].sum() / total)
    return (inside - 1.0 + room) / room if room >= _APART else 0.0
