"""What a hook of a recipe sees: members that share recipe and settings, as one contiguous view."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bimt_bench.engine import cost
from bimt_bench.engine.kernels import mask_rows, uniform_rows
from bimt_bench.engine.optimizer import PopulationAdamW
from bimt_bench.engine.population import Population
from bimt_bench.engine.recipe import PenaltySettings, Recipe
from bimt_bench.engine.relocation import relocate
from bimt_bench.engine.relocation.permutation import permute, relabel
from bimt_bench.network import Wiring
from bimt_bench.seeds import derive
from bimt_bench.spec import Member, TaskSpec


@dataclass
class Stage:
    """What all members of a run have in common; `step` counts the steps that are done."""

    task: TaskSpec
    population: Population
    optimizer: PopulationAdamW
    members: Sequence[Member]
    loss: Tensor
    step: int = 0

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.task.training.steps


@dataclass(frozen=True)
class Members:
    """n members of a run that share recipe, age and every setting that is not a real number.

    `settings`: theirs (of a real number: that of the first of them; `m["name"]` has all). `tables`
    is the recipe's state, name -> [n, ...], to be written in place. A slice is the Members of a
    part, over the same memory.
    """

    recipe: Recipe
    settings: Any
    tables: Mapping[str, Tensor]
    rows: slice
    stage: Stage = field(repr=False)
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @overload
    def __getitem__(self, key: str) -> Float[Tensor, " n"]: ...
    @overload
    def __getitem__(self, key: slice) -> "Members": ...
    def __getitem__(self, key: str | slice) -> "Tensor | Members":
        """The values [n] of a setting that is a real number, or the Members of a slice."""
        if isinstance(key, str):
            return self._once(key, lambda: self._vector([one[key] for one in self.members]))
        start, stop, _ = key.indices(len(self))
        return replace(
            self,
            tables={name: table[start:stop] for name, table in self.tables.items()},
            rows=slice(self.rows.start + start, self.rows.start + stop),
            _kept={},
        )

    def __len__(self) -> int:
        return self.rows.stop - self.rows.start

    @property
    def members(self) -> Sequence[Member]:
        """The members, in order."""
        return self.stage.members[self.rows]

    @property
    def wiring(self) -> Wiring:
        """Groups of neurons, what connects them and what is attached to them; of all members."""
        return self.stage.population.architecture.wiring

    # ------------------------------------------------------------------ parameters

    @property
    def flat(self) -> Float[Tensor, "n N"]:
        """All parameters, a member a row; writing to it moves the networks."""
        return self._once("flat", lambda: self.stage.population.flat[self.rows])

    @property
    def theta(self) -> Mapping[str, Tensor]:
        """Views of `flat`, parameter -> [n, *shape]."""
        return self._once("theta", lambda: self.views(self.flat))

    def views(self, table: Float[Tensor, "n N"]) -> dict[str, Tensor]:
        """Views of a table laid out like the parameters, parameter -> [n, *shape]."""
        return self.stage.population.views(table)

    @property
    def connections(self) -> Bool[Tensor, " N"]:
        """Which entries of a flat row are weights of connections: no bias, embedding, padding."""
        return self._once("connections", self._connections)

    def neurons(self, theta: Mapping[str, Tensor], group: str) -> Float[Tensor, "n size k"]:
        """All that belongs to each neuron of a group: weights in, bias, weights out, folds joined.

        A wire of a group to itself counts at both ends.
        """
        return torch.cat([part.flatten(2) for part in self._belongings(theta, group)], dim=2)

    def scale_neurons(self, group: str, factors: Float[Tensor, "n size k"]) -> None:
        """Multiplies all that belongs to each neuron, laid out as `neurons` has it, in place.

        A wire of a group to itself is multiplied at both ends.
        """
        parts = self._belongings(self.theta, group)
        sizes = [part[0, 0].numel() for part in parts]
        for part, factor in zip(parts, factors.split(sizes, dim=2), strict=True):
            part.mul_(factor.reshape(part.shape))

    def _belongings(self, theta: Mapping[str, Tensor], group: str) -> list[Tensor]:
        """Views [n, size, folds, ...] of all that belongs to the neurons of a group."""
        wiring = self.wiring
        size = wiring.group(group).size
        parts = [_by_neuron(theta[c.parameter], 1, size) for c in wiring.into(group)]
        parts += [_by_neuron(theta[a.parameter], a.axis, size) for a in wiring.attached_to(group)]
        return parts + [_by_neuron(theta[c.parameter], 2, size) for c in wiring.out_of(group)]

    def neurons_of(self, table: Float[Tensor, "n neurons"]) -> dict[str, Tensor]:
        """Views of a table of neurons, group -> [n, size]."""
        groups = self.wiring.groups
        return dict(
            zip(
                (group.name for group in groups),
                table.split([group.size for group in groups], dim=1),
                strict=True,
            )
        )

    # ------------------------------------------------------------------ time and strength

    @property
    def step(self) -> int:
        """Steps that are done."""
        return self.stage.step

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.stage.steps

    @property
    def loss(self) -> Float[Tensor, " n"]:
        """The loss of this step's batch, before the update; for recipes that say `reads_loss`."""
        return self.stage.loss[self.rows]

    @property
    def factor(self) -> float:
        """What lambda is multiplied with in this phase."""
        begun = [factor for start, factor in self._phases if start <= self.step]
        return begun[-1] if begun else 1.0

    @property
    def strength(self) -> Float[Tensor, " n"]:
        """The dial times the task's lambda times the phase's factor."""
        factor = self.factor
        return self._once(("strength", factor), lambda: self._lam * factor)

    @property
    def learning_rate(self) -> Float[Tensor, " n"]:
        """Of AdamW."""
        return self["learning_rate"]

    @property
    def divisors(self) -> Float[Tensor, "n N"] | None:
        """What AdamW divided each parameter's last step by; None before the first update."""
        return self.stage.optimizer.divisors(self.rows)

    def at_strength(self, prices: Float[Tensor, "n N"]) -> Float[Tensor, "n N"]:
        """Prices times `strength`, multiplied in the order that published numbers have."""
        return prices * self._lam[:, None] * self.factor

    def wire_prices(
        self,
        *,
        locality: Float[Tensor, " n"],
        spacing: Float[Tensor, " n"],
        reduce: str | None = None,
        biases: Bool[Tensor, " n"] | None = None,
        no_locality_into: Collection[str] | None = None,
    ) -> Float[Tensor, "n N"]:
        """The connection cost of a unit of each parameter's magnitude (arXiv 2305.08746, eq. 2).

        A d + l0 for weights, l0 for biases (of those members that `biases` says, all if absent)
        and embeddings. What is not given is the task's.
        """
        penalty = self.stage.task.penalty
        return cost.prices(
            self.stage.population,
            rows=self.rows,
            locality=locality,
            spacing=spacing,
            reduce=reduce or penalty.reduce,
            biases=True if biases is None else biases,
            no_locality_into=penalty.no_locality_into
            if no_locality_into is None
            else no_locality_into,
        )

    # ------------------------------------------------------------------ chance

    def uniform(self, stream: str, shape: Sequence[int]) -> Float[Tensor, "n ..."]:
        """Numbers in [0, 1), [n, *shape]: a hash of task, seed, stream, step and place.

        The same for a member whatever its pack mates, tile or interruptions. They may be written
        over; the next call with this stream and shape does it too.
        """
        keys, found, rows = self._once(
            ("uniform", stream, tuple(shape)), lambda: self._numbers(stream, shape)
        )
        uniform_rows(keys, self.step, rows)
        return found if found.device == self.flat.device else found.to(self.flat)

    def mask(
        self, stream: str, shape: Sequence[int], share: Float[Tensor, " n"]
    ) -> Float[Tensor, "n ..."]:
        """0 where `uniform` is below a member's share s, else 1 / (1 - s): 1 on average."""
        keys, found, rows = self._once(
            ("uniform", stream, tuple(shape)), lambda: self._numbers(stream, shape)
        )
        mask_rows(keys, self.step, share.cpu().numpy(), rows)
        return found if found.device == self.flat.device else found.to(self.flat)

    # ------------------------------------------------------------------ moving neurons

    def relocate(
        self,
        *,
        method: str = "greedy",
        top_k: int,
        carry_moments: bool = False,
        reduce: str | None = None,
    ) -> None:
        """Neurons swap places to shorten wires, and all tables that travel with them."""
        stage = self.stage
        relocate(
            stage.population,
            top_k=[top_k] * len(self),
            reduce=reduce or stage.task.penalty.reduce,
            members=range(self.rows.start, self.rows.stop),
            method=method,
            moments=(stage.optimizer.first, stage.optimizer.second),
            carry_moments=carry_moments,
            on_order=self._carry,
        )

    def permute(self, group: str, order: Int[Tensor, "n size"]) -> None:
        """Puts at position k of a group what stood at order[:, k]; the function stays.

        The optimizer's moments and the tables that travel go along. InputError if the group's
        neurons are pinned.
        """
        population = self.stage.population
        moved = population.architecture.wiring.group(group)
        if not moved.movable:
            raise ValueError(f"group '{group}' is pinned: its neurons never move")
        rows = torch.arange(self.rows.start, self.rows.stop, device=self.flat.device)
        optimizer = self.stage.optimizer
        for table in (population.flat, optimizer.first, optimizer.second):
            permute(population, moved, rows, order, table=table)
        if moved.relabelled:
            relabel(population, moved, rows, order)
        self._carry(group, rows, order)

    def _carry(
        self, group: str, rows: Int[Tensor, " some"], order: Int[Tensor, "some size"]
    ) -> None:
        """Takes the recipe's tables along, for rows of the population."""
        population = self.stage.population
        here = rows - self.rows.start
        moved = population.architecture.wiring.group(group)
        for table in self.recipe.tables:
            if not table.travels or table.per == "member":
                continue
            values = self.tables[table.name]
            if table.per == "parameter":
                permute(population, moved, here, order, table=values)
            else:
                own = self.neurons_of(values)[group]
                own[here] = own[here].gather(1, order)

    # ------------------------------------------------------------------ parts

    @property
    def _phases(self) -> list[tuple[int, float]]:
        """The step where each phase begins, and its factor."""
        if not isinstance(self.settings, PenaltySettings):
            return []
        phases, steps = self.settings.phases, self.steps
        return self._once("phases", lambda: [(int(p.start * steps), p.factor) for p in phases])

    @property
    def _lam(self) -> Tensor:
        return self._once("lam", lambda: self._vector([one.lam for one in self.members]))

    def _once(self, name: Any, make: Any) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _vector(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).to(self.stage.population.flat)

    def _connections(self) -> Tensor:
        population = self.stage.population
        found = torch.zeros(population.flat.shape[1], dtype=torch.bool)
        for connection in population.architecture.wiring.connections:
            start, stop = population.offsets[connection.parameter]
            found[start:stop] = True
        return found.to(population.flat.device)

    def _numbers(self, stream: str, shape: Sequence[int]) -> tuple[np.ndarray, Tensor, np.ndarray]:
        """Keys of the members, memory for their numbers, and the same as rows."""
        name = self.stage.task.name
        keys = [derive("noise", name, one.seed, stream) for one in self.members]
        found = torch.empty((len(self), *shape), dtype=self.flat.dtype)
        return np.array(keys, dtype=np.int64), found, found.view(len(self), -1).numpy()


def _by_neuron(table: Tensor, axis: int, size: int) -> Tensor:
    """A parameter [n, ..., folds * size, ...] as a view [n, size, folds, ...]."""
    return table.movedim(axis, 1).unflatten(1, (-1, size)).movedim(2, 1)
