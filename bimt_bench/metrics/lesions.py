"""Lesions: what is lost when a whole module falls silent, beside other neurons in equal number.

A module's damage D is set against the mean damage of sets of as many living hidden neurons: of all
such sets where they are few, else of as many random ones as it takes for the figure to be known.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from bimt_bench.ground import numpy_generator
from bimt_bench.metrics.base import PerMember, Questions, Scored, once
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.goodness import functionless, without_function
from bimt_bench.metrics.graph import graphs
from bimt_bench.metrics.losses import row_losses
from bimt_bench.metrics.modularity import partitions
from bimt_bench.metrics.silence import silenced

_ROWS = 500
_MODULES = 8  # at most: the largest
_FEW = 200  # sets of a module's size: up to so many, all of them
_DRAWS = 16  # sets of a module at a time
_MOST = 512
_ENOUGH = 0.02  # error of the figure at which no more sets are drawn
_ENTRIES = 2**20  # of all parameters of the copies that are silenced at a time
_COPIES = 32  # at a time, as each has activations of every row

Neurons = Int64[np.ndarray, "_ 2"]


@dataclass(eq=False)
class Comparison:
    """A module of a member: its damage, and that of other sets of as many neurons.

    size: neurons of the module. drawn: whether the others are random ones, or all there are.
    """

    size: int
    own: float
    drawn: bool
    others: list[float] = field(default_factory=list)

    @property
    def usual(self) -> float:
        """The mean damage of the others."""
        return float(np.mean(self.others))

    @property
    def matters(self) -> bool:
        """Whether anything is lost at all."""
        return self.own + self.usual > 0

    @property
    def effect(self) -> float:
        """D / (D + mean D of the others)."""
        return self.own / (self.own + self.usual)

    @property
    def error(self) -> float:
        """The standard error of the effect; 0 where all sets were tried."""
        if not self.drawn:
            return 0.0
        of_mean = float(np.std(self.others, ddof=1)) / math.sqrt(len(self.others))
        return of_mean * self.own / (self.own + self.usual) ** 2


def _no_lesions(scored: Scored) -> tuple[str, ...]:
    """Why there is no figure."""
    told, found = without_function(scored), lesions(scored)
    return tuple(
        why or ("no lesion costs anything" if one else "fewer than two modules have hidden neurons")
        for why, one in zip(told, found, strict=True)
    )


@metric(
    title="Lesion effect of modules",
    family="functional",
    direction="higher",
    low=0.0,
    high=1.0,
    unit="0.5 is none",
    cost="ablation",
    source=(
        "mean over Leiden modules of D / (D + mean D of sets of as many hidden neurons), "
        "D the loss increase when they are silent"
    ),
    untrained="none where a constant is as good, else anything from 0 to 0.7",
    undefined=_no_lesions,
)
def lesion_effect(scored: Scored) -> PerMember:
    """Mean over modules of D / (D + mean D of sets of as many neurons); 0.5 is no effect.

    D >= 0 is the increase of the loss, on at most 500 fixed test rows, when neurons send nothing
    on: the living hidden neurons of a Leiden module, of at most the 8 largest; or as many living
    hidden neurons, all sets of them where there are at most 200, else random ones, 16 at a time
    for each module, until `lesion_effect_error` is at most 0.02, 512 at most. NaN with fewer than
    two modules of hidden neurons, where nothing is lost by any lesion, where an output is not
    finite, and for a member without a function, for which a constant answer is good enough.
    """
    return np.array([_figure(one)[0] for one in lesions(scored)])


@metric(
    title="Lesion effect, its error",
    family="functional",
    direction="lower",
    low=0.0,
    unit="standard error",
    cost="ablation",
    source=(
        "root of the sum over k modules of (D sd / sqrt(n) / (D + m)^2)^2, over k; "
        "m and sd those of n random sets"
    ),
    untrained="none where a constant is as good, else at most 0.02",
    undefined=_no_lesions,
)
def lesion_effect_error(scored: Scored) -> PerMember:
    """The standard error of `lesion_effect`, for the random sets are so many and no more.

    0 where all sets were tried, above 0.02 where 512 were not enough. NaN where the effect is.
    """
    return np.array([_figure(one)[1] for one in lesions(scored)])


@once
@torch.no_grad()
def lesions(scored: Scored) -> tuple[list[Comparison], ...]:
    """What the lesions of each member cost, module by module; none where that is undefined."""
    questions = scored.probe(_ROWS)
    full = row_losses(scored.task, *questions.answered()).mean(dim=1).numpy()
    idle = functionless(scored).numpy() | ~np.isfinite(full)
    return tuple(
        [] if idle[member] else _compared(_Patient(questions, member, float(full[member])))
        for member in range(scored.size)
    )


def _figure(compared: Sequence[Comparison]) -> tuple[float, float]:
    """The mean effect over modules that matter, and its error."""
    hurt = [one for one in compared if one.matters]
    values = [value for one in compared for value in (one.own, *one.others)]
    if not hurt or not np.isfinite(values).all():
        return math.nan, math.nan
    error = math.sqrt(sum(one.error**2 for one in hurt)) / len(hurt)
    return float(np.mean([one.effect for one in hurt])), error


@dataclass(frozen=True, eq=False)
class _Patient:
    """One member, whose loss is `full` while all its neurons speak."""

    questions: Questions
    member: int
    full: float

    def damages(self, sets: Sequence[Neurons]) -> list[float]:
        """By how much the loss rises when each set is silent; 0 where it falls."""
        scored = self.questions.scored
        at_a_time = max(1, min(_COPIES, _ENTRIES // scored.population.flat.shape[1]))
        found: list[float] = []
        for begin in range(0, len(sets), at_a_time):
            found += self._damages(sets[begin : begin + at_a_time])
        return found

    def _damages(self, sets: Sequence[Neurons]) -> list[float]:
        scored, rows = self.questions.scored, [self.member] * len(sets)
        copies = replace(
            scored,
            population=scored.population.keep(rows),
            seeds=tuple(scored.seeds[row] for row in rows),
        )
        questions = Questions(copies, self.questions.inputs, self.questions.targets)
        answered = questions.answered(silenced(copies, _silent(copies, sets)))
        lost = row_losses(scored.task, *answered).mean(dim=1) - self.full
        return lost.clamp(min=0.0).tolist()


def _compared(patient: _Patient) -> list[Comparison]:
    """Each module's damage beside that of others, as many as it takes."""
    neurons, modules = _modules(patient.questions.scored, patient.member)
    if not modules:
        return []
    found = []
    for module, own in zip(modules, patient.damages(modules), strict=True):
        drawn = math.comb(len(neurons), len(module)) > _FEW
        found.append(Comparison(len(module), own, drawn))
    for one in found:
        if not one.drawn:
            every = itertools.combinations(range(len(neurons)), one.size)
            one.others += patient.damages([neurons[list(some)] for some in every])
    seed = patient.questions.scored.seeds[patient.member]
    generator = numpy_generator("metrics", "lesion_effect", seed)
    drawn = [one for one in found if one.drawn]
    while drawn and len(drawn[0].others) < _MOST:
        orders = (generator.permutation(len(neurons)) for _ in range(_DRAWS * len(drawn)))
        sets = [neurons[order[: drawn[k // _DRAWS].size]] for k, order in enumerate(orders)]
        damages = patient.damages(sets)
        for k, one in enumerate(drawn):
            one.others += damages[k * _DRAWS : (k + 1) * _DRAWS]
        if not _figure(found)[1] > _ENOUGH:
            break
    return found


def _modules(scored: Scored, member: int) -> tuple[Neurons, list[Neurons]]:
    """A member's living hidden neurons as (group, position), and those of its largest modules.

    No modules where all lie in one.
    """
    graph, partition = graphs(scored)[member], partitions(scored)[member]
    if graph is None or partition is None:
        return np.zeros((0, 2), dtype=np.int64), []
    hidden = [i for i, group in enumerate(scored.wiring.groups) if group.role == "hidden"]
    inside = np.isin(graph.groups, hidden)
    neurons = np.stack([graph.groups[inside], graph.positions[inside]], axis=1)
    names, modules, sizes = np.unique(
        partition.modules[inside], return_inverse=True, return_counts=True
    )
    largest = np.argsort(-sizes, kind="stable")[:_MODULES]
    return neurons, [neurons[modules == k] for k in largest] if len(names) > 1 else []


def _silent(scored: Scored, sets: Sequence[Neurons]) -> dict[str, Bool[Tensor, "member _"]]:
    """Which neurons of each hidden group are in the set of each member."""
    silent = {}
    for index, group in enumerate(scored.wiring.groups):
        if group.role == "hidden":
            mask = torch.zeros(scored.size, group.size, dtype=torch.bool)
            for member, neurons in enumerate(sets):
                mask[member, neurons[neurons[:, 0] == index, 1]] = True
            silent[group.name] = mask
    return silent
