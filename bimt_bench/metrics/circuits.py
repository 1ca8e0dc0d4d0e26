"""Pruning by |w|: how few connections carry a member's function, all members at once.

The connections of a member are ranked by |w|, all layers together; keeping the first m of them
and zeroing the others gives its pruned networks (biases and embeddings stay). Quality is accuracy
where the task is measured by it, else minus the test loss, on at most 2000 fixed test rows.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from bimt_bench.metrics.base import Metric, PerMember, Scored, once, per_member
from bimt_bench.metrics.losses import row_losses
from bimt_bench.metrics.paths import on_a_path

_ROWS = 2000
_GRID = 24  # kept shares between one connection and all, evenly spaced on a logarithmic scale
_BISECTIONS = 8  # of the interval between two grid points: to 0.2 % of it
_LOSS_SLACK = 0.05
_ACCURACY_SLACK = 0.01


@dataclass(frozen=True, eq=False)
class Pruning:
    """The pruning curve of a population, and the circuit of each member.

    kept: [K], numbers of connections on the grid, from 0 to all. quality: [K, P].
    circuit: [P], the fewest connections that suffice. total: the number of connections.
    enough: [P], the quality that suffices; NaN for a member whose outputs are not finite.
    """

    kept: Int64[np.ndarray, " kept"]
    quality: Float64[Tensor, "kept member"]
    circuit: Int64[Tensor, " member"]
    total: int
    enough: Float64[Tensor, " member"]


def circuit_size(scored: Scored) -> PerMember:
    """Smallest share of connections, kept by |w|, that is good enough.

    Good enough: test loss at most 5 % above the full network's, or accuracy at most 1 point
    below. The smallest m on the grid above which all m suffice, refined by bisection towards the
    next smaller m, which does not. 0 if the biases alone suffice.
    """
    pruning = prune(scored)
    share = pruning.circuit.double() / pruning.total
    return per_member(torch.where(pruning.enough.isfinite(), share, torch.nan))


def pruning_area(scored: Scored) -> PerMember:
    """Area under the pruning curve: quality retained against the logarithm of the kept share.

    retained(m) = (q(m) - q(0)) / (q(all) - q(0)), cut to [0, 1]; the area is its integral over
    log m from 1 to all (trapezoids), over log(all): 1 if one connection does everything. NaN for
    a member that is no better than its biases alone.
    """
    pruning = prune(scored)
    quality = pruning.quality
    gain = quality[-1] - quality[0]
    retained = ((quality[1:] - quality[0]) / gain).clamp(0.0, 1.0)
    at = torch.from_numpy(np.log(pruning.kept[1:]))
    area = torch.trapezoid(retained, at, dim=0) / max(math.log(pruning.total), 1e-12)
    return per_member(torch.where(gain > 0, area, torch.nan))


def live_neurons(scored: Scored) -> PerMember:
    """Share of all neurons that lie on an input-to-output path of the pruned circuit."""
    pruning = prune(scored)
    masks = _masks(_ranks(scored), pruning.circuit)
    alive = {n: (scored.weights[n].cpu() != 0) & m.cpu() for n, m in masks.items()}
    lying = torch.cat(list(on_a_path(scored.wiring, alive).values()), dim=1).double().mean(dim=1)
    return per_member(torch.where(pruning.enough.isfinite(), lying, torch.nan))


@once
@torch.no_grad()
def prune(scored: Scored) -> Pruning:
    """The pruning curve on the grid, and by bisection the smallest circuit of each member."""
    ranks = _ranks(scored)
    total = sum(w[0].numel() for w in scored.weights.values())
    grid = np.geomspace(1, total, _GRID).round().astype(np.int64)
    kept = np.unique(np.concatenate([[0], grid]))
    full = torch.full((scored.size,), total)
    quality = torch.stack([_quality(scored, ranks, torch.full_like(full, m)) for m in kept])
    enough = _enough(scored, quality[-1])
    suffices = (quality >= enough).flip(0).int().cumprod(dim=0).flip(0).bool()
    index = len(kept) - suffices.sum(dim=0).clamp(min=1)
    counts = torch.from_numpy(kept)
    high, low = counts[index], counts[(index - 1).clamp(min=0)]
    for _ in range(_BISECTIONS):
        middle = (low + high) // 2
        good = _quality(scored, ranks, middle) >= enough
        high, low = torch.where(good, middle, high), torch.where(good, low, middle)
        if bool((high - low <= 1).all()):
            break
    return Pruning(kept=kept, quality=quality, circuit=high, total=total, enough=enough)


def _enough(scored: Scored, full: Float64[Tensor, " member"]) -> Float64[Tensor, " member"]:
    """The quality that suffices, given the full network's."""
    slack = _ACCURACY_SLACK + 1e-12 if _by_accuracy(scored) else _LOSS_SLACK * full.abs()
    return full - slack


def _by_accuracy(scored: Scored) -> bool:
    return scored.task.performance == "accuracy"


def _ranks(scored: Scored) -> dict[str, Int64[Tensor, "member _ _"]]:
    """The place of every connection in its member's order of |w|, strongest 0."""
    names = [connection.parameter for connection in scored.wiring.connections]
    flat = torch.cat([scored.weights[name].detach().abs().flatten(1) for name in names], dim=1)
    ranks = flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    shapes = [scored.weights[name].shape for name in names]
    parts = ranks.split([shape[1] * shape[2] for shape in shapes], dim=1)
    return {n: part.reshape(s) for n, part, s in zip(names, parts, shapes, strict=True)}


def _masks(
    ranks: dict[str, Tensor], kept: Int64[Tensor, " member"]
) -> dict[str, Bool[Tensor, "member _ _"]]:
    """Which connections stay when each member keeps its strongest `kept`."""
    return {name: rank < kept.to(rank.device)[:, None, None] for name, rank in ranks.items()}


def _quality(
    scored: Scored, ranks: dict[str, Tensor], kept: Int64[Tensor, " member"]
) -> Float64[Tensor, " member"]:
    """Accuracy or minus the loss of every member, keeping its strongest connections only."""
    inputs, targets = scored.probe(_ROWS)
    masks = _masks(ranks, kept)
    pruned = {n: torch.where(m, scored.weights[n], 0.0) for n, m in masks.items()}
    total = torch.zeros(scored.size, dtype=torch.float64)
    for rows, wanted in zip(inputs.split(scored.rows), targets.split(scored.rows), strict=True):
        outputs = scored.outputs_with(pruned, rows).cpu()
        if _by_accuracy(scored):
            right = (outputs.argmax(dim=2) == wanted).double()
            total += torch.where(outputs.isfinite().all(dim=2), right, torch.nan).sum(dim=1)
        else:
            total -= row_losses(scored.task, outputs, wanted).sum(dim=1)
    return total / len(inputs)


FAMILY = (
    Metric(
        name="circuit_size",
        family="sparsity",
        title="Circuit size",
        direction="lower",
        low=0.0,
        high=1.0,
        unit="share of all connections",
        cost="pruning",
        source="min m / n with loss(strongest m of n) <= 1.05 loss, or accuracy >= accuracy - 0.01",
        compute=circuit_size,
    ),
    Metric(
        name="pruning_area",
        family="sparsity",
        title="Area under the pruning curve",
        direction="higher",
        low=0.0,
        high=1.0,
        unit="",
        cost="pruning",
        source="1 / log n integral of (q(m) - q(0)) / (q(n) - q(0)) d log m over 1 .. n, "
        "m of n connections kept by |w|",
        compute=pruning_area,
    ),
    Metric(
        name="live_neurons",
        family="sparsity",
        title="Live neurons",
        direction="lower",
        low=0.0,
        high=1.0,
        unit="share of all neurons",
        cost="pruning",
        source="neurons on an input-to-output path of the pruned circuit / all neurons",
        compute=live_neurons,
    ),
)
