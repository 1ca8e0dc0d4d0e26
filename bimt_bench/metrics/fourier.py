"""Algorithmic: do embeddings of residues concentrate on few Fourier frequencies?

Power at frequency f of embedding dimension d is |sum_t E[t, d] exp(-2 pi i f t / p)|^2, for
f = 1 .. floor(p / 2); the constant is left out. Networks that learnt modular addition by rotation
hold their power in a few key frequencies (Nanda et al., arXiv 2301.05217, section 4; Gromov,
arXiv 2301.02679); a random embedding spreads it over all.
"""

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from bimt_bench.metrics import needs
from bimt_bench.metrics.base import PerMember, Scored, per_member, ratio
from bimt_bench.metrics.contract import metric

_MOST = 0.9  # of the power: what key frequencies hold


@metric(
    title="Fourier concentration",
    family="algorithmic",
    direction="higher",
    low=0.0,
    high=1.0,
    unit="share of power",
    source="after Nanda et al., arXiv 2301.05217: sum_d max_f P[f, d] / sum P over tokens",
    untrained="0.14 with 29 frequencies",
    need=needs.RESIDUES,
)
def fourier_concentration(scored: Scored) -> PerMember:
    """Share of power in each dimension's strongest frequency, weighted by the dimension's power.

    sum_d max_f P[f, d] / sum_d sum_f P[f, d]; NaN for an embedding without power.
    """
    power = _power(scored)
    return per_member(ratio(power.amax(dim=1).sum(dim=1), power.sum(dim=(1, 2))))


@metric(
    title="Key frequencies",
    family="algorithmic",
    direction="lower",
    low=1.0,
    unit="frequencies",
    source="after Nanda et al., arXiv 2301.05217: fewest frequencies holding 90 % of the power",
    untrained="25 or 26 of 29",
    need=needs.RESIDUES,
)
def fourier_key_frequencies(scored: Scored) -> PerMember:
    """The fewest frequencies that hold 90 % of the power of all dimensions together."""
    keys = key_frequencies(scored).sum(dim=1).double()
    return per_member(torch.where(keys > 0, keys, torch.nan))


def key_frequencies(scored: Scored) -> Bool[Tensor, "member frequency"]:
    """The fewest frequencies, from 1 on, that hold 90 % of the power; none if there is no power."""
    power, order = _spectrum(scored).sort(dim=1, descending=True)
    shares = power.cumsum(dim=1) / power.sum(dim=1, keepdim=True)
    count = (shares < _MOST - 1e-12).sum(dim=1) + 1
    count = torch.where(shares[:, -1].isfinite(), count, 0)
    first = torch.arange(power.shape[1]).expand_as(order) < count[:, None]
    return torch.zeros_like(first).scatter(1, order, first)


@metric(
    title="Gini of Fourier power",
    family="algorithmic",
    direction="higher",
    low=0.0,
    high=1.0,
    source="Nanda et al., arXiv 2301.05217: sum (2 i - F - 1) P_(i) / (F sum P), P ascending",
    untrained="0.10 to 0.12",
    need=needs.RESIDUES,
)
def fourier_gini(scored: Scored) -> PerMember:
    """Gini coefficient of power over frequencies: 0 if equal, 1 - 1 / F if one of F has it all.

    sum_i (2 i - F - 1) P_(i) / (F sum P) with powers in ascending order, i from 1.
    """
    power = _spectrum(scored).sort(dim=1).values
    count = power.shape[1]
    ranks = 2 * torch.arange(1, count + 1, dtype=torch.float64) - count - 1
    return per_member(ratio((ranks * power).sum(dim=1), count * power.sum(dim=1)))


def _power(scored: Scored) -> Float64[Tensor, "member frequency dimension"]:
    """Power of each embedding dimension over tokens, relative to the member's largest entry."""
    embedding = _embedding(scored)
    largest = embedding.abs().amax(dim=(1, 2), keepdim=True)
    scaled = embedding / torch.where(largest == 0, 1.0, largest)  # squares must not vanish
    spectrum = torch.fft.rfft(scaled - scaled.mean(dim=1, keepdim=True), dim=1)[:, 1:]
    return spectrum.abs().square()


def _embedding(scored: Scored) -> Float64[Tensor, "member residue dimension"]:
    """The embeddings of residues, side by side; other tables, as of places, have other lengths."""
    residues = scored.data.residues
    tokens = scored.data.tokens
    if residues is None:
        raise ValueError(f"fourier: the tokens of task '{scored.task.name}' are no residues")
    found = [torch.zeros(scored.size, residues.modulus, 0, dtype=torch.float64)]
    for one in scored.wiring.attachments:
        table = scored.population.parameters[one.parameter].detach().cpu().double()
        if one.kind == "embedding" and table.dim() == 3:
            table = table.movedim(one.axis, 2)
            found += [table[:, : residues.modulus]] if table.shape[1] == tokens else []
    if len(found) == 1:
        raise ValueError("fourier: no embedding has a row for each token")
    return torch.cat(found, dim=2)


def _spectrum(scored: Scored) -> Float64[Tensor, "member frequency"]:
    return _power(scored).sum(dim=2)
