"""Twins: neurons of a group that send the same, but for its scale and sign. What they add counts.

What twins give to one neuron may cancel out: they carry much and add nothing. So each wire of
theirs keeps the share of its flow that is left of all of them together. And a neuron may be split
into twins, whose many wires are less modular by chance than its few: so they can be made one node.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from bimt_bench.network import Connection, Wiring

# Correlations from here on are those of neurons that send the same, but for rounding in float64.
_ALIKE = 1.0 - 1e-6


@dataclass(frozen=True, eq=False)
class Twins:
    """Some neurons of one member's group that send the same: their positions and signs."""

    member: int
    positions: Int64[Tensor, " twin"]
    signs: Float64[Tensor, " twin"]


def twins_among(
    active: Float64[Tensor, "member sample neuron"], spread: Float64[Tensor, "member neuron"]
) -> list[Twins]:
    """All twins in a group, given what its neurons send and how much that varies.

    A neuron that sends a constant (spread 0) is nobody's twin, nor is one that is not finite.
    """
    found = []
    for member, (seen, varied) in enumerate(zip(active, spread, strict=True)):
        alike = _alike(seen, varied > 0)  # one at a time, as what neurons send may be large
        close = alike.abs() >= _ALIKE
        close.fill_diagonal_(False)
        if not close.any():
            continue
        _, classes = connected_components(close.numpy(), directed=False)
        for one in np.flatnonzero(np.bincount(classes) > 1):
            positions = torch.from_numpy(np.flatnonzero(classes == one))
            signs = alike[positions[0], positions].sign()
            found.append(Twins(member, positions, signs))
    return found


def _alike(
    seen: Float64[Tensor, "sample neuron"], varies: Bool[Tensor, " neuron"]
) -> Float64[Tensor, "neuron neuron"]:
    """The correlations of what neurons send; 0 of those that send a constant or no numbers."""
    unit = seen - seen.mean(dim=0)
    known = varies & unit.isfinite().all(dim=0)
    unit /= torch.where(known, unit.norm(dim=0), 1.0)
    unit.masked_fill_(~known, 0.0)
    return unit.mT @ unit


def net(
    connection: Connection,
    flows: Float64[Tensor, "member targets sources"],
    weights: Tensor,
    spread: Float64[Tensor, "member sources"],
    twins: Mapping[str, list[Twins]],
) -> Float64[Tensor, "member targets sources"]:
    """The flows of a connection, those of twins cut down to what is left of them together.

    weights: the connection's, [P, targets, sources, *window].
    """
    own = twins.get(connection.source, [])
    if not own:
        return flows
    found, size = flows.clone(), flows.shape[2] // connection.source_folds
    for one in own:
        for fold in range(connection.source_folds):
            at = one.positions + fold * size
            signed = weights[one.member][:, at].detach().cpu().double()
            scale = spread[one.member, at] * one.signs
            given = signed.reshape(*signed.shape[:2], -1) * scale[:, None]
            found[one.member, :, at] *= _left(given)[:, None]
    return found


def merged(
    wiring: Wiring,
    edges: Mapping[str, Float64[np.ndarray, "member target source"]],
    twins: Mapping[str, list[Twins]],
) -> dict[str, Float64[np.ndarray, "member target source"]]:
    """Edges, by connection parameter, of which the first of several twins has those of all."""
    found = dict(edges)
    for group, own in twins.items():
        for connection in [*wiring.into(group), *wiring.out_of(group)] if own else ():
            found[connection.parameter] = edges[connection.parameter].copy()
    for group, own in twins.items():
        for one in own:
            for connection in wiring.into(group):
                _gather(found[connection.parameter][one.member], one.positions.numpy())
            for connection in wiring.out_of(group):
                _gather(found[connection.parameter][one.member].T, one.positions.numpy())
    return found


def _gather(
    edges: Float64[np.ndarray, "twin_or_other other"], twins: Int64[np.ndarray, " twin"]
) -> None:
    """Puts the edges of twins into the row of the first, adding them up by size."""
    together = np.sort(edges[twins], axis=0).sum(axis=0)
    edges[twins] = 0.0
    edges[twins[0]] = together


def _left(given: Float64[Tensor, "targets twin entry"]) -> Float64[Tensor, " targets"]:
    """What is left of the flows of twins into each target, as a share of all of it."""
    # by size, so that the sum is the same in whatever order the twins stand
    order = given.abs().argsort(dim=1, stable=True)
    together = given.gather(1, order).sum(dim=1).abs().sum(dim=1)
    gross = given.abs().sum(dim=(1, 2))
    return torch.where(gross > 0, together / gross, 1.0)
