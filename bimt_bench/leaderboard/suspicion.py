"""What looks wrong about weights though their figures are true: useless ones, tricks, test data.

Structure that ranks is measured on the attribution graph, where a weight that does nothing counts
for nothing; these checks are for figures that are measured on the weights themselves. Copies have
a file of their own.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from bimt_bench.engine import TaskLoss, TaskMeasure
from bimt_bench.leaderboard.verdict import Finding, Level, fault, flag
from bimt_bench.metrics import AttributionGraph, Scored, attributions
from bimt_bench.packs import trivial_performance

ROWS = 2000
IDLE = 0.5
"""Share of the sum of W^2 on wires that carry nothing.

At most 0.29 in networks of all recipes but one, which rewards them; 0.97 to 1 where useless wires
were added to buy modularity of the weights.
"""
NEGLIGIBLE = 1e-3
LOST = 0.02
"""Performance lost without weights below 1e-3 of the largest, as a share of what there is to gain.

At most 0.003 in honest networks, nearly all of it where layers are rescaled against each other.
"""
UNSEEN = 0.52
"""Chance that a test row loses more than a training row, the mean of an entry's members.

Honest entries .53 to .95, networks that were trained on the test data at most .54.
"""


@dataclass(frozen=True, eq=False)
class Signs:
    """What the checks measure of each member, [P]; NaN where a member can do nothing."""

    idle: Float64[np.ndarray, " member"]
    lost: Float64[np.ndarray, " member"]
    unseen: Float64[np.ndarray, " member"]


def signs(scored: Scored) -> Signs:
    """Of members the share of idle weight, what weak weights do, and how the test data fare."""
    lost, able = _lost(scored)
    return Signs(
        idle=np.where(able, _idle(scored), np.nan),
        lost=np.where(able, lost, np.nan),
        unseen=np.where(able, _unseen(scored), np.nan),
    )


def joined(parts: Sequence[Signs]) -> Signs:
    """The signs of members that were looked at in parts."""
    nothing = [np.zeros(0)]
    return Signs(
        idle=np.concatenate([one.idle for one in parts] or nothing),
        lost=np.concatenate([one.lost for one in parts] or nothing),
        unseen=np.concatenate([one.unseen for one in parts] or nothing),
    )


def suspicions(members: Sequence[str], found: Signs) -> Iterator[Finding]:
    """What is said of members that look wrong; the worst one is named."""
    yield from _beyond(
        members, found.idle, IDLE, say=flag, code="idle_weights",
        told="of the sum of W^2 lies on wires that carry nothing: figures of raw weights are not "
        "to be trusted",
    )  # fmt: skip
    yield from _beyond(
        members, found.lost, LOST, say=fault, code="rescaled_weights",
        told="of what there is to gain hangs on weights below a thousandth of the largest",
    )  # fmt: skip
    if np.isfinite(found.unseen).any() and (mean := float(np.nanmean(found.unseen))) < UNSEEN:
        told = (
            f"a test row loses more than a training row with a chance of {mean:.2f} only: "
            "the test data may have been trained on, which cannot be proven"
        )
        yield flag("rescored", "test_data_seen", told)


def _beyond(
    members: Sequence[str],
    values: np.ndarray,
    most: float,
    *,
    say: Callable[[Level, str, str, str], Finding],
    code: str,
    told: str,
) -> Iterator[Finding]:
    beyond = np.flatnonzero(np.nan_to_num(values, nan=-np.inf) > most)
    if not len(beyond):
        return
    worst = int(np.nanargmax(values))
    words = f"{len(beyond)} of {len(members)} members: up to {values[worst]:.2f} {told}"
    yield say("rescored", code, words, members[worst])


# ------------------------------------------------------------------------------ idle weight


def _idle(scored: Scored) -> Float64[np.ndarray, " member"]:
    """The share of the sum of W^2 on wires that are no edge of the attribution graph."""
    total, used = np.zeros(scored.size), np.zeros(scored.size)
    masks = [None if one is None else _edges(scored, one) for one in attributions(scored)]
    for connection in scored.wiring.connections:
        squares = scored.strengths[connection.parameter].cpu().double().square().numpy()
        total += squares.sum(axis=(1, 2))
        folds = (connection.target_folds, connection.source_folds)
        for member, edges in enumerate(masks):
            if edges is not None:
                carry = np.tile(edges[connection.target, connection.source], folds)
                used[member] += squares[member][carry].sum()
    there = np.array([one is not None for one in masks]) & (total > 0)
    return np.where(there, 1.0 - used / np.where(total > 0, total, 1.0), np.nan)


def _edges(
    scored: Scored, graph: AttributionGraph
) -> dict[tuple[str, str], Bool[np.ndarray, "target source"]]:
    """Which neurons of two groups are joined by an edge, by target and source."""
    groups = scored.wiring.groups
    size = {group.name: group.size for group in groups}
    found = {
        (c.target, c.source): np.zeros((size[c.target], size[c.source]), dtype=bool)
        for c in scored.wiring.connections
    }
    for one in graph.wires:
        ends = [groups[int(graph.groups[end[0]])].name for end in (one.targets, one.sources)]
        places = graph.positions[one.targets], graph.positions[one.sources]
        found[ends[0], ends[1]][places] = True
    return found


# ------------------------------------------------------------------------------ weak weights


@torch.no_grad()
def _lost(scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """What is lost without the weakest weights, and which members can do anything at all."""
    measure = TaskMeasure.of(scored.task.performance)
    best = measure.kind.high if measure.kind.direction == "higher" else measure.kind.low
    trivial = trivial_performance(scored.task, scored.data)
    full, strong = (_performance(scored, weights) for weights in ({}, _strong(scored)))
    room = best - trivial if math.isfinite(best) else np.nanmax(np.abs(full - trivial))
    return (full - strong) / room, (full - trivial) / room > LOST


def _performance(scored: Scored, weights: dict[str, Tensor]) -> Float64[np.ndarray, " member"]:
    outputs, wanted = scored.probe(ROWS).answered(weights)
    measure = TaskMeasure.of(scored.task.performance)
    return measure.performance(outputs.double().movedim(-1, 1), wanted).numpy()


def _strong(scored: Scored) -> dict[str, Tensor]:
    """All parameters, those below a thousandth of the member's largest set to zero."""
    parameters = scored.population.parameters
    largest = torch.stack([one.flatten(1).abs().amax(dim=1) for one in parameters.values()])
    least = NEGLIGIBLE * largest.amax(dim=0)
    return {
        name: torch.where(one.abs() < least.view(-1, *[1] * (one.dim() - 1)), 0.0, one)
        for name, one in parameters.items()
    }


# ------------------------------------------------------------------------------ test data


@torch.no_grad()
def _unseen(scored: Scored) -> Float64[np.ndarray, " member"]:
    """The chance that a row of the test data loses more than one of the training data, [P]."""
    data = scored.data
    test = _row_losses(scored, data.test_inputs, data.test_targets)
    train = _row_losses(scored, data.train_inputs, data.train_targets)
    count = test.shape[1]
    both = np.concatenate([test, train], axis=1)
    ranks = np.argsort(np.argsort(both, axis=1, kind="stable"), axis=1) + 1.0
    above = ranks[:, :count].sum(axis=1) - count * (count + 1) / 2
    return above / (count * train.shape[1])


def _row_losses(
    scored: Scored, inputs: Tensor, targets: Tensor
) -> Float64[np.ndarray, "member row"]:
    if len(inputs) > ROWS:
        chosen = torch.linspace(0, len(inputs) - 1, ROWS).long()
        inputs, targets = inputs[chosen], targets[chosen]
    outputs, wanted = scored.ask(inputs, targets).answered()
    moved = outputs.double().movedim(-1, 1)
    loss = TaskLoss.of(scored.task.loss, wanted)
    return loss.rows(moved, loss.wanted(wanted, moved.shape[1], torch.float64)).numpy()
