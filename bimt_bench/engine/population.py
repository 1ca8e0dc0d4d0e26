"""A population: members trained together, all their parameters in one flat table.

It is the one record of what a trained network is: metrics, drawings and exports read it, and
`arrays` and `Population.of` take a member to a results folder and back.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bimt_bench.ground import InputError
from bimt_bench.network import Architecture, Connection, Wiring, geometry, in_whole_lines
from bimt_bench.spec import GeometrySpec

# Rows begin at multiples of a full vector register, so that element-wise arithmetic treats a
# member alike wherever it stands in its pack: results do not depend on pack mates, to the bit.
ALIGNMENT = 64


class Population:
    """P networks of one architecture, each with its own parameters and geometry.

    `flat` [P, N] holds all parameters, a member a row, zero-padded; `parameters` are views of it,
    name -> [P, ...]. `labels[group]` [P, size] says which feature or class stands at a position
    of a relabelled group, `positions[group]` the inverse. `coordinates[group]` is
    [P, size, dimension], where a member of fewer dimensions than another lies in their middle.
    A geometry is None where a member came back from storage without it: its coordinates are
    those that were stored, and distances are refused.
    """

    def __init__(
        self,
        architecture: Architecture,
        geometries: Sequence[GeometrySpec | None],
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
        self._places = [_places(spec, architecture.wiring) for spec in self._distinct]
        own = [_dimension(places) for places in self._places]
        self.dimensions = tuple(own[self._distinct.index(spec)] for spec in self.geometries)
        self.coordinates = {
            group.name: self._spread(
                [geometry.in_dimensions(one[group.name], max(own)) for one in self._places]
            )
            for group in architecture.wiring.groups
        }
        self._distances: dict[str, Tensor] = {}

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        arrays: Sequence[Mapping[str, np.ndarray]],
        geometries: Sequence[GeometrySpec] | None = None,
        *,
        device: torch.device | str = "cpu",
    ) -> "Population":
        """The population of members that were kept as `arrays` gives them, one mapping a member.

        Without their geometries it can be run, drawn and exported, but has no distances. Raises
        InputError if an array is missing or does not fit the architecture.
        """
        for one in arrays:
            _check(architecture, one)
        dtype = torch.from_numpy(arrays[0][next(iter(architecture.shapes))]).dtype
        places = [None] * len(arrays) if geometries is None else geometries
        population = cls(architecture, places, dtype=dtype, device=device)
        for name, parameter in population.parameters.items():
            parameter.copy_(_stacked(arrays, name))
        for name in population.labels:
            population.labels[name] = _stacked(arrays, f"labels.{name}").to(device)
            population.positions[name] = population.labels[name].argsort(dim=1)
        stored = [{n: one[f"coordinates.{n}"] for n in population.coordinates} for one in arrays]
        population.dimensions = tuple(_dimension(one) for one in stored)
        most = max(population.dimensions)
        for name in population.coordinates:
            places = [geometry.in_dimensions(one[name], most) for one in stored]
            population.coordinates[name] = torch.from_numpy(np.stack(places)).to(population.flat)
        return population

    @property
    def size(self) -> int:
        """P, the number of members."""
        return len(self.geometries)

    @property
    def wiring(self) -> Wiring:
        """Groups, connections and attachments of the architecture."""
        return self.architecture.wiring

    @property
    def weights(self) -> dict[str, Tensor]:
        """The connections' parameters: name -> [P, target folds x n, source folds x n, window]."""
        return {c.parameter: self.parameters[c.parameter] for c in self.wiring.connections}

    def strengths(
        self, connection: Connection, rows: slice = slice(None)
    ) -> Float[Tensor, "member targets sources"]:
        """|W| of a connection, summed over its window; folds end to end, as in the parameter."""
        found = self.parameters[connection.parameter][rows].abs()
        return found if found.dim() == 3 else found.flatten(3).sum(dim=3)

    def arrays(self, index: int) -> dict[str, np.ndarray]:
        """One member as arrays that are copies, the form in which results folders keep it.

        Parameters by name, `labels.<group>` int [n] and `coordinates.<group>` [n, dimension].
        """
        own = self.dimensions[index]
        tables = {
            **self.parameters,
            **{f"labels.{name}": value for name, value in self.labels.items()},
            **{f"coordinates.{n}": value[..., :own] for n, value in self.coordinates.items()},
        }
        rows = {name: table[index].cpu().numpy() for name, table in tables.items()}
        return {name: np.array(row, order="C") for name, row in rows.items()}

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
        """In-plane distances of one fold of a connection; InputError without a geometry."""
        name = connection.parameter
        if name not in self._distances:
            tables = []
            for spec, places in zip(self._distinct, self._places, strict=True):
                if spec is None:
                    raise InputError("distances: these members were read without their geometry")
                ends = places[connection.target], places[connection.source]
                tables.append(geometry.distances(*ends, spec.distance))
            self._distances[name] = self._spread(tables)
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
        kept.coordinates = {name: places[index] for name, places in self.coordinates.items()}
        kept.dimensions = tuple(self.dimensions[row] for row in rows)
        return kept

    def put(self, rows: Sequence[int], kept: "Population") -> None:
        """Takes parameters and labels of the members `rows` back from a population of them."""
        index = torch.tensor(list(rows), dtype=torch.int64, device=self.flat.device)
        self.flat[index] = kept.flat
        for name, label in self.labels.items():
            label[index] = kept.labels[name]
            self.positions[name][index] = kept.positions[name]

    def member(self, index: int) -> torch.nn.Module:
        """One member as a module of its own, from inputs [B, ...] to outputs [B, ..., outputs].

        It takes and gives the task's order, knows nothing of positions, and shares no memory with
        the population. Pixels (uint8) are to be scaled as the task's data say before they go in.
        """
        return self.architecture.network(
            {name: value[index] for name, value in self.parameters.items()},
            {name: value[index] for name, value in self.positions.items()},
        )

    def outputs(self, inputs: Tensor) -> Float[Tensor, "member batch *time outputs"]:
        """Outputs of a batch of the task's inputs, in the task's order."""
        return self.outputs_with({}, inputs)

    def outputs_with(
        self, weights: Mapping[str, Tensor], inputs: Tensor, *, rows: slice = slice(None)
    ) -> Float[Tensor, "rows batch *time outputs"]:
        """Outputs as `outputs`, with `weights` [P, ...] in the place of the parameters they name.

        Of the members `rows` only, if they are given.
        """
        batch = self.architecture.prepare(in_whole_lines(inputs))
        parameters = {name: one[rows] for name, one in {**self.parameters, **weights}.items()}
        positions = {name: one[rows] for name, one in self.positions.items()}
        outputs = self.architecture.forward(parameters, batch, positions)
        return outputs[:, :, : len(inputs)].movedim(1, -1)

    def activations(
        self, inputs: Tensor, *, rows: slice = slice(None)
    ) -> dict[str, Float[Tensor, "rows samples size"]]:
        """What the neurons of each hidden group send on: group name -> [P, samples, size].

        Every time step or pixel of the batch is a sample, those of one input side by side. Of the
        members `rows` only, if they are given.
        """
        seen: dict[str, Tensor] = {}
        whole = in_whole_lines(inputs)
        parameters = {name: one[rows] for name, one in self.parameters.items()}
        positions = {name: one[rows] for name, one in self.positions.items()}
        self.architecture.forward(
            parameters, self.architecture.prepare(whole), positions, seen=seen
        )
        counts = {name: one.shape[2] * len(inputs) // len(whole) for name, one in seen.items()}
        return {name: active[:, :, : counts[name]].mT for name, active in seen.items()}

    def _spread(self, tables: Sequence[np.ndarray]) -> Tensor:
        """One table a distinct geometry -> one table a member, [P, ...], shared where possible."""
        stacked = torch.from_numpy(np.stack(tables)).to(self.flat)
        if len(tables) == 1:
            return stacked.expand(self.size, *stacked.shape[1:])
        which = [self._distinct.index(spec) for spec in self.geometries]
        return stacked[torch.tensor(which, device=stacked.device)]


def _places(spec: GeometrySpec | None, wiring: Wiring) -> dict[str, geometry.Coordinates]:
    """Where the neurons of every group sit, group -> [size, dimension]; nan if nobody has said."""
    if spec is None:
        return {group.name: np.full((group.size, 2), np.nan) for group in wiring.groups}
    return geometry.group_coordinates(spec, wiring)


def _dimension(places: Mapping[str, np.ndarray]) -> int:
    """In how many dimensions a member's groups lie; the same for all of them."""
    return next(iter(places.values())).shape[1]


def _stacked(arrays: Sequence[Mapping[str, np.ndarray]], name: str) -> Tensor:
    return torch.from_numpy(np.stack([one[name] for one in arrays]))


def _check(architecture: Architecture, arrays: Mapping[str, np.ndarray]) -> None:
    """Raises InputError unless a member's arrays are all there and fit."""
    groups = architecture.wiring.groups
    relabelled = {f"labels.{group.name}": group.size for group in groups if group.relabelled}
    wanted: dict[str, tuple[int, ...]] = {name: tuple(s) for name, s in architecture.shapes.items()}
    places = {f"coordinates.{group.name}": group.size for group in groups}
    dimension = next((arrays[name].shape[-1] for name in places if name in arrays), 2)
    wanted |= {name: (size, dimension) for name, size in places.items()}
    wanted |= {name: (size,) for name, size in relabelled.items()}
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise InputError(
            f"weights: the member has no {', '.join(missing)} (it has: {', '.join(arrays)})"
        )
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise InputError(
                f"weights: '{name}' has shape {arrays[name].shape}, but must be {shape}"
            )
    for name, size in relabelled.items():
        if sorted(arrays[name].tolist()) != list(range(size)):
            raise InputError(f"weights: '{name}' must be a permutation of 0 ... {size - 1}")


def _layout(architecture: Architecture) -> tuple[dict[str, tuple[int, int]], int]:
    offsets: dict[str, tuple[int, int]] = {}
    stop = 0
    for name, shape in architecture.shapes.items():
        start, stop = stop, stop + int(np.prod(shape))
        offsets[name] = (start, stop)
    return offsets, -(-stop // ALIGNMENT) * ALIGNMENT
