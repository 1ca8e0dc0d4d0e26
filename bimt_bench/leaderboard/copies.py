"""Copies: members that answer as others do, whatever the order of their neurons.

Two honest sweeps of one configuration and seed are equal by determinism: a reproduction. Members
of one seed may be near each other where their settings hardly differ. What answers as another
seed's member does, and has its weights in another order, is a copy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Float64

from bimt_bench.leaderboard.verdict import Finding, Sketch, fault, flag, note
from bimt_bench.metrics import Scored

ROWS = 500
ALIKE = 5e-4
"""Root mean square of the difference of outputs, in their standard deviations.

Of the closest honest pairs 3e-4 (one seed, recipes that hardly act) and 4e-4 (two networks that
both found the same small solution); their weights differ by 1e-3 and more.
"""
SAME_WEIGHTS = 5e-4
"""Of the sizes of weights, sorted within each array: the same of their root mean square."""
CELLS = 16
"""Answers that a sketch of a member has: networks that differ at all differ in these."""
_SLACK = 2.0
_NAMED = 3
_PLACES = ("labels.", "coordinates.")

Answers = Float64[np.ndarray, "member row output"]


@dataclass(frozen=True, eq=False)
class Gathering:
    """The members of one entry: who they are, what they answer, and their weights.

    sizes: of each member, |w| of every array, sorted.
    """

    entry: str
    members: tuple[str, ...]
    seeds: tuple[int, ...]
    answers: Answers
    sizes: tuple[np.ndarray, ...]


def answers_of(scored: Scored) -> Answers:
    """Outputs of members on some of the test data; time steps are rows of their own."""
    return scored.probe(ROWS).answered()[0].double().flatten(1, -2).numpy()


def sizes(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """|w| of every parameter, sorted within each: the same in whatever order the neurons are."""
    own = [arrays[name] for name in sorted(arrays) if not name.startswith(_PLACES)]
    return np.concatenate([np.sort(np.abs(one), axis=None).astype(np.float64) for one in own])


def sketches(own: Gathering) -> dict[str, Sketch]:
    """Of each member a few answers; of one that answers what is no number, none."""
    found = {}
    for member, answers in zip(own.members, own.answers, strict=True):
        places = _cells(answers.shape)
        spreads = answers.std(axis=0)[places[1]]
        if np.isfinite(answers).all():
            found[member] = Sketch(
                answers=tuple(answers[places].tolist()),
                spreads=tuple(spreads.tolist()),
                of=answers.size,
            )
    return found


def may_be_alike(own: Gathering, others: Mapping[str, Sketch]) -> bool:
    """Whether any of these members may answer as one of another entry does.

    A sum of squares over some answers is no more than that over all: what is told apart here is
    told apart by all answers. Otherwise all have to be looked at.
    """
    if not own.members or not others:
        return False
    if any(other.of != own.answers[0].size for other in others.values()):
        return False
    rows, outputs = _cells(own.answers.shape[1:])
    ours, spreads = own.answers[:, rows, outputs], own.answers.std(axis=1)[:, outputs]
    for other in others.values():
        squares = (ours - np.array(other.answers)) ** 2
        scale = spreads * np.array(other.spreads)
        parts = np.divide(squares, scale, out=np.full_like(squares, np.inf), where=scale > 0)
        if (np.sqrt(parts.sum(axis=1) / other.of) < _SLACK * ALIKE).any():
            return True
    return False


def _cells(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and outputs of the answers that a sketch has."""
    rows, outputs = shape
    count = min(CELLS, rows * outputs)
    return np.linspace(0, rows - 1, count).round().astype(int), np.arange(count) % outputs


def copies(own: Gathering, others: Iterable[Gathering]) -> Iterator[Finding]:
    """What is said of members that answer as others do; `others` are those of other entries.

    One of them is held at a time.
    """
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for other in chain((own,), others):
        for mine, theirs, kind in _pairs(own, other):
            found.setdefault((kind, other.entry), []).append((mine, theirs))
    for (kind, entry), pairs in found.items():
        where = "of this entry" if entry == own.entry else f"of {entry}"
        names = ", ".join(f"{mine} as {theirs}" for mine, theirs in pairs[:_NAMED])
        say, code, words = _SAID[kind]
        more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
        told = f"{len(pairs)} members {words} {where}: {names}{more}"
        yield say("rescored", code, told, pairs[0][0])


_SAID = {
    "same": (note, "reproduction", "are the same configuration and seed as members"),
    "near": (flag, "alike", "answer within 5e-4 as members"),
    "copy": (fault, "copy", "have answers and weights, in whatever order, of other seeds"),
}


def _pairs(own: Gathering, other: Gathering) -> Iterator[tuple[str, str, str]]:
    """Members that answer alike, each pair once, and whether it is a copy."""
    if not own.members or not other.members or own.answers.shape[1:] != other.answers.shape[1:]:
        return
    close = apart(own.answers, other.answers) < ALIKE
    for i, j in zip(*np.nonzero(close), strict=True):
        mine, theirs = own.members[i], other.members[j]
        if own is other and i <= j:
            continue
        if mine == theirs:
            yield mine, theirs, "same"
        elif own.seeds[i] != other.seeds[j] and _same_weights(own.sizes[i], other.sizes[j]):
            yield mine, theirs, "copy"
        else:
            yield mine, theirs, "near"


def _same_weights(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    size = np.sqrt((one**2).mean())
    return bool(np.sqrt(((one - other) ** 2).mean()) <= SAME_WEIGHTS * size)


def apart(ours: Answers, theirs: Answers) -> Float64[np.ndarray, "member other"]:
    """Root mean square of how far answers lie apart, in units of their standard deviations.

    Infinite where a member answers always the same: constants are alike, and no copies.
    """
    found = np.zeros((len(ours), len(theirs)))
    for one, other in zip(np.moveaxis(ours, 2, 0), np.moveaxis(theirs, 2, 0), strict=True):
        centre = one.mean(axis=0)
        a, b = one - centre, other - centre
        squares = (a**2).mean(axis=1)[:, None] + (b**2).mean(axis=1)[None]
        spreads = one.std(axis=1)[:, None] * other.std(axis=1)[None]
        far = np.maximum(squares - 2.0 * a @ b.T / a.shape[1], 0.0)
        found += np.divide(far, spreads, out=np.full_like(far, np.inf), where=spreads > 0)
    return np.sqrt(found / ours.shape[2])
