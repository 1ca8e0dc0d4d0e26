"""A metric: how unequal the weights of a network are."""

import torch

from bimt_bench.metrics import PerMember, Scored, metric, per_member


@metric(
    title="Inequality of weights",
    family="sparsity",
    direction="higher",
    low=0.0,
    high=1.0,
    source="Hurley and Rickard 2009, IEEE Trans. Inf. Theory 55: the Gini index of |w|",
    untrained="1/3 for weights drawn evenly around 0",
)
def inequality(scored: Scored) -> PerMember:
    """0 where all weights are alike, near 1 where one is left."""
    every = torch.cat([weight.flatten(1).abs() for weight in scored.weights.values()], dim=1)
    ranks = torch.arange(1, every.shape[1] + 1, device=every.device, dtype=every.dtype)
    share = every.sort(dim=1).values / every.sum(dim=1, keepdim=True)
    return per_member(1.0 + 1.0 / len(ranks) - 2.0 * (share * ranks.flip(0)).sum(1) / len(ranks))
