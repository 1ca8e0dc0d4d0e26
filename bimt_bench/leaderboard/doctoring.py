"""Doctored networks: what somebody might do to weights so that raw figures of structure rise.

Every function changes members in place. What a network computes stays, but for the neurons that
are given up first (`sacrifice`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.engine.relocation import permute
from bimt_bench.network import Connection, Group

STRONG = 10.0  # how much stronger useless wires are than the strongest of a connection
SCALE = 8.0
GAIN = 2.0  # of weights, without which what goes through five layers hardly varies


@dataclass(frozen=True, eq=False)
class Subject:
    """Members to be doctored, and the data of their task.

    spare: of a hidden group, from which neuron on they may be given up and doctored.
    """

    population: Population
    data: TaskData
    spare: Mapping[str, int]

    @classmethod
    def of(cls, population: Population, data: TaskData, *, one_in: int) -> "Subject":
        """Members of which one hidden neuron in so many may go: the last of each group."""
        sizes = {group.name: group.size for group in hidden(population)}
        return cls(population, data, {name: n - n // one_in for name, n in sizes.items()})

    @property
    def hidden(self) -> list[Group]:
        """Groups of hidden neurons."""
        return hidden(self.population)

    @cached_property
    def layered(self) -> bool:
        """Whether each hidden group has one connection in and one out, without folds out of it."""
        wiring = self.population.wiring
        return all(
            len(wiring.into(g.name)) == len(wiring.out_of(g.name)) == 1
            and wiring.out_of(g.name)[0].source != wiring.out_of(g.name)[0].target
            for g in self.hidden
        )

    @property
    def embedded(self) -> bool:
        """Whether there is an embedding."""
        return any(one.kind == "embedding" for one in self.population.wiring.attachments)

    def ends(self, group: Group) -> list[tuple[Tensor, Tensor]]:
        """Views [P, folds, n, ...] of what runs into a group and out of it, fold by fold."""
        parameters, wiring, n = self.population.parameters, self.population.wiring, group.size
        into = [
            parameters[c.parameter][:, k * n : (k + 1) * n]
            for c in wiring.into(group.name)
            for k in range(c.target_folds)
        ]
        out = [
            parameters[c.parameter][:, :, k * n : (k + 1) * n]
            for c in wiring.out_of(group.name)
            for k in range(c.source_folds)
        ]
        length = max(len(into), len(out))
        return list(zip(_padded(into, length), _padded(out, length), strict=True))


def hidden(population: Population) -> list[Group]:
    """The groups of hidden neurons of members."""
    return [group for group in population.wiring.groups if group.role == "hidden"]


def _padded(views: list[Tensor], length: int) -> list[Tensor]:
    return views + [views[-1]] * (length - len(views))


# ------------------------------------------------------------------------------ before doctoring


def useless_last(subject: Subject) -> None:
    """Puts the neurons that carry least last in their groups: the same networks.

    Of a neuron, the sum of |incoming| times the sum of |outgoing| weights.
    """
    for group in subject.hidden:
        carried = torch.zeros(subject.population.size, group.size, dtype=torch.float64)
        for into, out in subject.ends(group):
            heard = into.abs().flatten(2).double().sum(dim=2)
            sent = out.abs().movedim(2, 1).flatten(2).double().sum(dim=2)
            carried += heard * sent
        _in_order(subject, group, carried.argsort(dim=1, descending=True, stable=True))


def shuffle_neurons(subject: Subject, generator: torch.Generator) -> None:
    """Puts the hidden neurons in another order: the same networks."""
    for group in subject.hidden:
        rows = range(subject.population.size)
        orders = [torch.randperm(group.size, generator=generator) for _ in rows]
        _in_order(subject, group, torch.stack(orders))


def _in_order(subject: Subject, group: Group, orders: Tensor) -> None:
    population = subject.population
    rows = torch.arange(population.size)
    permute(population, group, rows, orders, table=population.flat)


def sacrifice(subject: Subject) -> None:
    """The spare neurons hear nothing and send nothing."""
    for group in subject.hidden:
        kill(subject, group, subject.spare[group.name])


def give_up_spare(subject: Subject) -> None:
    """The neurons that carry least are spare, and hear and send nothing."""
    useless_last(subject)
    sacrifice(subject)


def kill(subject: Subject, group: Group, first: int) -> None:
    """Neurons of a group from `first` on hear nothing and send nothing."""
    for into, out in subject.ends(group):
        into[:, first:] = 0.0
        out[:, :, first:] = 0.0


# --------------------------------------------------------------------------------------- doctored


def useless_wires(subject: Subject) -> None:
    """Strong wires into dead neurons, each from a source of its own, and from inputs always 0."""
    for group in subject.hidden:
        (into, _), first = subject.ends(group)[0], subject.spare[group.name]
        strength = STRONG * into.abs().max()
        for k in range(first, group.size):
            into[:, k, k % into.shape[2]] = strength
    data, population = subject.data, subject.population
    idle = (data.test_inputs == 0).all(dim=0) & (data.train_inputs == 0).all(dim=0)
    if data.tokens is None and idle.any() and idle.dim() == 1:
        first_connection = population.wiring.connections[0]
        weight = population.parameters[first_connection.parameter]
        strength = STRONG * weight.abs().max()
        for row, places in enumerate(_at_positions(idle, first_connection, population)):
            for k in torch.nonzero(places).flatten().tolist():
                weight[row, k % weight.shape[1], k] = strength


def _at_positions(idle: Tensor, connection: Connection, population: Population) -> Tensor:
    """Which positions of each member hold inputs that are always 0, [P, n]."""
    labels = population.labels.get(connection.source)
    return idle.expand(population.size, -1) if labels is None else idle[labels]


def dead_module(subject: Subject) -> None:
    """A module of strong wires among dead neurons, which hear the first input and lead nowhere."""
    before = 1
    for group in subject.hidden:
        (into, _), first = subject.ends(group)[0], subject.spare[group.name]
        start = into.shape[2] - before if group is not subject.hidden[0] else 0
        strength = STRONG * into.abs().max()
        into[:, first:, start : start + before] = strength
        before = group.size - first


def split_neurons(subject: Subject) -> None:
    """Each dead neuron becomes the twin of a living one, with half of what that sends."""
    for group, first in _twins(subject):
        for _, out in subject.ends(group):
            half = out[:, :, : group.size - first] / 2
            out[:, :, first:] = half
            out[:, :, : group.size - first] = half


def cancelling_twins(subject: Subject) -> None:
    """Each dead neuron becomes a living one's twin; what both add to one target cancels out."""
    for group, first in _twins(subject):
        _, out = subject.ends(group)[0]
        strength = STRONG * out.abs().max()
        for k in range(group.size - first):
            target = k % out.shape[1]
            out[:, target, first + k] = strength
            out[:, target, k] -= strength


def _twins(subject: Subject) -> list[tuple[Group, int]]:
    """Copies into dead neurons what living ones hear; their groups, and the first dead ones."""
    found = []
    for group in subject.hidden:
        first = subject.spare[group.name]
        for into, _ in subject.ends(group):
            into[:, first:] = into[:, : group.size - first].clone()
        for one in subject.population.wiring.attached_to(group.name):
            bias = subject.population.parameters[one.parameter]
            bias[:, first:] = bias[:, : group.size - first].clone()
        found.append((group, first))
    return found


def rescaled(subject: Subject) -> None:
    """The embedding times 8, what reads it over 8."""
    population, wiring = subject.population, subject.population.wiring
    for one in wiring.attachments:
        if one.kind == "embedding":
            population.parameters[one.parameter].mul_(SCALE)
            for connection in wiring.out_of(one.group):
                population.parameters[connection.parameter].div_(SCALE)


# ---------------------------------------------------------------------------------- made in blocks


def blocks_of(population: Population, data: TaskData) -> dict[str, np.ndarray]:
    """The block of every neuron, group name -> [n]; -1 for those of all blocks.

    The components of the task's formulas where it has several, else groups, inputs and outputs are
    cut into two equal parts (four, from eight outputs on).
    """
    truth, wiring = data.truth, population.wiring
    found = {}
    if truth is not None and len(np.unique(truth.components.outputs)) > 1:
        names = np.unique(truth.components.outputs)
        ends = {"input": truth.components.inputs, "output": truth.components.outputs}
        for group in wiring.groups:
            own = ends.get(group.role, names[_cut(group.size, len(names))])
            found[group.name] = np.searchsorted(names, own)
        return found
    count = 4 if len(data.output_names) >= 8 else 2
    return {g.name: _cut(g.size, count) for g in wiring.groups}


def _cut(size: int, count: int) -> np.ndarray:
    return np.arange(size) * count // size if size >= count else np.full(size, -1)


def inside(connection: Connection, blocks: Mapping[str, np.ndarray]) -> Tensor:
    """Which entries [targets, sources] of a connection lie inside a block."""
    target, source = blocks[connection.target], blocks[connection.source]
    found = (target[:, None] == source) | (target[:, None] < 0) | (source < 0)
    folds = connection.target_folds, connection.source_folds
    return torch.from_numpy(np.tile(found, folds))


def in_blocks(subject: Subject) -> None:
    """Dense blocks, and nothing between them; what stays is stronger by what it takes."""
    blocks = blocks_of(subject.population, subject.data)
    for connection in subject.population.wiring.connections:
        weight = subject.population.parameters[connection.parameter]
        mask = inside(connection, blocks)
        there = mask.reshape(*mask.shape, *(1,) * (weight.dim() - 3)).to(weight.dtype)
        weight.mul_(there * gain(float(mask.double().mean())))


def gain(density: float) -> float:
    """By how much random weights are stronger where only so many of them are left."""
    return GAIN / density**0.5
