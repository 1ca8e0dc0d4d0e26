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
from bimt_bench.engine.relocation import permute
from bimt_bench.metrics import Scored
from bimt_bench.network import Connection, Group, build
from bimt_bench.spec import TaskSpec

_STRONG = 10.0  # how much stronger useless wires are than the strongest of a connection
_SPARE = 4  # of so many hidden neurons, one is dead before it is doctored
_SCALE = 8.0
_GAIN = 2.0  # of weights, without which what goes through five layers hardly varies


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
    def hidden(self) -> list[Group]:
        """Groups of hidden neurons."""
        return [group for group in self.population.wiring.groups if group.role == "hidden"]

    @cached_property
    def layered(self) -> bool:
        """Whether each hidden group has one connection in and one out, without folds out of it."""
        wiring = self.population.wiring
        return all(
            len(wiring.into(g.name)) == len(wiring.out_of(g.name)) == 1
            and wiring.out_of(g.name)[0].source != wiring.out_of(g.name)[0].target
            for g in self.hidden
        )

    def generator(self, use: str) -> torch.Generator:
        """Chance, the same for every kind."""
        return torch.Generator().manual_seed(sum(use.encode()))

    @cached_property
    def blocks(self) -> dict[str, np.ndarray]:
        """The block of every neuron, group name -> [n]; -1 for those of all blocks."""
        truth, wiring = self.data.truth, self.population.wiring
        found = {}
        if truth is not None and len(np.unique(truth.components.outputs)) > 1:
            names = np.unique(truth.components.outputs)
            ends = {"input": truth.components.inputs, "output": truth.components.outputs}
            for group in wiring.groups:
                own = ends.get(group.role, names[_cut(group.size, len(names))])
                found[group.name] = np.searchsorted(names, own)
            return found
        count = 4 if len(self.data.output_names) >= 8 else 2
        return {g.name: _cut(g.size, count) for g in wiring.groups}

    def mask(self, connection: Connection) -> Tensor:
        """Which entries [targets, sources] of a connection lie inside a block."""
        target, source = self.blocks[connection.target], self.blocks[connection.source]
        inside = (target[:, None] == source) | (target[:, None] < 0) | (source < 0)
        folds = connection.target_folds, connection.source_folds
        return torch.from_numpy(np.tile(inside, folds))


def _cut(size: int, count: int) -> np.ndarray:
    return np.arange(size) * count // size if size >= count else np.full(size, -1)


def dense(_: Reference) -> None:
    """Random weights, as a member starts."""


def ideal(made: Reference) -> None:
    """Dense blocks, and nothing between them."""
    for connection in made.population.wiring.connections:
        weight, mask = made.population.parameters[connection.parameter], made.mask(connection)
        there = mask.reshape(*mask.shape, *(1,) * (weight.dim() - 3)).to(weight.dtype)
        weight.mul_(there * _gain(float(mask.double().mean())))


def _gain(density: float) -> float:
    return _GAIN / density**0.5


def noisy(size: float) -> Callable[[Reference], None]:
    """Dense blocks, and noise of a given size on all places."""

    def changed(made: Reference) -> None:
        ideal(made)
        for name, weight in made.noise().items():
            made.population.parameters[name].add_(size * _GAIN * weight)

    return changed


def sparse(density: float | None = None) -> Callable[[Reference], None]:
    """Random weights on random places: a given share of them, or as many as the blocks have."""

    def changed(made: Reference) -> None:
        generator = made.generator("sparse")
        for connection in made.population.wiring.connections:
            weight = made.population.parameters[connection.parameter]
            share = float(made.mask(connection).double().mean()) if density is None else density
            there = torch.rand(weight.shape, generator=generator) < share
            weight.mul_(there.to(weight.dtype) * _gain(share))

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
    generator, rows = made.generator("permuted"), torch.arange(made.draws)
    for group in made.hidden:
        orders = torch.stack([torch.randperm(group.size, generator=generator) for _ in rows])
        permute(made.population, group, rows, orders, table=made.population.flat)


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
        _kill(made, group, group.size // 2)
    for weight in made.population.weights.values():
        weight.mul_(_gain(0.5))


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
    for group in made.hidden:
        _kill(made, group, group.size - group.size // _SPARE)


def _kill(made: Reference, group: Group, first: int) -> None:
    """Neurons from `first` on hear nothing and send nothing."""
    for into, out in _ends(made, group):
        into[:, first:] = 0.0
        out[:, :, first:] = 0.0


def _ends(made: Reference, group: Group) -> list[tuple[Tensor, Tensor]]:
    """Views [P, folds, n, ...] of what runs into a group and out of it, fold by fold."""
    parameters, wiring, n = made.population.parameters, made.population.wiring, group.size
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


def _padded(views: list[Tensor], length: int) -> list[Tensor]:
    return views + [views[-1]] * (length - len(views))


def useless_wires(made: Reference) -> None:
    """Strong wires into dead neurons, each from a source of its own, and from inputs always 0."""
    spare(made)
    for group in made.hidden:
        (into, _), first = _ends(made, group)[0], group.size - group.size // _SPARE
        strength = _STRONG * into.abs().max()
        for k in range(first, group.size):
            into[:, k, k % into.shape[2]] = strength
    idle = (made.data.test_inputs == 0).all(dim=0) & (made.data.train_inputs == 0).all(dim=0)
    first = made.population.wiring.connections[0]
    if made.data.tokens is None and idle.any() and idle.dim() == 1:
        weight = made.population.parameters[first.parameter]
        strength = _STRONG * weight.abs().max()
        for k in torch.nonzero(idle).flatten().tolist():
            weight[:, k % weight.shape[1], k] = strength


def dead_module(made: Reference) -> None:
    """A module of strong wires among dead neurons, which hear the first input and lead nowhere."""
    spare(made)
    before = 1
    for group in made.hidden:
        (into, _), first = _ends(made, group)[0], group.size - group.size // _SPARE
        start = into.shape[2] - before if group is not made.hidden[0] else 0
        strength = _STRONG * into.abs().max()
        into[:, first:, start : start + before] = strength
        before = group.size - first


def split_neurons(made: Reference) -> None:
    """Each dead neuron becomes the twin of a living one, with half of what that sends."""
    spare(made)
    for group, first in _twins(made):
        for _, out in _ends(made, group):
            half = out[:, :, : group.size - first] / 2
            out[:, :, first:] = half
            out[:, :, : group.size - first] = half


def cancelling_twins(made: Reference) -> None:
    """Each dead neuron becomes a living one's twin; what both add to one target cancels out."""
    spare(made)
    for group, first in _twins(made):
        _, out = _ends(made, group)[0]
        strength = _STRONG * out.abs().max()
        for k in range(group.size - first):
            target = k % out.shape[1]
            out[:, target, first + k] = strength
            out[:, target, k] -= strength


def _twins(made: Reference) -> list[tuple[Group, int]]:
    """Copies into dead neurons what living ones hear; their groups, and the first dead ones."""
    found = []
    for group in made.hidden:
        first = group.size - group.size // _SPARE
        for into, _ in _ends(made, group):
            into[:, first:] = into[:, : group.size - first].clone()
        for one in made.population.wiring.attached_to(group.name):
            bias = made.population.parameters[one.parameter]
            bias[:, first:] = bias[:, : group.size - first].clone()
        found.append((group, first))
    return found


def rescaled(made: Reference) -> None:
    """The embedding times 8, what reads it over 8."""
    spare(made)
    wiring = made.population.wiring
    for one in wiring.attachments:
        if one.kind == "embedding":
            made.population.parameters[one.parameter].mul_(_SCALE)
            for connection in wiring.out_of(one.group):
                made.population.parameters[connection.parameter].div_(_SCALE)


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
    "useless wires": useless_wires,
    "dead module": dead_module,
    "split neurons": split_neurons,
    "cancelling twins": cancelling_twins,
    "rescaled": rescaled,
}


@torch.no_grad()
def make(task: TaskSpec, data: TaskData, kind: str, draws: int) -> Reference | None:
    """The reference networks of one kind; None where the task's wiring has none such."""
    made = Reference.of(task, data, draws)
    embedded = any(one.kind == "embedding" for one in made.population.wiring.attachments)
    if kind in DOCTORED and (not made.layered or (kind == "rescaled" and not embedded)):
        return None
    {**MADE, **DOCTORED}[kind](made)
    return dataclasses.replace(made)
