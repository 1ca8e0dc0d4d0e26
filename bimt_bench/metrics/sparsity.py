"""Sparsity: over how many connections a member spreads its weight.

w = |W| over all connections of a member together, folds counted apart.
"""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from bimt_bench.metrics.base import Metric, PerMember, Scored, per_member, ratio


def effective_connections(scored: Scored) -> PerMember:
    """exp(entropy of w / sum w) over the number of connections.

    1 when all weights are equal, 1 / n when one of n carries everything; NaN if all are zero.
    """
    w = _strengths(scored)
    shares = ratio(w, w.sum(dim=1, keepdim=True))
    entropy = -torch.special.xlogy(shares, shares).sum(dim=1)
    return per_member(entropy.exp() / w.shape[1])


def participation_ratio(scored: Scored) -> PerMember:
    """(sum w)^2 / sum w^2: as many equal connections would be as concentrated.

    Between 1 and the number of connections; NaN if all weights are zero.
    """
    w = _strengths(scored)
    largest = w.amax(dim=1, keepdim=True)
    w = ratio(w, largest)  # squares of tiny weights must not vanish
    return per_member(w.sum(dim=1).square() / w.square().sum(dim=1))


def _strengths(scored: Scored) -> Float64[Tensor, "member connection"]:
    """|W| of every connection of every member."""
    parameters = [scored.weights[c.parameter] for c in scored.wiring.connections]
    return torch.cat([w.detach().cpu().double().abs().flatten(1) for w in parameters], dim=1)


FAMILY = (
    Metric(
        name="effective_connections",
        family="sparsity",
        title="Effective connections",
        direction="lower",
        low=0.0,
        high=1.0,
        unit="share of all connections",
        cost="cheap",
        source="exp(-sum p log p) / n with p = w / sum w over n connections",
        compute=effective_connections,
    ),
    Metric(
        name="participation_ratio",
        family="sparsity",
        title="Participation ratio",
        direction="lower",
        low=1.0,
        high=math.inf,
        unit="connections",
        cost="cheap",
        source="(sum w)^2 / sum w^2",
        compute=participation_ratio,
    ),
)
