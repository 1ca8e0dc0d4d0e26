"""Wiring: neuron groups, the connections between them, and what travels with a neuron.

A model declares its wiring once; connection cost, relocation, graph metrics and drawings read
it and know nothing else of the model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bimt_bench.ground import InputError, closest

Role = Literal["input", "hidden", "output"]
Part = Literal["weight", "bias", "embedding"]


@dataclass(frozen=True)
class Group:
    """A named set of neurons that share a layer plane.

    `movable`: relocation may swap its neurons. `layer`: height in drawings, inputs at 0.
    `relabelled`: an input or output group whose neurons carry a fixed meaning (a feature, a
    class), so that a swap is recorded in the population's `labels[name]` ([P, size]: which
    feature or class stands at each position). `module` is the part of the model (by its name among
    the module's named parts) whose output is what a hidden group's neurons send on, and `axis` the
    axis of that output on which the neurons lie, the batch counted as 0; other axes (time, pixels)
    are further samples.
    """

    name: str
    size: int
    role: Role
    layer: int
    movable: bool = True
    relabelled: bool = False
    module: str = ""
    axis: int = -1


@dataclass(frozen=True)
class Connection:
    """A parameter [P, target_folds * target.size, source_folds * source.size, ...] of weights.

    Further axes are a window (the kernel of a convolution): all its entries join the same two
    neurons, and the strength of a connection is the sum of their magnitudes.

    Folds repeat a group along an axis (tokens concatenated, q/k/v stacked): the axis is laid out
    fold by fold, every fold has the group's coordinates, and all folds of a neuron move together.
    """

    parameter: str
    source: str
    target: str
    source_folds: int = 1
    target_folds: int = 1


@dataclass(frozen=True)
class Attachment:
    """A parameter [P, ..., folds * group.size, ...] whose `axis` travels with a group.

    `axis` counts the member axis (a bias [P, n] has axis 1, an embedding [P, tokens, n] axis 2).
    """

    parameter: str
    group: str
    axis: int
    kind: Literal["bias", "embedding"]
    folds: int = 1


@dataclass(frozen=True)
class Axis:
    """An axis of a parameter, the member axis counted, that is laid out by a group's neurons."""

    parameter: str
    axis: int
    folds: int
    part: Part


@dataclass(frozen=True)
class Wiring:
    """Groups from input to output, connections and attachments of one architecture."""

    groups: tuple[Group, ...]
    connections: tuple[Connection, ...]
    attachments: tuple[Attachment, ...]

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        if len(set(names)) != len(names):
            raise ValueError(f"group names must differ, but are {names}")
        used = [n for c in self.connections for n in (c.source, c.target)]
        used += [a.group for a in self.attachments]
        unknown = sorted(set(used) - set(names))
        if unknown:
            raise ValueError(f"wiring names unknown groups {unknown}; groups are {names}")

    def group(self, name: str) -> Group:
        """The group of that name; KeyError if there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    def into(self, name: str) -> tuple[Connection, ...]:
        """Connections whose target is the group."""
        return tuple(c for c in self.connections if c.target == name)

    def out_of(self, name: str) -> tuple[Connection, ...]:
        """Connections whose source is the group."""
        return tuple(c for c in self.connections if c.source == name)

    def attached_to(self, name: str) -> tuple[Attachment, ...]:
        """Attachments that travel with the group."""
        return tuple(a for a in self.attachments if a.group == name)

    def axes(self, name: str) -> Iterator[Axis]:
        """Everything that travels with the neurons of a group: one axis after another."""
        for connection in self.into(name):
            yield Axis(connection.parameter, 1, connection.target_folds, "weight")
        for connection in self.out_of(name):
            yield Axis(connection.parameter, 2, connection.source_folds, "weight")
        for attachment in self.attached_to(name):
            yield Axis(attachment.parameter, attachment.axis, attachment.folds, attachment.kind)

    def pin(self, names: Sequence[str]) -> "Wiring":
        """The same wiring with these groups pinned; InputError for the name of no group."""
        known = [group.name for group in self.groups]
        for name in names:
            if name not in known:
                raise InputError(
                    f"pinned: unknown group '{name}'{closest(name, known)} "
                    f"(allowed: {', '.join(known)})"
                )
        groups = tuple(
            replace(group, movable=group.movable and group.name not in names)
            for group in self.groups
        )
        return replace(self, groups=groups)

    def by_role(self, role: Role) -> Group:
        """The only group of a role; ValueError if there is none or several."""
        found = [group for group in self.groups if group.role == role]
        if len(found) != 1:
            raise ValueError(f"wiring has {len(found)} groups of role '{role}', not one")
        return found[0]

    @classmethod
    def layered(
        cls,
        sizes: tuple[int, ...],
        *,
        pinned: tuple[str, ...] = (),
        input_folds: int = 1,
        embedding: bool = False,
    ) -> "Wiring":
        """The wiring of a multilayer perceptron: groups input, hidden1, ..., output.

        Parameters are named as torch names them: `layers.0.weight`, `layers.0.bias`, ...; what
        lies between two layers is the part `between.0`, ...; an
        embedding [P, tokens, sizes[0]] is `embedding.weight` and travels with the input group.
        """
        last = len(sizes) - 1
        names = ["input", *(f"hidden{i}" for i in range(1, last)), "output"]
        roles: list[Role] = ["input", *("hidden" for _ in range(1, last)), "output"]
        groups = tuple(
            Group(
                name=names[i],
                size=sizes[i],
                role=roles[i],
                layer=i,
                relabelled=(i == 0 and not embedding) or i == last,
                module=f"between.{i - 1}" if roles[i] == "hidden" else "",
            )
            for i in range(last + 1)
        )
        connections = tuple(
            Connection(
                parameter=f"layers.{i}.weight",
                source=names[i],
                target=names[i + 1],
                source_folds=input_folds if i == 0 else 1,
            )
            for i in range(last)
        )
        attachments = [
            Attachment(parameter=f"layers.{i}.bias", group=names[i + 1], axis=1, kind="bias")
            for i in range(last)
        ]
        if embedding:
            attachments.insert(
                0, Attachment(parameter="embedding.weight", group="input", axis=2, kind="embedding")
            )
        return cls(groups, connections, tuple(attachments)).pin(pinned)
