"""Pruning by |w|: how few connections carry a member's function, all members at once.

The connections of a member are ranked by |w| (summed over a window), all layers together; keeping
the first m of them and zeroing the others gives its pruned networks (biases and embeddings stay).
Quality is as in `goodness`, on at most 2000 fixed test rows. A member without a function has no
circuit: its figures are undefined, not the best there are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from bimt_bench.metrics.base import PerMember, Scored, once, per_member
from bimt_bench.metrics.contract import metric
from bimt_bench.metrics.goodness import (
    ROWS,
    functionless,
    goodness,
    slack,
    without_function,
)
from bimt_bench.metrics.paths import on_a_path

_GRID = 24  # kept shares between one connection and all, evenly spaced on a logarithmic scale
_BISECTIONS = 8  # of the interval between two grid points: to 0.2 % of it


@dataclass(frozen=True, eq=False)
class Pruning:
    """The pruning curve of a population, and the circuit of each member.

    kept: [K], numbers of connections on the grid, from 0 to all. quality: [K, P].
    circuit: [P], the fewest connections that suffice. total: the number of connections.
    works: [P], whether a member has a function; False too where its outputs are not finite.
    """

    kept: Int64[np.ndarray, " kept"]
    quality: Float64[Tensor, "kept member"]
    circuit: Int64[Tensor, " member"]
    total: int
    works: Bool[Tensor, " member"]


@metric(
    title="Circuit size",
    family="sparsity",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="share of all connections",
    cost="pruning",
    source="min m / n with loss(strongest m of n) <= 1.05 loss, or accuracy >= accuracy - 0.01",
    untrained="none where a constant is as good, else up to 0.4: it has no function",
    undefined=without_function,
)
def circuit_size(scored: Scored) -> PerMember:
    """Smallest share of connections, kept by |w|, that is good enough.

    Good enough: test loss at most 5 % above the full network's, or accuracy at most 1 point
    below. The smallest m on the grid above which all m suffice, refined by bisection towards the
    next smaller m, which does not. NaN for a member without a function, for which a constant
    answer is good enough.
    """
    pruning = prune(scored)
    share = pruning.circuit.double() / pruning.total
    return per_member(torch.where(pruning.works, share, torch.nan))


def _no_area(scored: Scored) -> tuple[str, ...]:
    told = without_function(scored)
    return tuple(one or "its biases alone are as good" for one in told)


@metric(
    title="Area under the pruning curve",
    family="sparsity",
    direction="higher",
    low=0.0,
    high=1.0,
    cost="pruning",
    source=(
        "1 / log n integral of (q(m) - q(0)) / (q(n) - q(0)) d log m over 1 .. n, "
        "m of n connections kept by |w|"
    ),
    untrained="none where a constant is as good, else below 0.3",
    undefined=_no_area,
)
def pruning_area(scored: Scored) -> PerMember:
    """Area under the pruning curve: quality retained against the logarithm of the kept share.

    retained(m) = (q(m) - q(0)) / (q(all) - q(0)), cut to [0, 1]; the area is its integral over
    log m from 1 to all (trapezoids), over log(all): 1 if one connection does everything. NaN for
    a member without a function, and for one that is no better than its biases alone.
    """
    pruning = prune(scored)
    quality = pruning.quality
    gain = quality[-1] - quality[0]
    retained = ((quality[1:] - quality[0]) / gain).clamp(0.0, 1.0)
    at = torch.from_numpy(np.log(pruning.kept[1:]))
    # each member's curve in a row: a sum down columns rounds by how many there are
    rows = retained.T.contiguous()
    area = torch.trapezoid(rows, at, dim=1) / max(math.log(pruning.total), 1e-12)
    return per_member(torch.where(pruning.works & (gain > 0), area, torch.nan))


@metric(
    title="Live neurons",
    family="sparsity",
    direction="lower",
    low=0.0,
    high=1.0,
    unit="share of all neurons",
    cost="pruning",
    source="neurons on an input-to-output path of the pruned circuit / all neurons",
    untrained="none where a constant is as good, else nearly all",
    undefined=without_function,
)
def live_neurons(scored: Scored) -> PerMember:
    """Share of all neurons that lie on an input-to-output path of the pruned circuit.

    NaN for a member without a function.
    """
    pruning = prune(scored)
    kept = masks(_ranks(scored), pruning.circuit)
    alive = {n: (scored.strengths[n].cpu() != 0) & m.cpu() for n, m in kept.items()}
    lying = torch.cat(list(on_a_path(scored.wiring, alive).values()), dim=1).double().mean(dim=1)
    return per_member(torch.where(pruning.works, lying, torch.nan))


@once
@torch.no_grad()
def prune(scored: Scored) -> Pruning:
    """The pruning curve on the grid, and by bisection the smallest circuit of each member."""
    ranks = _ranks(scored)
    total = sum(w[0].numel() for w in scored.strengths.values())
    grid = np.geomspace(1, total, _GRID).round().astype(np.int64)
    kept = np.unique(np.concatenate([[0], grid]))
    full = torch.full((scored.size,), total)
    quality = torch.stack([_quality(scored, ranks, torch.full_like(full, m)) for m in kept])
    enough = quality[-1] - slack(scored, quality[-1])
    circuit = fewest(
        torch.from_numpy(kept), quality >= enough, lambda m: _quality(scored, ranks, m) >= enough
    )
    works = enough.isfinite() & ~functionless(scored)
    return Pruning(kept=kept, quality=quality, circuit=circuit, total=total, works=works)


def fewest(
    grid: Int64[Tensor, " kept"],
    suffices: Bool[Tensor, "kept member"],
    suffice: Callable[[Int64[Tensor, " member"]], Bool[Tensor, " member"]],
) -> Int64[Tensor, " member"]:
    """The smallest number on an ascending grid above which all suffice, refined by bisection.

    Towards the next smaller number, which does not suffice. Of a member for which not even the
    last one does, the last one.
    """
    above = suffices.flip(0).int().cumprod(dim=0).flip(0).bool()
    index = len(grid) - above.sum(dim=0).clamp(min=1)
    high, low = grid[index], grid[(index - 1).clamp(min=0)]
    for _ in range(_BISECTIONS):
        if bool((high - low <= 1).all()):
            break
        middle = (low + high) // 2
        good = suffice(middle)
        high, low = torch.where(good, middle, high), torch.where(good, low, middle)
    return high


def _ranks(scored: Scored) -> dict[str, Int64[Tensor, "member _ _"]]:
    """The place of every connection in its member's order of |w|, strongest 0."""
    return places(scored.strengths)


def places(sizes: dict[str, Tensor]) -> dict[str, Int64[Tensor, "member _ _"]]:
    """The place of every entry in its member's order of size, all tables together, largest 0."""
    flat = torch.cat([size.flatten(1) for size in sizes.values()], dim=1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    ranks = torch.empty_like(order)
    ranks.scatter_(1, order, torch.arange(flat.shape[1], device=flat.device).expand_as(order))
    parts = ranks.split([size[0].numel() for size in sizes.values()], dim=1)
    return {
        n: part.reshape(size.shape) for (n, size), part in zip(sizes.items(), parts, strict=True)
    }


def masks(
    ranks: dict[str, Tensor], kept: Int64[Tensor, " member"]
) -> dict[str, Bool[Tensor, "member _ _"]]:
    """Which connections stay when each member keeps its strongest `kept`."""
    return {name: rank < kept.to(rank.device)[:, None, None] for name, rank in ranks.items()}


def _quality(
    scored: Scored, ranks: dict[str, Tensor], kept: Int64[Tensor, " member"]
) -> Float64[Tensor, " member"]:
    """Accuracy or minus the loss of every member, keeping its strongest connections only."""
    total, count = torch.zeros(scored.size, dtype=torch.float64), 0
    for outputs, wanted in scored.probe(ROWS).chunks(pruned(scored, ranks, kept)):
        total += goodness(scored, outputs, wanted)
        count += len(wanted)
    return total / count


def pruned(
    scored: Scored, ranks: dict[str, Tensor], kept: Int64[Tensor, " member"]
) -> dict[str, Tensor]:
    """The weights when each member keeps its first `kept` in the order of ranks."""
    found = {}
    for name, mask in masks(ranks, kept).items():
        weight = scored.weights[name]
        window = (1,) * (weight.dim() - mask.dim())
        found[name] = torch.where(mask.reshape(*mask.shape, *window), weight, 0.0)
    return found
