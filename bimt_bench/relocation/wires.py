"""What relocation looks at: |weights| and distances of some members, moved about in its stead.

A relocation is worked out on these tables, which are made once, and carried out on the
parameters when all of it is known.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.models import Population
from bimt_bench.relocation.permutation import take
from bimt_bench.relocation.table import CostTable
from bimt_bench.wiring import Connection, Group


class Wires:
    """|weights| [m, target, source] of each connection, folds added up, float64.

    Only distances count: spacing and bias terms do not change under relocation, and the size of
    A > 0 scales all gains alike.
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
        names = {group.name for group in self.groups}
        for connection in self._wiring.connections:
            if names & {connection.source, connection.target}:
                parameter = connection.parameter
                self._magnitudes[parameter] = _folded_magnitude(population, connection, rows)
                self._distances[parameter] = _distances(population, connection, rows)
                entries = torch.Size(population.architecture.shapes[parameter]).numel()
                self._scales[parameter] = 1.0 / entries if reduce == "mean" else 1.0

    def neighbours(self, group: Group) -> set[str]:
        """Names of the other groups that the group is connected to."""
        names = {c.source for c in self._wiring.into(group.name)}
        return (names | {c.target for c in self._wiring.out_of(group.name)}) - {group.name}

    def strength(self, group: Group) -> Float[Tensor, "member size"]:
        """Sum of |incoming| and |outgoing| weights of each neuron, in the parameters' dtype."""
        total = torch.zeros(self.members, group.size, dtype=self._dtype, device=self.device)
        for connection in self._wiring.into(group.name):
            total += self._magnitudes[connection.parameter].sum(2).to(self._dtype)
        for connection in self._wiring.out_of(group.name):
            total += self._magnitudes[connection.parameter].sum(1).to(self._dtype)
        return total

    def table(self, group: Group, chosen: Int[Tensor, " some"] | None = None) -> CostTable:
        """The group's cost table for all members, or for the chosen of them."""
        count = self.members if chosen is None else len(chosen)
        shape = (count, group.size, group.size)
        cost = torch.zeros(shape, dtype=torch.float64, device=self.device)
        within = distance = None
        for connection in self._wiring.into(group.name):
            magnitude, between, scale = self._tables(connection, chosen)
            if connection.source != group.name:
                cost += (magnitude @ between.mT) * scale
                continue
            if within is None:
                within, distance = torch.zeros_like(cost), between
            within += (magnitude + magnitude.mT) * scale
        for connection in self._wiring.out_of(group.name):
            magnitude, between, scale = self._tables(connection, chosen)
            if connection.target != group.name:
                cost += (magnitude.mT @ between) * scale
        if within is not None and distance is not None:
            within.diagonal(dim1=1, dim2=2).zero_()
            cost += within @ distance
        return CostTable(cost, within, distance)

    def permute(
        self,
        group: Group,
        order: Int[Tensor, "some size"],
        chosen: Int[Tensor, " some"] | None = None,
    ) -> None:
        """Puts at position k of the group what stood at order[:, k], for all or chosen members."""
        for connection in self._wiring.into(group.name):
            self._take(connection, 1, order, chosen)
        for connection in self._wiring.out_of(group.name):
            self._take(connection, 2, order, chosen)

    def _take(
        self, connection: Connection, axis: int, order: Tensor, chosen: Tensor | None
    ) -> None:
        values = self._magnitudes[connection.parameter]
        if chosen is None:
            self._magnitudes[connection.parameter] = take(values, axis, order)
        else:
            values[chosen] = take(values[chosen], axis, order)

    def _tables(
        self, connection: Connection, chosen: Tensor | None
    ) -> tuple[Tensor, Tensor, float]:
        magnitude = self._magnitudes[connection.parameter]
        distance = self._distances[connection.parameter]
        if chosen is not None and len(chosen) < self.members:
            magnitude = magnitude[chosen]
            distance = _select(distance, chosen)
        return magnitude, distance, self._scales[connection.parameter]


def _folded_magnitude(
    population: Population, connection: Connection, rows: Tensor
) -> Float[Tensor, "member target source"]:
    """|weights| of a connection, folds added up, float64."""
    weight = population.parameters[connection.parameter][rows].abs_().to(torch.float64)
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


def _select(values: Tensor, chosen: Tensor) -> Tensor:
    if values.stride(0) == 0:
        return values[:1].expand(len(chosen), *values.shape[1:])
    return values[chosen]
