"""What a metric sees: one trained population, asked on the data of its task."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.ground import numpy_generator
from bimt_bench.network import Role, Wiring
from bimt_bench.spec import TaskSpec

PerMember = Float64[np.ndarray, " member"]
Found = TypeVar("Found")

# Rows of data evaluated at a time, and those times members: bound an activation [P, rows, width].
# How many rows is no matter of how many members there are, nor then are the bits of a member.
_ROWS = 1024
_ROWS_TIMES_MEMBERS = 2**16


@dataclass(frozen=True, eq=False)
class Scored:
    """One trained population with its task and data: all that a metric may look at.

    population: parameters, labels, coordinates and distances of the members, and what runs them;
        `outputs` is differentiable in float inputs (forward mode too). Not to be changed.
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
    def weights(self) -> dict[str, Float[Tensor, "member _ _ *window"]]:
        """Connection parameter -> [P, target_folds * target, source_folds * source, *window]."""
        return self.population.weights

    @cached_property
    @torch.no_grad()
    def strengths(self) -> dict[str, Float[Tensor, "member _ _"]]:
        """Connection parameter -> |W|, summed over the window: [P, targets, sources]."""
        connections = self.wiring.connections
        return {c.parameter: self.population.strengths(c) for c in connections}

    @property
    def size(self) -> int:
        """The number of members, P."""
        return len(self.seeds)

    def alone(self, member: int) -> "Scored":
        """The same of one member, copied."""
        kept = self.population.keep([member])
        return replace(self, population=kept, seeds=(self.seeds[member],))

    @cached_property
    @torch.no_grad()
    def positions(self) -> int:
        """At how many times or pixels a sample makes a hidden neuron active; 1 without such."""
        seen = self.population.activations(self.inputs(self.data.test_inputs[:1]))
        return max((active.shape[1] for active in seen.values()), default=1)

    @property
    def rows(self) -> int:
        """Rows of data to evaluate at a time, whatever the number of members."""
        return max(1, min(_ROWS, _ROWS_TIMES_MEMBERS // self.positions))

    @property
    def blocks(self) -> list[slice]:
        """Members to evaluate at a time, so that memory stays bounded in P."""
        most = max(1, _ROWS_TIMES_MEMBERS // (self.rows * self.positions))
        return [slice(first, first + most) for first in range(0, self.size, most)]

    def inputs(self, raw: Tensor) -> Tensor:
        """Data as the model takes it: tokens as they are, features scaled in the weights' dtype."""
        flat = self.population.flat
        if self.data.tokens is not None:
            return raw.to(flat.device)
        return raw.to(flat.device, flat.dtype) * self.data.scale

    def ask(self, raw: Tensor, targets: Tensor) -> "Questions":
        """Rows of data as questions to the members."""
        return Questions(self, self.inputs(raw), targets.cpu())

    @cached_property
    def test_outputs(self) -> Float[Tensor, "member row *time output"]:
        """Outputs on the test data, on the CPU, computed once for all metrics."""
        return self.ask(self.data.test_inputs, self.data.test_targets).answered()[0]

    def probe(self, most: int) -> "Questions":
        """At most `most` rows of the test data.

        Of a larger test set a fixed random choice, the same for every member, pack and metric.
        """
        inputs, targets = self.data.test_inputs, self.data.test_targets
        if len(inputs) > most:
            generator = numpy_generator("metrics", "probe", len(inputs))
            chosen = torch.from_numpy(np.sort(generator.permutation(len(inputs))[:most]))
            inputs, targets = inputs[chosen], targets[chosen]
        return self.ask(inputs, targets)

    def ends(self, role: Role) -> Int64[Tensor, "member end"]:
        """Where each input or output of the task stands among the neurons of a role.

        Neurons are counted through all groups of that role, in the wiring's order.
        """
        found, before = [], 0
        for group in self.wiring.groups:
            if group.role != role:
                continue
            labels = self.population.labels.get(group.name)
            own = torch.arange(group.size).expand(self.size, -1)
            found.append(before + (own if labels is None else labels.cpu().argsort(dim=1)))
            before += group.size
        return torch.cat(found, dim=1)


@dataclass(frozen=True, eq=False)
class Questions:
    """Rows of data that members are asked, with their own weights or with others.

    inputs: as the model takes them. targets: on the CPU, an answer a row or a time step; a number
    that is NaN and a class below 0 is none.
    """

    scored: Scored
    inputs: Tensor
    targets: Tensor

    @torch.no_grad()
    def chunks(
        self, weights: Mapping[str, Tensor] | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Outputs [P, rows(, time), outputs] and targets, on the CPU, of a few rows at a time.

        `weights` stand in the place of the parameters they name.
        """
        outputs, rows = self.scored.population.outputs_with, self.scored.rows
        parts = zip(self.inputs.split(rows), self.targets.split(rows), strict=True)
        for inputs, targets in parts:
            found = [outputs(weights or {}, inputs, rows=block) for block in self.scored.blocks]
            yield torch.cat(found).cpu(), targets

    def answered(self, weights: Mapping[str, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Outputs and targets as `chunks`, of all rows."""
        outputs, targets = zip(*self.chunks(weights), strict=True)
        if len(outputs) == 1:  # as it lies in memory: sums over it keep their bits
            return outputs[0], targets[0]
        return torch.cat(outputs, dim=1), torch.cat(targets)

    @torch.no_grad()
    def activations(self) -> dict[str, Float[Tensor, "member sample neuron"]]:
        """What hidden neurons send on, on the CPU; times and pixels are samples of their row."""
        activations = self.scored.population.activations
        parts = self.inputs.split(self.scored.rows)
        found = [[activations(part, rows=r) for part in parts] for r in self.scored.blocks]
        return {
            name: torch.cat([torch.cat([one[name].cpu() for one in of], dim=1) for of in found])
            for name in found[0][0]
        }


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


def numbered(
    values: Int64[np.ndarray, " entry"],
) -> tuple[Int64[np.ndarray, " value"], Int64[np.ndarray, " entry"]]:
    """The different values, ascending, and the place of each entry among them.

    As `np.unique` with its inverse, without a sort: for small whole numbers from 0 on.
    """
    there = np.bincount(values) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[values]


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
