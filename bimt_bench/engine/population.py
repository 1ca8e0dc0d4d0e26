"""A population: members trained together, all their parameters in one flat table."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.network import Architecture, Connection, geometry
from bimt_bench.spec import GeometrySpec

# Rows begin at multiples of a full vector register, so that element-wise arithmetic treats a
# member alike wherever it stands in its pack: results do not depend on pack mates, to the bit.
ALIGNMENT = 64


class Population:
    """P networks of one architecture, each with its own parameters and geometry.

    `flat` [P, N] holds all parameters, a member a row, zero-padded; `parameters` are views of it,
    name -> [P, ...]. `labels[group]` [P, size] says which feature or class stands at a position
    of a relabelled group, `positions[group]` the inverse. `coordinates[group]` is [P, size, 2].
    """

    def __init__(
        self,
        architecture: Architecture,
        geometries: Sequence[GeometrySpec],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.architecture = architecture
        self.geometries = tuple(geometries)
        self.offsets, width = _layout(architecture)
        self.flat = torch.zeros(self.size, width, dtype=dtype, device=device)
        self.parameters = self.views(self.flat)
        self.labels = {
            group.name: torch.arange(group.size, device=device).repeat(self.size, 1)
            for group in architecture.wiring.groups
            if group.relabelled
        }
        self.positions = {name: label.clone() for name, label in self.labels.items()}
        self._distinct = list(dict.fromkeys(self.geometries))
        self._places = [geometry.group_coordinates(g, architecture.wiring) for g in self._distinct]
        self.coordinates = {
            group.name: self._spread([places[group.name] for places in self._places])
            for group in architecture.wiring.groups
        }
        self._distances: dict[str, Tensor] = {}

    @property
    def size(self) -> int:
        """P, the number of members."""
        return len(self.geometries)

    def views(self, flat: Float[Tensor, "member width"]) -> dict[str, Tensor]:
        """Views of a table laid out like `flat`, parameter name -> [P, ...]."""
        found = {}
        for name, (start, stop) in self.offsets.items():
            shape, part = self.architecture.shapes[name], flat[:, start:stop]
            if name in self.architecture.transposed:
                found[name] = part.view(flat.shape[0], *reversed(shape)).mT
            else:
                found[name] = part.view(flat.shape[0], *shape)
        return found

    def start(self, task: str, seeds: Sequence[int]) -> None:
        """Gives every member the start that belongs to the task and its seed."""
        starts = {seed: self.architecture.initial(task, seed) for seed in set(seeds)}
        for name, parameter in self.parameters.items():
            stacked = torch.stack([starts[seed][name] for seed in seeds])
            parameter.copy_(stacked.to(parameter.dtype))

    def distances(self, connection: Connection) -> Float[Tensor, "member target source"]:
        """In-plane distances of one fold of a connection."""
        name = connection.parameter
        if name not in self._distances:
            self._distances[name] = self._spread(
                [
                    geometry.distances(
                        places[connection.target], places[connection.source], spec.distance
                    )
                    for spec, places in zip(self._distinct, self._places, strict=True)
                ]
            )
        return self._distances[name]

    def relabel(self, group: str, order: Int[Tensor, "member size"]) -> None:
        """Records that position k of a relabelled group now holds what stood at order[k]."""
        self.labels[group] = self.labels[group].gather(1, order)
        self.positions[group] = self.labels[group].argsort(dim=1)

    def keep(self, rows: Sequence[int]) -> "Population":
        """A population of some of the members, copied, in the order of `rows`."""
        flat = self.flat
        kept = Population(
            self.architecture,
            [self.geometries[row] for row in rows],
            dtype=flat.dtype,
            device=flat.device,
        )
        index = torch.tensor(list(rows), device=flat.device)
        kept.flat.copy_(flat[index])
        kept.labels = {name: label[index] for name, label in self.labels.items()}
        kept.positions = {name: position[index] for name, position in self.positions.items()}
        return kept

    def put(self, rows: Sequence[int], kept: "Population") -> None:
        """Takes parameters and labels of the members `rows` back from a population of them."""
        index = torch.tensor(list(rows), dtype=torch.int64, device=self.flat.device)
        self.flat[index] = kept.flat
        for name, label in self.labels.items():
            label[index] = kept.labels[name]
            self.positions[name][index] = kept.positions[name]

    def member(self, index: int) -> torch.nn.Module:
        """One member as a module of its own, from inputs [B, ...] to outputs [B, outputs].

        It takes and gives the task's order, knows nothing of positions, and shares no memory with
        the population. Pixels (uint8) are to be scaled as the task's data say before they go in.
        """
        return self.architecture.network(
            {name: value[index] for name, value in self.parameters.items()},
            {name: value[index] for name, value in self.positions.items()},
        )

    def outputs(self, inputs: Tensor) -> Float[Tensor, "member batch outputs"]:
        """Outputs of a batch of the task's inputs, in the task's order."""
        batch = self.architecture.prepare(inputs)
        return self.architecture.forward(self.parameters, batch, self.positions).mT

    def outputs_with(
        self, weights: Mapping[str, Tensor], inputs: Tensor
    ) -> Float[Tensor, "member batch outputs"]:
        """Outputs as `outputs`, with `weights` in the place of the parameters they name."""
        batch = self.architecture.prepare(inputs)
        return self.architecture.forward({**self.parameters, **weights}, batch, self.positions).mT

    def activations(self, inputs: Tensor) -> dict[str, Tensor]:
        """What the neurons of each hidden group send on: group name -> [P, batch, size]."""
        seen: dict[str, Tensor] = {}
        batch = self.architecture.prepare(inputs)
        self.architecture.forward(self.parameters, batch, self.positions, seen=seen)
        return {name: active.mT for name, active in seen.items()}

    def _spread(self, tables: Sequence[np.ndarray]) -> Tensor:
        """One table a distinct geometry -> one table a member, [P, ...], shared where possible."""
        stacked = torch.from_numpy(np.stack(tables)).to(self.flat)
        if len(tables) == 1:
            return stacked.expand(self.size, *stacked.shape[1:])
        which = [self._distinct.index(spec) for spec in self.geometries]
        return stacked[torch.tensor(which, device=stacked.device)]


def _layout(architecture: Architecture) -> tuple[dict[str, tuple[int, int]], int]:
    offsets: dict[str, tuple[int, int]] = {}
    stop = 0
    for name, shape in architecture.shapes.items():
        start, stop = stop, stop + int(np.prod(shape))
        offsets[name] = (start, stop)
    return offsets, -(-stop // ALIGNMENT) * ALIGNMENT
