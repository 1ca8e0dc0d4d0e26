"""Functional: what single neurons are for, and whether wired modules work together."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from torch import Tensor

from bimt_bench.ground import InputError, numpy_generator
from bimt_bench.metrics import needs
from bimt_bench.metrics.agreement import adjusted_mutual_information
from bimt_bench.metrics.base import PerMember, Questions, Scored, once, per_member, ratio
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.goodness import functionless, state, without_function
from bimt_bench.metrics.graph import NeuronGraph, graphs
from bimt_bench.metrics.losses import output_losses, row_losses
from bimt_bench.metrics.modularity import Partition, partitions
from bimt_bench.metrics.silence import silenced
from bimt_bench.network import geometry
from bimt_bench.spec import DistanceSettings, GeometrySpec

_ROWS = 500
_NEAR = 1.5  # spacings: between the diagonal of a grid and the next but one on a line
_ENOUGH = 0.05  # error of the isolated ratio at which no more permutations are drawn
_ROUND, _MOST = 20, 400

# Of the neurons, that chance isolates at least: where one cluster holds nearly all, a stray pair
# that happens to sit side by side would have the best value there is.
_FEWEST = 0.05


@dataclass(frozen=True, eq=False)
class Function:
    """What a member's living hidden neurons [n] do, in the order of its graph.

    groups, positions: where each is. modules: its Leiden module. clusters: its functional cluster.
    """

    groups: Int64[np.ndarray, " n"]
    positions: Int64[np.ndarray, " n"]
    modules: Int64[np.ndarray, " n"]
    clusters: Int64[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Isolation:
    """How many of a member's neurons are isolated, and how many when clusters are permuted."""

    own: float
    drawn: Float64[np.ndarray, " draw"]
    neurons: int

    @property
    def ratio(self) -> float:
        """Over chance; NaN where chance isolates too few."""
        chance = float(self.drawn.mean())
        return self.own / chance if chance >= _FEWEST * self.neurons else math.nan

    @property
    def error(self) -> float:
        """The standard error of the ratio: ratio * sd / (mean sqrt(n)) over n permutations."""
        if len(self.drawn) < 2:
            return math.inf
        of_mean = float(self.drawn.std(ddof=1)) / math.sqrt(len(self.drawn))
        return self.ratio * of_mean / max(float(self.drawn.mean()), 1e-300)


def _no_damage(scored: Scored) -> tuple[str, ...]:
    told = without_function(scored)
    return tuple(one or "no neuron's silence costs anything" for one in told)


def _one_module(scored: Scored) -> tuple[str, ...]:
    """Why there is nothing to compare, or to be isolated."""
    told, found = state(scored), functions(scored)
    return tuple(
        odd
        or (
            "fewer than two modules have hidden neurons"
            if one is None
            else "chance isolates too few"
        )
        for odd, one in zip(told, found, strict=True)
    )


@metric(
    title="Ablation selectivity",
    family="functional",
    direction="higher",
    low=0.0,
    high=1.0,
    cost="ablation",
    source=(
        "sum_h D_h (1 - H(D[h, c] / D_h) / log C) / sum_h D_h, D[h, c] the loss increase "
        "of output or class c without neuron h"
    ),
    untrained="none where a constant is as good, else anything",
    need=needs.OUTPUTS,
    undefined=_no_damage,
)
@torch.no_grad()
def ablation_selectivity(scored: Scored) -> PerMember:
    """How few outputs (or classes) suffer when a neuron is silenced: 1 one each, 0 all alike.

    One hidden neuron at a time sends nothing on. D[h, c] >= 0 is the increase of the loss of
    output c, or over the rows of class c, on at most 500 fixed test rows. Selectivity of h is
    1 - entropy(D[h, c] / sum_c D[h, c]) / log C; the mean is weighted by sum_c D[h, c]. NaN where
    no neuron's silence costs anything, and for a member without a function, for which a constant
    answer is good enough.
    """
    questions = scored.probe(_ROWS)
    full = _part_losses(scored, *questions.answered())
    selectivity = torch.zeros(scored.size, dtype=torch.float64)
    total = torch.zeros_like(selectivity)
    for weights in _silenced(scored):
        silent = _part_losses(scored, *questions.answered(weights))
        damage = (silent - full).clamp(min=0.0)
        sums = damage.sum(dim=1)
        shares = damage / torch.where(sums == 0, 1.0, sums)[:, None]
        entropy = -torch.special.xlogy(shares, shares).sum(dim=1) / math.log(damage.shape[1])
        selectivity += sums * (1.0 - entropy).clamp(0.0, 1.0)
        total += sums
    found = ratio(selectivity, total).clamp(max=1.0)
    return per_member(torch.where(functionless(scored), torch.nan, found))


@metric(
    title="Agreement of anatomy and function",
    family="functional",
    direction="higher",
    low=-1.0,
    high=1.0,
    unit="adjusted mutual information",
    cost="graph",
    source=(
        "after Liu et al., arXiv 2310.07711: AMI of Leiden modules and clusters of "
        "activation correlation"
    ),
    untrained="near 0: -0.06 to 0.10",
    undefined=_one_module,
)
def anatomy_function_agreement(scored: Scored) -> PerMember:
    """AMI of Leiden modules of the weights and clusters of activation correlation.

    Over living hidden neurons. Functional clusters are as many as the modules that these neurons
    lie in: average linkage at distance 1 - |corr| of activations on at most 500 fixed test rows;
    a constant activation is at distance 1 from all. NaN without a graph, with a single module,
    and where an activation is not finite.
    """
    values = [
        math.nan if one is None else adjusted_mutual_information(one.modules, one.clusters)
        for one in functions(scored)
    ]
    return np.array(values, dtype=np.float64)


@metric(
    title="Isolated neurons, over chance",
    family="functional",
    direction="lower",
    low=0.0,
    unit="1 is chance",
    cost="draws",
    source=(
        "share of neurons without a neighbour of their own functional cluster / its mean "
        "over permutations of the clusters within groups"
    ),
    untrained="near 1: 0.7 to 1.4",
    undefined=_one_module,
    version=2,
)
def isolated_ratio(scored: Scored) -> PerMember:
    """Share of living hidden neurons with no neighbour of their functional cluster, over chance.

    Functional clusters as in `anatomy_function_agreement`. Neighbours are the living neurons of
    the group at most 1.5 times its smallest spacing away (on a line one on either side, on a grid
    eight). Spacing is sqrt(sum_k d_k^2), d_k the geometry's distance along coordinate k alone:
    the straight line, and round the edge where distances wrap. Chance is the mean share over
    permutations of the clusters among the living neurons of each group, `shuffles` at first and
    then 20 at a time until `isolated_ratio_error` is at most 0.05, 400 at most: below 1, neurons
    that work together sit together. NaN where the clusters are undefined, and where chance
    isolates fewer than one neuron in twenty (version 1: nobody).
    """
    return np.array([math.nan if one is None else one.ratio for one in isolations(scored)])


@once
def isolations(scored: Scored) -> tuple[Isolation | None, ...]:
    """How many neurons of each member are isolated; None where the clusters are undefined."""
    return tuple(
        None if found is None else _isolation(scored, member, found)
        for member, found in enumerate(functions(scored))
    )


def _isolation(scored: Scored, member: int, found: Function) -> Isolation:
    generator = numpy_generator("metrics", "isolated_ratio", scored.seeds[member])
    own, *drawn = _isolated(scored, member, found, generator, scored.shuffles)
    isolation = Isolation(own, np.array(drawn), len(found.groups))
    while isolation.error > _ENOUGH and len(isolation.drawn) + _ROUND <= _MOST:
        more = _isolated(scored, member, found, generator, _ROUND)[1:]
        isolation = replace(isolation, drawn=np.concatenate([isolation.drawn, more]))
    return isolation


def _isolated(
    scored: Scored, member: int, found: Function, generator: np.random.Generator, draws: int
) -> Float64[np.ndarray, " draw"]:
    """How many neurons are isolated: in the member itself, then in each permutation."""
    isolated = np.zeros(1 + draws)
    for group in np.unique(found.groups):
        there = found.groups == group
        at = found.positions[there]
        near = _near(scored, member, scored.wiring.groups[group].name)[np.ix_(at, at)]
        labels = np.tile(found.clusters[there], (len(isolated), 1))
        labels[1:] = generator.permuted(labels[1:], axis=1)
        alike = labels[:, :, None] == labels[:, None, :]
        isolated += (~(alike & near).any(axis=2)).sum(axis=1)
    return isolated


def _near(scored: Scored, member: int, group: str) -> Bool[np.ndarray, "n n"]:
    """Which positions of a member's group are neighbours."""
    kept = _neighbourhoods(scored)
    spec = scored.population.geometries[member]
    if spec is None:
        raise InputError("isolated_ratio: these members were read without their geometry")
    if (spec, group) not in kept:
        places = scored.population.coordinates[group][member].cpu().double().numpy()
        kept[spec, group] = _neighbours(places, spec.distance)
    return kept[spec, group]


@once
def _neighbourhoods(_: Scored) -> dict[tuple[GeometrySpec, str], Bool[np.ndarray, "n n"]]:
    """Neighbours by geometry and group, as far as anybody has asked: members share them."""
    return {}


def _neighbours(
    places: Float64[np.ndarray, "n dimension"], distance: DistanceSettings
) -> Bool[np.ndarray, "n n"]:
    """Which positions are neighbours: others at most 1.5 times the smallest spacing away.

    A city-block distance alone would not tell the diagonal of a grid from the next but one of a
    row, both 2 spacings away; its parts along the coordinates do.
    """
    squares = np.zeros((len(places), len(places)))
    for k in range(places.shape[1]):
        along = np.full_like(places, 0.5)
        along[:, k] = places[:, k]
        squares += np.square(geometry.distances(along, along, distance))
    np.fill_diagonal(squares, np.inf)
    nearest = squares.min() if len(places) > 1 else -np.inf
    return squares <= _NEAR**2 * nearest


@once
@torch.no_grad()
def functions(scored: Scored) -> tuple[Function | None, ...]:
    """The functional clusters of each member; None for one whose neurons form a single module."""
    seen = _comparable(scored.probe(_ROWS))
    return tuple(
        None
        if graph is None or found is None
        else _function(scored, graph, found, {k: v[member] for k, v in seen.items()})
        for member, (graph, found) in enumerate(
            zip(graphs(scored), partitions(scored), strict=True)
        )
    )


def _comparable(questions: Questions) -> dict[str, Float64[np.ndarray, "member sample neuron"]]:
    """What hidden neurons send on, in samples that all groups share.

    Where some groups are active at more times or pixels than others, a row's mean over those.
    """
    seen = {name: one.double().numpy() for name, one in questions.activations().items()}
    if len({one.shape[1] for one in seen.values()}) > 1:
        rows = len(questions.inputs)
        seen = {k: v.reshape(len(v), rows, -1, v.shape[2]).mean(axis=2) for k, v in seen.items()}
    return seen


def _silenced(scored: Scored) -> Iterator[dict[str, Tensor]]:
    """Weights in which one hidden neuron of every member sends nothing on, neuron by neuron."""
    for group in scored.wiring.groups:
        if group.role != "hidden":
            continue
        for one in torch.eye(group.size, dtype=torch.bool):
            yield silenced(scored, {group.name: one[None]})


def _part_losses(
    scored: Scored, outputs: Tensor, targets: Tensor
) -> Float64[Tensor, "member part"]:
    """The loss of every output, or over the rows of every class (0 for a class without rows)."""
    if targets.is_floating_point():
        return output_losses(scored.task, outputs, targets)
    if targets.dim() > 1 or bool((targets < 0).any()):  # time steps, some without an answer
        outputs, targets = outputs.flatten(1, -2), targets.flatten()
        outputs, targets = outputs[:, targets >= 0], targets[targets >= 0]
    classes = torch.nn.functional.one_hot(targets, outputs.shape[2]).double()
    rows = row_losses(scored.task, outputs, targets)
    return rows @ classes / classes.sum(dim=0).clamp(min=1.0)


def _function(
    scored: Scored, graph: NeuronGraph, found: Partition, active: dict[str, np.ndarray]
) -> Function | None:
    names = [group.name for group in scored.wiring.groups]
    inside = np.array([names[g] in active for g in graph.groups])
    neurons = [
        active[names[g]][:, at]
        for g, at in zip(graph.groups[inside], graph.positions[inside], strict=True)
    ]
    modules = found.modules[inside]
    count = len(np.unique(modules))
    if count < 2 or not np.isfinite(neurons).all():
        return None
    clusters = _functional_clusters(np.array(neurons), count)
    return Function(graph.groups[inside], graph.positions[inside], modules, clusters)


def _functional_clusters(
    active: Float64[np.ndarray, "neuron row"], count: int
) -> Int64[np.ndarray, " neuron"]:
    """At most `count` clusters of neurons by average linkage on 1 - |corr|."""
    centred = active - active.mean(axis=1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, size, where=size > 1e-12, out=np.zeros_like(centred))
    # rounded: which neurons part first must not hang on the last bits
    distance = (1.0 - np.abs(unit @ unit.T)).clip(0.0, 1.0).round(9)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    return fcluster(tree, count, criterion="maxclust").astype(np.int64)
