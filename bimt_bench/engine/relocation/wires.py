"""What relocation looks at: |weights| and distances of some members, made once.

A relocation is worked out on these tables, and carried out on the parameters when all of it is
known. Magnitudes stay in the order in which they were found; where a neuron has gone is kept apart.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.engine.relocation.table import CostTable
from bimt_bench.network import Connection, Group, take


class Wires:
    """|weights| [m, target, source] of each connection, float64, and distances.

    Folds and the entries of a window are added up.
    `orders[group]` [m, size] says which neuron stands at each position by now. Only distances
    count: spacing and bias terms do not change under relocation, and the size of A > 0 scales all
    gains alike.
    """

    def __init__(
        self, population: Population, rows: Int[Tensor, " member"], *, reduce: str
    ) -> None:
        self._wiring = population.architecture.wiring
        self.groups = [group for group in self._wiring.groups if group.movable]
        self.members = len(rows)
        self.device = population.flat.device
        self._dtype = population.flat.dtype
        self._magnitudes: dict[str, Tensor] = {}
        self._distances: dict[str, Tensor] = {}
        self._scales: dict[str, float] = {}
        self._fixed: dict[str, Tensor] = {}
        self.orders = {
            group.name: torch.arange(group.size, device=self.device).repeat(self.members, 1)
            for group in self.groups
        }
        for connection in self._wiring.connections:
            if self.orders.keys() & {connection.source, connection.target}:
                parameter = connection.parameter
                self._magnitudes[parameter] = _folded_magnitude(population, connection, rows)
                self._distances[parameter] = _distances(population, connection, rows)
                entries = torch.Size(population.architecture.shapes[parameter]).numel()
                self._scales[parameter] = 1.0 / entries if reduce == "mean" else 1.0

    def neighbours(self, group: Group) -> set[str]:
        """Names of the other movable groups that the group is connected to."""
        names = {c.source for c in self._wiring.into(group.name)}
        names |= {c.target for c in self._wiring.out_of(group.name)}
        return (names & self.orders.keys()) - {group.name}

    def strength(self, group: Group) -> Float[Tensor, "member size"]:
        """Sum of |incoming| and |outgoing| weights of the neuron at each position.

        In the parameters' dtype, so that neurons rank as the published examples rank them.
        """
        total = torch.zeros(self.members, group.size, dtype=self._dtype, device=self.device)
        for connection in self._wiring.into(group.name):
            total += self._magnitudes[connection.parameter].sum(2).to(self._dtype)
        for connection in self._wiring.out_of(group.name):
            total += self._magnitudes[connection.parameter].sum(1).to(self._dtype)
        return total.gather(1, self.orders[group.name])

    def table(self, group: Group, chosen: Int[Tensor, " some"] | None = None) -> CostTable:
        """The group's cost table, by position, for all members or the chosen (ascending) ones."""
        if group.name not in self._fixed:
            self._fixed[group.name] = self._fixed_share(group)
        order = _select(self.orders[group.name], chosen)
        cost = _select(self._fixed[group.name], chosen).clone()
        for connection in self._connections(group):
            other = _other_end(connection, group)
            if other != group.name and other in self.orders:
                self._add(cost, connection, group, chosen)
        cost = take(cost, 1, order)
        within, distance = self._within(group, chosen)
        if within is not None and distance is not None:
            within = take(take(within, 1, order), 2, order)
            cost.baddbmm_(within, distance)
        return CostTable(cost, within, distance)

    def permute(
        self,
        group: Group,
        order: Int[Tensor, "some size"],
        chosen: Int[Tensor, " some"] | None = None,
    ) -> None:
        """Puts at position k of the group what stood at order[:, k], for all or chosen members."""
        if chosen is None:
            self.orders[group.name] = self.orders[group.name].gather(1, order)
        else:
            self.orders[group.name][chosen] = self.orders[group.name][chosen].gather(1, order)

    def _connections(self, group: Group) -> tuple[Connection, ...]:
        return (*self._wiring.into(group.name), *self._wiring.out_of(group.name))

    def _fixed_share(self, group: Group) -> Float[Tensor, "member size size"]:
        """What wires to groups that never move cost: neuron j at position p."""
        shape = (self.members, group.size, group.size)
        cost = torch.zeros(shape, dtype=torch.float64, device=self.device)
        for connection in self._connections(group):
            if _other_end(connection, group) not in self.orders:
                self._add(cost, connection, group, None)
        return cost

    def _add(
        self, cost: Tensor, connection: Connection, group: Group, chosen: Tensor | None
    ) -> None:
        """Adds to cost[j, p] what the connection's wires cost with neuron j at position p."""
        magnitude = _select(self._magnitudes[connection.parameter], chosen)
        distance = _select(self._distances[connection.parameter], chosen)
        if connection.source == group.name:
            magnitude, distance = magnitude.mT, distance.mT
        other = _other_end(connection, group)
        if other in self.orders:
            places = _select(self.orders[other], chosen).argsort(dim=1)
            distance = take(distance, 2, places)
        cost.baddbmm_(magnitude, distance.mT, alpha=self._scales[connection.parameter])

    def _within(
        self, group: Group, chosen: Tensor | None
    ) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """W + W' of the wires within the group, without diagonal, and the distances they run."""
        loops = [c for c in self._wiring.into(group.name) if c.source == group.name]
        if not loops:
            return None, None
        total = torch.zeros_like(_select(self._fixed[group.name], chosen))
        for connection in loops:
            magnitude = _select(self._magnitudes[connection.parameter], chosen)
            total += (magnitude + magnitude.mT) * self._scales[connection.parameter]
        total.diagonal(dim1=1, dim2=2).zero_()
        return total, _select(self._distances[loops[0].parameter], chosen)


def _other_end(connection: Connection, group: Group) -> str:
    return connection.source if connection.target == group.name else connection.target


def _folded_magnitude(
    population: Population, connection: Connection, rows: Tensor
) -> Float[Tensor, "member target source"]:
    """|weights| of a connection, folds and windows added up, float64."""
    weight = population.parameters[connection.parameter][rows].abs_().to(torch.float64)
    if weight.dim() > 3:
        weight = weight.flatten(3).sum(dim=3)
    folds = (connection.target_folds, connection.source_folds)
    if folds == (1, 1):
        return weight
    size = (weight.shape[1] // folds[0], weight.shape[2] // folds[1])
    return weight.view(len(rows), folds[0], size[0], folds[1], size[1]).sum(dim=(1, 3))


def _distances(population: Population, connection: Connection, rows: Tensor) -> Tensor:
    """Distances [m, target, source] of one fold, float64; one table for all where one will do."""
    distances = population.distances(connection)
    if distances.stride(0) == 0:
        return distances[:1].to(torch.float64).expand(len(rows), *distances.shape[1:])
    return distances[rows].to(torch.float64)


def _select(values: Tensor, chosen: Tensor | None) -> Tensor:
    """The chosen members of a table [m, ...]; no copy where there is nothing to choose."""
    if chosen is None or len(chosen) == len(values):
        return values
    if values.stride(0) == 0:
        return values[:1].expand(len(chosen), *values.shape[1:])
    return values[chosen]
