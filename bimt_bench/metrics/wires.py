"""The wiring family: what the connections cost, and how long the wires are.

w is the strength of a connection, |W| summed over its window if it has one, and d the in-plane
distance of the neurons it joins. The folds of a connection repeat the distances of one fold.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.metrics.base import PerMember, Scored, per_member, ratio
from bimt_bench.metrics.contract import metric
from bimt_bench.network import Connection


@metric(
    title="Connection cost (A = 1, l0 = 0)",
    family="wiring",
    direction="lower",
    low=0.0,
    unit="weight x length, the task's reduction",
    source=(
        "Liu et al., arXiv 2305.08746, equation 2 at A = 1, l0 = 0: sum over layers of reduce(w d)"
    ),
    untrained="grows with the network: 22 on independence, 0.07 on addition (a mean)",
)
def connection_cost(scored: Scored) -> PerMember:
    """Sum over connections of reduce(w d): the cost at A = 1, l0 = 0, whatever was configured.

    reduce is the task's, sum or mean; connections into a group of `no_locality_into` cost no
    distance, hence nothing here. Biases and embeddings cost only spacing, hence nothing. NaN
    where all weights are 0: there is no wire.
    """
    return _cost(scored, locality=1.0, spacing=0.0)


@metric(
    title="Connection cost at the task's A and l0",
    family="wiring",
    direction="lower",
    low=0.0,
    unit="weight x length, the task's reduction",
    source=(
        "Liu et al., arXiv 2305.08746, equation 2: sum over layers of "
        "reduce(w (A d + l0)) + reduce(|b| l0), + reduce(|E| l0)"
    ),
    untrained="grows with the network: 30 on independence, 0.7 on addition (a mean)",
)
def connection_cost_configured(scored: Scored) -> PerMember:
    """Sum over connections of reduce(w (A d + l0)), plus reduce(|b| l0) and reduce(|E| l0).

    A and l0 are the task's for every member, whatever its recipe charges, A = 0 into the groups of
    `no_locality_into`; biases always count. NaN where all weights are 0: there is no wire.
    """
    penalty = scored.task.penalty
    return _cost(scored, locality=penalty.locality, spacing=penalty.spacing)


@metric(
    title="Mean wire length",
    family="wiring",
    direction="lower",
    low=0.0,
    unit="the geometry's distance",
    source="sum w d / sum w",
    untrained="the mean distance of two neurons: 0.33 on lines, 0.65 on grids",
)
def mean_wire_length(scored: Scored) -> PerMember:
    """Sum w d / sum w over all connections of a member; NaN if it has no weight at all.

    Every wire counts, those into the groups of `no_locality_into` too.
    """
    length = torch.zeros(scored.size, dtype=torch.float64)
    weight = torch.zeros(scored.size, dtype=torch.float64)
    for connection in scored.wiring.connections:
        w, d = _strengths_and_distances(scored, connection)
        length += (w * d).sum(dim=(1, 2))
        weight += w.sum(dim=(1, 2))
    return per_member(ratio(length, weight))


def _strengths_and_distances(
    scored: Scored, connection: Connection
) -> tuple[Float[Tensor, "member target source"], Float[Tensor, "member target source"]]:
    """Strengths w and distances d of a connection, folds end to end as in its parameter."""
    strengths = scored.strengths[connection.parameter].cpu().double()
    distances = scored.population.distances(connection).detach().cpu().double()
    return strengths, distances.repeat(1, connection.target_folds, connection.source_folds)


def _cost(scored: Scored, *, locality: float, spacing: float) -> PerMember:
    """The connection cost [P] at the given A and l0 (arXiv 2305.08746, equation 2)."""
    total = torch.zeros(scored.size, dtype=torch.float64)
    wired = torch.zeros(scored.size, dtype=torch.bool)
    for connection in scored.wiring.connections:
        w, d = _strengths_and_distances(scored, connection)
        wired |= (w != 0).flatten(1).any(dim=1)
        if connection.target in scored.task.penalty.no_locality_into:
            d = torch.zeros_like(d)
        entries = scored.weights[connection.parameter][0].numel()
        total += _reduce(scored, w * (locality * d + spacing), entries)
    for attachment in scored.wiring.attachments:
        values = scored.population.parameters[attachment.parameter].detach().cpu().double().abs()
        total += _reduce(scored, values, values[0].numel()) * spacing
    return per_member(torch.where(wired, total, torch.nan))


def _reduce(scored: Scored, costs: Tensor, entries: int) -> Float[Tensor, " member"]:
    """Costs [P, ...] reduced as the task says: their sum, or that over a parameter's entries."""
    total = costs.flatten(start_dim=1).sum(dim=1)
    return total if scored.task.penalty.reduce == "sum" else total / entries
