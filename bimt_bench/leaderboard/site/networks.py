"""The networks that the page of an entry draws: what flows in them, less and less of it.

Of each dial value the member that performs best in its verdict, at most six. Each is drawn as its
attribution graph, which is what the axis of modularity is measured on, whole and with only its
strongest connections left (by |w|, as the metrics of circuits prune), with what it then scores.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bimt_bench.ground import InputError
from bimt_bench.leaderboard.reading import Submission, read
from bimt_bench.leaderboard.rescoring import cells, scored_of
from bimt_bench.leaderboard.site.layout import WIDTH, Label, Layout
from bimt_bench.leaderboard.verdict import ScoredMember
from bimt_bench.metrics import AttributionGraph, Scored, attributions, circuits, direction, measured
from bimt_bench.network import Wiring
from bimt_bench.results import NetworkDrawing

FORMAT = 1
"""Of the records below and of what they say: drawings of another one are made again."""
MOST = 6
SHARES = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005)
SECONDS = 60.0
_WIRES = 400
_FAINTEST = 0.003  # of the strongest wire; what is fainter is not drawn
_LEVELS = 5  # of width, of wires of one sign
_NUMBERS = 2**24  # activations of all members and test rows at a time
_GOAL = "performance"


@dataclass(frozen=True)
class Frame:
    """A network with a share of its connections.

    wires: a path for each sign and level of width, faint to strong, positive ones first. live:
    paths of the neurons that something flows through, as `Layout.dots`. flowing: how many wires
    carry anything, drawn how many of them are in the drawing.
    """

    share: float
    kept: int
    performance: float | None
    flowing: int
    drawn: int
    wires: tuple[str, ...]
    live: tuple[str, str]


@dataclass(frozen=True)
class DrawnNetwork:
    """A member's drawing: neurons, labels, and a frame for each share of its connections."""

    member: str
    dial_value: float | None
    seed: int
    width: int
    height: int
    sheets: tuple[str, ...]
    neurons: tuple[str, str]
    labels: tuple[Label, ...]
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Drawings:
    """The networks of an entry, how many dial values there are, or why none is drawn.

    lasts: whether another try would find the same.
    """

    networks: tuple[DrawnNetwork, ...] = ()
    dial_values: int = 0
    missing: str | None = None
    lasts: bool = True


def chosen(members: Sequence[ScoredMember], better: str) -> tuple[ScoredMember, ...]:
    """Of each dial value the member that performs best, by rising dial; six evenly spread of more.

    better: 'higher' or 'lower'.
    """
    sign = 1.0 if better == "higher" else -1.0
    best: dict[float | None, tuple[float, ScoredMember]] = {}
    for one in members:
        reached = one.metrics.get(_GOAL)
        if one.status != "ok" or reached is None:
            continue
        if one.dial_value not in best or sign * reached > best[one.dial_value][0]:
            best[one.dial_value] = (sign * reached, one)
    order = sorted(best, key=lambda value: (value is not None, value or 0.0))
    if len(order) > MOST:
        order = [order[k] for k in np.linspace(0, len(order) - 1, MOST).round().astype(int)]
    return tuple(best[value][1] for value in order)


def drawings(
    folder: Path,
    members: Sequence[ScoredMember],
    *,
    tasks_dir: Path | None = None,
    data_dir: Path | None = None,
    seconds: float = SECONDS,
) -> Drawings:
    """The drawings of an entry, from its weights; why there are none where there are none.

    members: as its verdict has them. InputError where it took longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    submission = read(folder, tasks_dir=tasks_dir, data_dir=data_dir)
    if submission.weights is None:
        return Drawings(missing="its weights lie at a URL, and only those in the folder are drawn")
    better = direction(_GOAL, submission.task.performance.kind)
    wanted = chosen(members, better)
    values = len({one.dial_value for one in members})
    if not wanted:
        return Drawings(dial_values=values, missing="no member has a measured performance")
    records = {one.member: one for one in submission.members}
    scored = scored_of(submission, [records[one.member] for one in wanted])
    frames: list[list[Frame]] = [[] for _ in wanted]
    layouts = [_layout(submission, scored, index) for index in range(scored.size)]
    for shares, pruned in _pruned(scored):
        if time.monotonic() > deadline:
            raise InputError(f"drawing its networks took longer than {seconds:.0f} seconds")
        for place, frame in enumerate(_frames(pruned, shares, layouts)):
            frames[place % scored.size].append(frame)
    found = zip(wanted, layouts, frames, strict=True)
    return Drawings(tuple(_network(one, at, own) for one, at, own in found), values)


def _network(one: ScoredMember, layout: Layout, frames: Sequence[Frame]) -> DrawnNetwork:
    return DrawnNetwork(
        member=one.member,
        dial_value=one.dial_value,
        seed=one.seed,
        width=WIDTH,
        height=layout.height,
        sheets=layout.sheets,
        neurons=layout.dots(
            (group, position)
            for group, places in enumerate(layout.places)
            for position in range(len(places))
        ),
        labels=layout.labels,
        frames=tuple(frames),
    )


def _layout(submission: Submission, scored: Scored, index: int) -> Layout:
    data = submission.data
    drawing = NetworkDrawing.of(
        scored.population, data.input_names, data.output_names, index=index, most=1
    )
    return Layout.of(drawing, [group.name for group in scored.wiring.groups])


Left = tuple[float, int]
"""A share of the connections, and how many those are."""


def _pruned(scored: Scored) -> Iterator[tuple[list[Left], Scored]]:
    """The members with fewer and fewer of their connections, a few shares in one population.

    Of each share all members; as many shares at a time as memory stays small.
    """
    ranks = circuits.places(scored.strengths)
    total = sum(rank[0].numel() for rank in ranks.values())
    neurons = sum(group.size for group in scored.wiring.groups)
    numbers = scored.size * neurons * len(scored.data.test_inputs)
    together = max(1, _NUMBERS // numbers)
    for begin in range(0, len(SHARES), together):
        shares = [(share, round(share * total)) for share in SHARES[begin : begin + together]]
        population = scored.population.keep([*range(scored.size)] * len(shares))
        for place, (_, kept) in enumerate(shares):
            rows = slice(place * scored.size, (place + 1) * scored.size)
            left = circuits.pruned(scored, ranks, torch.full((scored.size,), kept))
            for name, weight in left.items():
                population.parameters[name][rows] = weight
        seeds = scored.seeds * len(shares)
        yield shares, Scored(scored.task, scored.data, population, seeds)


def _frames(pruned: Scored, shares: Sequence[Left], layouts: Sequence[Layout]) -> Iterator[Frame]:
    """Of each share the frames of all members."""
    reached = measured(pruned, [_GOAL])[0][_GOAL].tolist()
    signs = _signs(pruned)
    for place, graph in enumerate(attributions(pruned)):
        (share, kept), layout = shares[place // len(layouts)], layouts[place % len(layouts)]
        performance = cells({_GOAL: reached[place]})[_GOAL]
        if graph is None:
            yield Frame(share, kept, performance, 0, 0, ("",) * (2 * _LEVELS), ("", ""))
            continue
        own = {pair: one[place] for pair, one in signs.items()}
        flowing, drawn, wires = _wires(graph, layout, own)
        nodes = zip(graph.groups.tolist(), graph.positions.tolist(), strict=True)
        yield Frame(share, kept, performance, flowing, drawn, wires, layout.dots(nodes))


def _wires(
    graph: AttributionGraph, layout: Layout, signs: Mapping[tuple[int, int], np.ndarray]
) -> tuple[int, int, tuple[str, ...]]:
    """How many wires carry anything, how many are drawn, and their paths by sign and level."""
    sources, targets, weights = (
        np.concatenate([getattr(one, name) for one in graph.wires])
        for name in ("sources", "targets", "weights")
    )
    strength = weights / weights.max()
    order = np.argsort(-strength, kind="stable")[:_WIRES]
    order = order[strength[order] >= _FAINTEST]
    paths = [""] * (2 * _LEVELS)
    for edge in order.tolist():
        ends = [
            (int(graph.groups[node]), int(graph.positions[node]))
            for node in (sources[edge], targets[edge])
        ]
        (group, position), (above, place) = ends
        level = min(_LEVELS - 1, int(_LEVELS * np.sqrt(strength[edge])))
        negative = signs[group, above][place, position] < 0
        paths[level + _LEVELS * int(negative)] += layout.line(*ends)
    return len(weights), len(order), tuple(paths)


def _signs(scored: Scored) -> dict[tuple[int, int], np.ndarray]:
    """The sums of the weights between neurons, [member, target, source], by pair of groups."""
    wiring: Wiring = scored.wiring
    number = {group.name: k for k, group in enumerate(wiring.groups)}
    found: dict[tuple[int, int], np.ndarray] = {}
    for one in wiring.connections:
        source, target = (wiring.group(name).size for name in (one.source, one.target))
        shape = (scored.size, one.target_folds, target, one.source_folds, source, -1)
        total = scored.weights[one.parameter].double().reshape(shape).sum(dim=(1, 3, 5)).numpy()
        pair = (number[one.source], number[one.target])
        found[pair] = found[pair] + total if pair in found else total
    return found
