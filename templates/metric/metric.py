"""Template name: a measurement of trained networks. See docs/extending.md, 'A metric'."""

import torch

from bimt_bench.metrics import PerMember, Scored, metric, per_member


@metric(
    title="Template name",
    family="sparsity",
    direction="higher",
    low=0.0,
    high=1.0,
    source="Hoyer 2004, JMLR 5: (sqrt(n) - |w|_1 / |w|_2) / (sqrt(n) - 1)",
    untrained="about 0.2: weights that are drawn alike are hardly sparse",
)
def template_name(scored: Scored) -> PerMember:
    """How unequal weights are: 0 where all are alike, 1 where a single one is left."""
    every = torch.cat([weight.flatten(1).abs() for weight in scored.weights.values()], dim=1)
    most = every.shape[1] ** 0.5
    return per_member((most - every.sum(1) / every.square().sum(1).sqrt()) / (most - 1.0))
