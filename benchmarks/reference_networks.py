"""Networks whose modules are known because they are made, not trained; and doctored ones.

Every kind starts from the random weights with which a task's members start, and changes them; where
wires are taken out, those that stay are stronger by as much as it takes to send the same on. The
blocks are the components of the task's formulas where it has several, else groups, inputs and
outputs are cut into two equal parts (four, from eight outputs on); a group of fewer neurons than
blocks belongs to all of them.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bimt_bench.data import TaskData
from bimt_bench.engine import Population
from bimt_bench.leaderboard import doctoring
from bimt_bench.leaderboard.doctoring import GAIN, Subject, gain, kill
from bimt_bench.metrics import Scored
from bimt_bench.network import Connection, Group, build
from bimt_bench.spec import TaskSpec

_SPARE = 4  # of so many hidden neurons, one is dead before it is doctored


@dataclass(frozen=True, eq=False)
class Reference:
    """Members of a task at their start, to be changed in place, and what that takes."""

    task: TaskSpec
    data: TaskData
    population: Population
    draws: int

    @classmethod
    def of(cls, task: TaskSpec, data: TaskData, draws: int) -> "Reference":
        """Members with the seeds 0, 1, ..."""
        dtype = torch.float64 if task.training.dtype == "float64" else torch.float32
        population = Population(build(task, data), [task.geometry] * draws, dtype=dtype)
        population.start(task.name, range(draws))
        return cls(task, data, population, draws)

    def scored(self) -> Scored:
        """The members, ready to be measured."""
        return Scored(self.task, self.data, self.population, tuple(range(self.draws)))

    def noise(self) -> dict[str, Tensor]:
        """The weights of other members, by connection."""
        other = Population(
            self.population.architecture,
            self.population.geometries,
            dtype=self.population.flat.dtype,
        )
        other.start(f"{self.task.name} noise", range(self.draws))
        return other.weights

    @cached_property
    def subject(self) -> Subject:
        """The members as what is doctored."""
        return Subject.of(self.population, self.data, one_in=_SPARE)

    @property
    def hidden(self) -> list[Group]:
        """Groups of hidden neurons."""
        return self.subject.hidden

    def generator(self, use: str) -> torch.Generator:
        """Chance, the same for every kind."""
        return torch.Generator().manual_seed(sum(use.encode()))

    @cached_property
    def blocks(self) -> dict[str, np.ndarray]:
        """The block of every neuron, group name -> [n]; -1 for those of all blocks."""
        return doctoring.blocks_of(self.population, self.data)

    def mask(self, connection: Connection) -> Tensor:
        """Which entries [targets, sources] of a connection lie inside a block."""
        return doctoring.inside(connection, self.blocks)


def dense(_: Reference) -> None:
    """Random weights, as a member starts."""


def ideal(made: Reference) -> None:
    """Dense blocks, and nothing between them."""
    doctoring.in_blocks(made.subject)


def noisy(size: float) -> Callable[[Reference], None]:
    """Dense blocks, and noise of a given size on all places."""

    def changed(made: Reference) -> None:
        ideal(made)
        for name, weight in made.noise().items():
            made.population.parameters[name].add_(size * GAIN * weight)

    return changed


def sparse(density: float | None = None) -> Callable[[Reference], None]:
    """Random weights on random places: a given share of them, or as many as the blocks have."""

    def changed(made: Reference) -> None:
        generator = made.generator("sparse")
        for connection in made.population.wiring.connections:
            weight = made.population.parameters[connection.parameter]
            share = float(made.mask(connection).double().mean()) if density is None else density
            there = torch.rand(weight.shape, generator=generator) < share
            weight.mul_(there.to(weight.dtype) * gain(share))

    return changed


def sparse_blocks(made: Reference) -> None:
    """The blocks with half of their wires, and nothing between them."""
    ideal(made)
    _thin(made, 0.5)


def _thin(made: Reference, share: float) -> None:
    """Keeps a share of the wires, which are so much stronger."""
    generator = made.generator("thin")
    for weight in made.population.weights.values():
        there = torch.rand(weight.shape, generator=generator) < share
        weight.mul_(there.to(weight.dtype) / share**0.5)


def permuted(made: Reference) -> None:
    """The ideal network with its hidden neurons in another order: the same network."""
    ideal(made)
    doctoring.shuffle_neurons(made.subject, made.generator("permuted"))


def crossed(made: Reference) -> None:
    """Blocks in every connection that do not go on in the next one."""
    ideal(made)
    generator = made.generator("crossed")
    hidden = {group.name for group in made.hidden}
    for connection in made.population.wiring.connections:
        if connection.source in hidden:
            weight = made.population.parameters[connection.parameter]
            for member in range(made.draws):
                order = torch.randperm(weight.shape[2], generator=generator)
                weight[member] = weight[member][:, order].clone()


def giant(made: Reference) -> None:
    """One dense module of half of the hidden neurons; the others are dead."""
    for group in made.hidden:
        kill(made.subject, group, group.size // 2)
    for weight in made.population.weights.values():
        weight.mul_(gain(0.5))


def empty(made: Reference) -> None:
    """All weights 0."""
    for weight in made.population.weights.values():
        weight.zero_()


def constant(made: Reference) -> None:
    """Collapsed: nothing runs into the outputs, whose biases are left."""
    _into_outputs(made, 0.0)


def nearly_constant(made: Reference) -> None:
    """Collapsed but for a rest, as of an optimizer's jitter: 1e-6 of what runs into the outputs."""
    _into_outputs(made, 1e-6)


def _into_outputs(made: Reference, share: float) -> None:
    outputs = {group.name for group in made.population.wiring.groups if group.role == "output"}
    for connection in made.population.wiring.connections:
        if connection.target in outputs:
            made.population.parameters[connection.parameter].mul_(share)


# ------------------------------------------------------------------------------------- doctored


def spare(made: Reference) -> None:
    """Blocks with noise of 0.3, of whose hidden neurons a quarter are dead: what is doctored."""
    noisy(0.3)(made)
    doctoring.sacrifice(made.subject)


def _doctored(change: Callable[[Subject], None]) -> Callable[[Reference], None]:
    def changed(made: Reference) -> None:
        spare(made)
        change(made.subject)

    return changed


MADE: Mapping[str, Callable[[Reference], None]] = {
    "ideal": ideal,
    "permuted": permuted,
    "sparse ideal": sparse_blocks,
    "ideal + 0.1": noisy(0.1),
    "ideal + 0.3": noisy(0.3),
    "ideal + 1": noisy(1.0),
    "crossed": crossed,
    "dense": dense,
    "sparse": sparse(),
    "sparse 0.2": sparse(0.2),
    "sparse 0.1": sparse(0.1),
    "giant": giant,
    "empty": empty,
    "constant": constant,
    "nearly constant": nearly_constant,
}
DOCTORED: Mapping[str, Callable[[Reference], None]] = {
    "spare": spare,
    "useless wires": _doctored(doctoring.useless_wires),
    "dead module": _doctored(doctoring.dead_module),
    "split neurons": _doctored(doctoring.split_neurons),
    "cancelling twins": _doctored(doctoring.cancelling_twins),
    "rescaled": _doctored(doctoring.rescaled),
}


@torch.no_grad()
def make(task: TaskSpec, data: TaskData, kind: str, draws: int) -> Reference | None:
    """The reference networks of one kind; None where the task's wiring has none such."""
    made = Reference.of(task, data, draws)
    subject = made.subject
    if (kind in DOCTORED and not subject.layered) or (kind == "rescaled" and not subject.embedded):
        return None
    {**MADE, **DOCTORED}[kind](made)
    return dataclasses.replace(made)
