"""Lesions: what is lost when a whole module falls silent, beside random neurons in equal number."""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from bimt_bench.ground import numpy_generator
from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.graph import graphs
from bimt_bench.metrics.losses import row_losses
from bimt_bench.metrics.modularity import partitions
from bimt_bench.metrics.silence import silenced

_ROWS = 500
_MODULES = 8  # at most: the largest
_RANDOM = 5  # random sets of neurons for each module
_NOBODY = np.zeros((0, 2), dtype=np.int64)


@metric(
    title="Lesion effect of modules",
    family="functional",
    direction="higher",
    low=0.0,
    high=1.0,
    unit="0.5 is none",
    cost="ablation",
    source=(
        "mean over Leiden modules of D / (D + mean D of random sets of as many hidden "
        "neurons), D the loss increase when they are silent"
    ),
    untrained="anything from 0 to 0.7: it has no function",
)
@torch.no_grad()
def lesion_effect(scored: Scored) -> PerMember:
    """Mean over modules of D / (D + mean D of random sets of as many neurons); 0.5 is no effect.

    D >= 0 is the increase of the loss, on at most 500 fixed test rows, when neurons send nothing
    on: the living hidden neurons of a Leiden module, of at most the 8 largest; or 5 random sets
    of as many living hidden neurons. NaN with fewer than two modules of hidden neurons, where
    nothing is lost by any lesion, and where an output is not finite.
    """
    sets = [_sets(scored, member) for member in range(scored.size)]
    damage = np.zeros((max((len(s) for s in sets), default=0), scored.size))
    questions = scored.probe(_ROWS)
    full = row_losses(scored.task, *questions.answered()).mean(dim=1)
    for lesion, row in enumerate(damage):
        silent = _silent(scored, [s[lesion] if lesion < len(s) else _NOBODY for s in sets])
        answered = questions.answered(silenced(scored, silent))
        row[:] = row_losses(scored.task, *answered).mean(dim=1) - full
    values = [_effect(damage[: len(s), member]) for member, s in enumerate(sets)]
    return np.array(values, dtype=np.float64)


def _sets(scored: Scored, member: int) -> list[Int64[np.ndarray, "neuron 2"]]:
    """Lesions of a member as (group, position) pairs: each module, then its random sets."""
    graph, partition = graphs(scored)[member], partitions(scored)[member]
    if graph is None or partition is None:
        return []
    hidden = [i for i, group in enumerate(scored.wiring.groups) if group.role == "hidden"]
    inside = np.isin(graph.groups, hidden)
    neurons = np.stack([graph.groups[inside], graph.positions[inside]], axis=1)
    names, modules, sizes = np.unique(
        partition.modules[inside], return_inverse=True, return_counts=True
    )
    if len(names) < 2:
        return []
    generator = numpy_generator("metrics", "lesion_effect", scored.seeds[member])
    found = []
    for module in np.argsort(-sizes, kind="stable")[:_MODULES]:
        found.append(neurons[modules == module])
        orders = (generator.permutation(len(neurons)) for _ in range(_RANDOM))
        found += [neurons[order[: sizes[module]]] for order in orders]
    return found


def _silent(
    scored: Scored, sets: list[Int64[np.ndarray, "_ 2"]]
) -> dict[str, Bool[Tensor, "member _"]]:
    """Which neurons of each hidden group are in the set of each member."""
    silent = {}
    for index, group in enumerate(scored.wiring.groups):
        if group.role == "hidden":
            mask = torch.zeros(scored.size, group.size, dtype=torch.bool)
            for member, neurons in enumerate(sets):
                mask[member, neurons[neurons[:, 0] == index, 1]] = True
            silent[group.name] = mask
    return silent


def _effect(damage: Float64[np.ndarray, " lesion"]) -> float:
    """The mean effect over modules, given the damage of each module and of its random sets."""
    if len(damage) == 0 or not np.isfinite(damage).all():
        return math.nan
    lost = damage.clip(min=0.0).reshape(-1, 1 + _RANDOM)
    own, usual = lost[:, 0], lost[:, 1:].mean(axis=1)
    hurt = own + usual > 0
    return float((own[hurt] / (own + usual)[hurt]).mean()) if hurt.any() else math.nan
