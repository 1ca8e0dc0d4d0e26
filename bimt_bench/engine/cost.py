"""The connection cost.

The cost is linear in the magnitudes of the parameters, so it is kept as a table of prices laid
out like the parameters: cost = sum |theta| * price, and its gradient is sign(theta) * price.
"""

from collections.abc import Collection

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from bimt_bench.engine.population import Population
from bimt_bench.network import Connection


def prices(
    population: Population,
    *,
    locality: Float[Tensor, " member"],
    spacing: Float[Tensor, " member"],
    reduce: str,
    biases: bool | Bool[Tensor, " member"] = True,
    no_locality_into: Collection[str] = (),
    rows: slice = slice(None),
) -> Float[Tensor, "member width"]:
    """The price of a unit of each parameter's magnitude, laid out like rows of `population.flat`.

    A weight between a and b costs A d_ab + l0, a bias or an embedding l0; under reduce='mean'
    every parameter's prices are divided by its number of entries (arXiv 2305.08746, eq. 1-2).
    Each entry of a window has the price of its connection.
    `biases` says whether biases cost anything, for all members or for each.
    """
    table = torch.zeros_like(population.flat[rows])
    views = population.views(table)
    shapes = population.architecture.shapes

    def scale(name: str) -> float:
        return 1.0 / torch.Size(shapes[name]).numel() if reduce == "mean" else 1.0

    wiring = population.architecture.wiring
    for connection in wiring.connections:
        local = locality * (connection.target not in no_locality_into)
        distance = repeat_folds(population.distances(connection)[rows], connection)
        price = local[:, None, None] * distance + spacing[:, None, None]
        view = views[connection.parameter]
        price = (price * scale(connection.parameter)).view(*price.shape, *[1] * (view.dim() - 3))
        view.copy_(price.expand_as(view))
    for attachment in wiring.attachments:
        view = views[attachment.parameter]
        price = spacing * scale(attachment.parameter)
        if attachment.kind == "bias":
            price = price * biases
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
