"""What a metric sees (one trained population) and what a metric is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.ground import numpy_generator
from bimt_bench.metrics.needs import Need
from bimt_bench.network import Wiring
from bimt_bench.spec import TaskSpec

PerMember = Float64[np.ndarray, " member"]
Found = TypeVar("Found")

# Rows of data evaluated at a time, times members: bounds an activation [P, rows, width].
_ROWS_TIMES_MEMBERS = 2**16


@dataclass(frozen=True, eq=False)
class Scored:
    """One trained population with its task and data: all that a metric may look at.

    population: parameters, labels, coordinates and distances of the members, and what runs them;
        `outputs` is differentiable in float inputs (forward mode too).
    seeds: the members' seeds; null models draw from them, never from a member's place.
    shuffles: null-model draws of each member.
    """

    task: TaskSpec
    data: TaskData
    population: Population
    seeds: tuple[int, ...]
    shuffles: int = 20

    @property
    def wiring(self) -> Wiring:
        """Groups, connections and attachments of the members."""
        return self.population.wiring

    @property
    def weights(self) -> dict[str, Float[Tensor, "member _ _"]]:
        """Connection parameter -> [P, target_folds * target, source_folds * source]."""
        return self.population.weights

    @property
    def size(self) -> int:
        """The number of members, P."""
        return len(self.seeds)

    @property
    def rows(self) -> int:
        """Rows of data to evaluate at a time, so that memory stays bounded in P."""
        return max(1, _ROWS_TIMES_MEMBERS // self.size)

    def inputs(self, raw: Tensor) -> Tensor:
        """Data as the model takes it: tokens as they are, features scaled in the weights' dtype."""
        flat = self.population.flat
        if self.data.tokens is not None:
            return raw.to(flat.device)
        return raw.to(flat.device, flat.dtype) * self.data.scale

    @torch.no_grad()
    def evaluate(self, raw: Tensor) -> Float[Tensor, "member row output"]:
        """Outputs [P, n, outputs] on the CPU for n rows of data, computed in chunks."""
        chunks = [
            self.population.outputs(self.inputs(chunk)).cpu() for chunk in raw.split(self.rows)
        ]
        return torch.cat(chunks, dim=1)

    @cached_property
    def test_outputs(self) -> Float[Tensor, "member row output"]:
        """Outputs [P, n, outputs] on the test data, computed once for all metrics."""
        return self.evaluate(self.data.test_inputs)

    def probe(self, most: int) -> tuple[Tensor, Tensor]:
        """Test inputs as the model takes them and targets (on the CPU), at most `most` rows.

        Of a larger test set a fixed random choice, the same for every member, pack and metric.
        """
        inputs, targets = self.data.test_inputs, self.data.test_targets
        if len(inputs) > most:
            generator = numpy_generator("metrics", "probe", len(inputs))
            chosen = torch.from_numpy(np.sort(generator.permutation(len(inputs))[:most]))
            inputs, targets = inputs[chosen], targets[chosen]
        return self.inputs(inputs), targets.cpu()


@dataclass(frozen=True)
class Metric:
    """A measurement of trained members, with what a reader must know to compare its values.

    low, high: the range of its values, perhaps infinite. source: where it comes from, with its
    equation. need: what a task must have for the metric to be defined, if anything.
    compute: a scored population -> float64 [P]; NaN where the metric is undefined.
    """

    name: str
    family: str
    title: str
    direction: Literal["higher", "lower"]
    low: float
    high: float
    unit: str
    cost: Literal["cheap", "graph", "pruning", "ablation"]
    source: str
    compute: Callable[[Scored], PerMember]
    need: Need | None = None


def per_member(values: Tensor) -> PerMember:
    """A tensor [P] as float64 numpy."""
    return values.detach().cpu().double().numpy()


def ratio(over: Tensor, under: Tensor) -> Tensor:
    """One over the other, NaN where `under` is 0: a share of nothing is undefined, not infinite."""
    return torch.where(under == 0, torch.nan, over / under)


def sums(
    of: Int64[np.ndarray, "*draw entry"], values: Float64[np.ndarray, "draw entry"], size: int
) -> Float64[np.ndarray, "draw {size}"]:
    """The values of every draw, summed over the entries of each number below `size`."""
    draws = len(values)
    cells = of + size * np.arange(draws)[:, None]
    return np.bincount(cells.ravel(), values.ravel(), minlength=draws * size).reshape(draws, size)


def once(compute: Callable[[Scored], Found]) -> Callable[[Scored], Found]:
    """Remembers what `compute` found for a scored population, for as long as that lives.

    For what several metrics are made of: graphs, partitions, pruning curves.
    """
    found: WeakKeyDictionary[Scored, Found] = WeakKeyDictionary()

    @wraps(compute)
    def remembered(scored: Scored) -> Found:
        if scored not in found:
            found[scored] = compute(scored)
        return found[scored]

    return remembered
