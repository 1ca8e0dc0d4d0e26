"""Populations made by hand: any wiring, weights and function, no training."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bimt_bench.engine import Population
from bimt_bench.network import Architecture, Wiring, geometry
from bimt_bench.spec import GeometrySpec

Run = Callable[[Mapping[str, Tensor], Tensor], tuple[Tensor, dict[str, Tensor]]]


class HandMade(Architecture):
    """Any wiring and shapes, with a function that a test gives: it knows nothing of positions.

    `run`: parameters [P, ...] and inputs [B, ...] -> outputs [P, B, outputs] and what the neurons
    of each hidden group send on [P, B, n].
    """

    def __init__(self, wiring: Wiring, shapes: Mapping[str, tuple[int, ...]], run: Run | None):
        self.wiring, self.shapes, self.run = wiring, shapes, run

    def initial(self, task: str, seed: int) -> dict[str, Tensor]:
        raise NotImplementedError

    def network(self, parameters: Any, positions: Any) -> torch.nn.Module:
        raise NotImplementedError

    def prepare(self, inputs: Tensor) -> Tensor:
        return inputs

    def forward(
        self,
        parameters: Mapping[str, Tensor],
        batch: Any,
        positions: Mapping[str, Tensor],
        *,
        seen: MutableMapping[str, Tensor] | None = None,
        scale: Any = None,
    ) -> Tensor:
        assert self.run is not None and scale is None
        outputs, active = self.run(parameters, batch)
        if seen is not None:
            seen.update({name: sent.mT for name, sent in active.items()})
        return outputs.mT


def population(
    wiring: Wiring,
    parameters: Mapping[str, Tensor | np.ndarray],
    run: Run | None = None,
    *,
    labels: Mapping[str, Tensor | np.ndarray] | None = None,
    coordinates: Mapping[str, np.ndarray] | None = None,
) -> Population:
    """Members by hand: parameters and labels [P, ...]; on lines, or at coordinates [n, 2]."""
    own = {name: np.asarray(value) for name, value in parameters.items()}
    members = len(next(iter(own.values())))
    relabelled = {g.name: np.arange(g.size) for g in wiring.groups if g.relabelled}
    standing = {name: np.tile(order, (members, 1)) for name, order in relabelled.items()}
    standing |= {name: np.asarray(order) for name, order in (labels or {}).items()}
    line = GeometrySpec(name="line")
    places = coordinates or geometry.group_coordinates(line, wiring)
    architecture = HandMade(wiring, {name: value.shape[1:] for name, value in own.items()}, run)
    arrays = [
        {name: value[i] for name, value in own.items()}
        | {f"labels.{name}": order[i] for name, order in standing.items()}
        | {f"coordinates.{name}": place for name, place in places.items()}
        for i in range(members)
    ]
    return Population.of(architecture, arrays, None if coordinates else [line] * members)
