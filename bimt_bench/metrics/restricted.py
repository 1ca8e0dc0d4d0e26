"""Algorithmic: do the logits of modular addition rest on the key frequencies of the embedding?

With K the key frequencies and c = a + b mod p, the part of a logit that the algorithm of rotations
explains is its projection on cos(2 pi k c / p) and sin(2 pi k c / p), k in K, over all p^2 pairs
(Nanda et al., arXiv 2301.05217, section 5.1). As every c is the sum of p pairs, that is the
Fourier transform of the mean logits of each c.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from bimt_bench.metrics import needs
from bimt_bench.metrics.base import PerMember, Scored, once, per_member
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.fourier import key_frequencies
from bimt_bench.metrics.losses import row_losses


@metric(
    title="Restricted loss",
    family="algorithmic",
    direction="lower",
    low=0.0,
    unit="the task's loss",
    source=(
        "Nanda et al., arXiv 2301.05217: test loss of the logits projected on "
        "cos, sin(2 pi k (a + b) / p), k the key frequencies, and their mean"
    ),
    untrained="log of the modulus, as the test loss: 4.08",
    need=needs.ADDITION,
)
def restricted_loss(scored: Scored) -> PerMember:
    """The loss on the test data of nothing but the mean logits and their key frequencies' part.

    No higher than the test loss if the member computes by rotations. NaN for an embedding without
    power, and where an output is not finite.
    """
    key, mean = _parts(scored)
    targets = scored.data.test_targets.cpu()
    return per_member(row_losses(scored.task, (key + mean)[:, targets], targets).mean(dim=1))


@metric(
    title="Excluded loss",
    family="algorithmic",
    direction="higher",
    low=0.0,
    unit="the task's loss",
    source=(
        "Nanda et al., arXiv 2301.05217: training loss of the logits without their "
        "projection on cos, sin(2 pi k (a + b) / p), k the key frequencies"
    ),
    untrained="log of the modulus, as the training loss: 4.08",
    need=needs.ADDITION,
)
def excluded_loss(scored: Scored) -> PerMember:
    """The loss on the training data when the key frequencies' part is taken out of the logits.

    As low as the training loss if the member has learnt its pairs by heart, high if it computes
    by rotations. NaN as for `restricted_loss`.
    """
    key, _ = _parts(scored)
    outputs, targets = scored.ask(scored.data.train_inputs, scored.data.train_targets).answered()
    kept = outputs.double() - key[:, targets]
    return per_member(row_losses(scored.task, kept, targets).mean(dim=1))


@once
def _parts(
    scored: Scored,
) -> tuple[Float64[Tensor, "member sum logit"], Float64[Tensor, "member 1 logit"]]:
    """By the sum c: the key frequencies' part of the logits; and the mean logits over all c."""
    data = scored.data
    inputs = torch.cat([data.train_inputs, data.test_inputs])
    wanted = torch.cat([data.train_targets, data.test_targets])
    answered, targets = scored.ask(inputs, wanted).answered()
    outputs = answered.double()
    residues = outputs.shape[2]
    sums = torch.zeros(scored.size, residues, residues, dtype=torch.float64)
    sums.index_add_(1, targets, outputs)
    means = sums / targets.bincount(minlength=residues)[:, None]
    spectrum = torch.fft.rfft(means, dim=1)
    keys = torch.nn.functional.pad(key_frequencies(scored), (1, 0))  # the constant is none
    key = torch.fft.irfft(spectrum * keys[:, :, None], n=residues, dim=1)
    key = torch.where(keys.any(dim=1)[:, None, None], key, torch.nan)
    return key, means.mean(dim=1, keepdim=True)
