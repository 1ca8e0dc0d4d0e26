"""The connection cost and its schedule.

The cost is linear in the magnitudes of the parameters, so it is kept as a table of prices laid
out like the parameters: cost = sum |theta| * price, and its gradient is sign(theta) * price.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.network import Connection
from bimt_bench.spec import PenaltySpec


@dataclass(frozen=True)
class Stretch:
    """Steps [start, stop) in which the penalty does not change."""

    start: int
    stop: int
    factor: float
    biases: bool


def stretches(penalty: PenaltySpec, steps: int) -> tuple[Stretch, ...]:
    """The schedule over a number of steps; a phase begins at the step int(start * steps)."""
    begins = {int(phase.start * steps): phase.factor for phase in penalty.phases}
    biases_from = int(penalty.bias_from * steps)
    edges = sorted({0, *begins, biases_from, steps})
    found = []
    factor = 1.0
    for start, stop in pairwise(edges):
        factor = begins.get(start, factor)
        found.append(Stretch(start, min(stop, steps), factor, start >= biases_from))
    return tuple(stretch for stretch in found if stretch.start < stretch.stop)


def prices(
    population: Population,
    *,
    locality: Float[Tensor, " member"],
    spacing: Float[Tensor, " member"],
    reduce: str,
    biases: bool = True,
    no_locality_into: Collection[str] = (),
) -> Float[Tensor, "member width"]:
    """The price of a unit of each parameter's magnitude, laid out like `population.flat`.

    A weight between a and b costs A d_ab + l0, a bias or an embedding l0; under reduce='mean'
    every parameter's prices are divided by its number of entries (arXiv 2305.08746, eq. 1-2).
    """
    table = torch.zeros_like(population.flat)
    views = population.views(table)
    shapes = population.architecture.shapes

    def scale(name: str) -> float:
        return 1.0 / torch.Size(shapes[name]).numel() if reduce == "mean" else 1.0

    wiring = population.architecture.wiring
    for connection in wiring.connections:
        local = locality * (connection.target not in no_locality_into)
        distance = repeat_folds(population.distances(connection), connection)
        price = local[:, None, None] * distance + spacing[:, None, None]
        views[connection.parameter].copy_(price * scale(connection.parameter))
    for attachment in wiring.attachments:
        if attachment.kind == "bias" and not biases:
            continue
        view = views[attachment.parameter]
        price = spacing * scale(attachment.parameter)
        view.copy_(price.view(-1, *[1] * (view.dim() - 1)).expand_as(view))
    return table


def repeat_folds(table: Tensor, connection: Connection) -> Tensor:
    """A table [P, target, source] of one fold, repeated to the shape of the parameter."""
    return table.repeat(1, connection.target_folds, connection.source_folds)


def connection_cost(
    flat: Float[Tensor, "member width"], prices: Float[Tensor, "member width"]
) -> Float[Tensor, " member"]:
    """sum |theta| * price for every member (arXiv 2305.08746, equation 2)."""
    return (flat.abs() * prices).sum(dim=1)
