"""Loops that draw null networks: a connection's edges swapped, its weights dealt by rank.

Weights are whole numbers, so that sums are exact and every machine draws the same.
"""

import numpy as np
from numba import njit

from bimt_bench.network import loop

_SWAPS = 10  # tried for every edge
_ROUNDS = 10

# Numbers are dealt by their exponents and 14 digits more, in two turns of 11 digits.
_CUT = np.uint64(52 - 14)
_DIGITS = np.uint64(11)
_CELLS = 2**11
_FEW = 64  # numbers that a plain sort has in order as soon
_MOVES = 16  # of each number, on average


@loop("i1 i1 i1 i i i i1")
def rewired(sources, targets, weights, size, others, within, seeds):
    """Draws of a connection that keep its degrees, weights and, nearly, its strengths.

    sources, targets: [edge], neurons that each edge joins, below `size` and `others`; weights:
    [edge], above 0; within: 1 where both are of one group, so that nobody may join itself.
    Gives [draw, 3, edge]: sources, targets and weights of the draw of each seed.

    Edges are swapped ten times each: two of them, drawn at random, exchange targets unless that
    would make an edge twice. Then the weights are dealt so that strengths come out nearly right
    (after Rubinov and Sporns, NeuroImage 56, 2068): in ten rounds a tenth of the places, drawn at
    random, take the weight whose rank among those left is the place's rank by the product of what
    its two ends lack of their strengths.
    """
    count = sources.shape[0]
    found = np.empty((seeds.shape[0], 3, count), np.int64)
    pool = np.sort(weights)
    rows, columns = np.zeros(size, np.int64), np.zeros(others, np.int64)
    for edge in range(count):
        rows[sources[edge]] += weights[edge]
        columns[targets[edge]] += weights[edge]
    there = np.zeros((size, others), np.uint8)
    for draw in range(seeds.shape[0]):
        state = np.array([seeds[draw]]).view(np.uint64)
        found[draw, 0] = sources
        found[draw, 1] = targets
        if count < size * others - within * size:
            _swap(found[draw, 0], found[draw, 1], there, within, state)
        _deal(found[draw], pool, rows.copy(), columns.copy(), state)
    return found


@njit(error_model="numpy")
def _swap(sources, targets, there, within, state):
    there[:] = 0
    count = sources.shape[0]
    for edge in range(count):
        there[sources[edge], targets[edge]] = 1
    for _ in range(_SWAPS * count):
        one, other = _below(count, state), _below(count, state)
        a, b, c, d = sources[one], targets[one], sources[other], targets[other]
        if there[a, d] or there[c, b] or (within and (a == d or c == b)):
            continue
        there[a, b] = there[c, d] = 0
        there[a, d] = there[c, b] = 1
        targets[one], targets[other] = d, b


@njit(error_model="numpy")
def _deal(found, pool, rows, columns, state):
    left, heap = np.arange(pool.shape[0]), pool
    for done in range(_ROUNDS):
        size = left.shape[0]
        lacking = np.empty(size)
        for k in range(size):
            row, column = rows[found[0, left[k]]], columns[found[1, left[k]]]
            lacking[k] = np.float64(max(row, 0)) * np.float64(max(column, 0))
        order = ascending(lacking)
        taken = np.zeros(size, np.uint8)
        wanted = -(-size // (_ROUNDS - done))
        ranks = np.arange(size)
        for k in range(wanted):
            other = k + _below(size - k, state)
            ranks[k], ranks[other] = ranks[other], ranks[k]
            place = left[order[ranks[k]]]
            found[2, place] = heap[ranks[k]]
            rows[found[0, place]] -= heap[ranks[k]]
            columns[found[1, place]] -= heap[ranks[k]]
            taken[ranks[k]] = 1
        stay = np.flatnonzero(taken == 0)
        left, heap = left[order[stay]], heap[stay]


@njit(error_model="numpy")
def ascending(keys):
    """The order of numbers from 0 on, the smallest first, as `np.argsort` has it, ties and all.

    Numbers that differ have one order, found by dealing them into cells by their leading digits
    and sorting neighbours: in a fifth of the time. Equal ones, and too many in a cell, are left
    to `np.argsort`: figures rest on the order in which numba's leaves ties.
    """
    count = keys.shape[0]
    if count < _FEW or np.sum(keys == 0) > 1:
        return np.argsort(keys)
    order, moves = _dealt(keys), _MOVES * count
    for k in range(1, count):
        one, at = order[k], k
        while at > 0 and keys[order[at - 1]] > keys[one]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = one
        moves -= k - at
        if moves < 0 or (at > 0 and keys[order[at - 1]] == keys[one]):
            return np.argsort(keys)
    return order


@njit(error_model="numpy")
def _dealt(keys):
    """The order of numbers from 0 on by their leading digits, those of one cell as they came."""
    count = keys.shape[0]
    digits = keys.view(np.uint64) >> _CUT
    largest, last = digits.max(), np.uint64(_CELLS * _CELLS - 1)
    for k in range(count):
        digits[k] = last - min(largest - digits[k], last)
    before, order = np.empty(count, np.int64), np.arange(count)
    for turn in range(2):
        before, order = order, before
        shift = np.uint64(turn) * _DIGITS
        begins = np.zeros(_CELLS + 1, np.int64)
        for k in range(count):
            begins[1 + ((digits[k] >> shift) & np.uint64(_CELLS - 1))] += 1
        begins = np.cumsum(begins)
        for one in before:
            cell = (digits[one] >> shift) & np.uint64(_CELLS - 1)
            order[begins[cell]] = one
            begins[cell] += 1
    return order


@njit(error_model="numpy")
def _below(size, state):
    """A whole number below `size`; the state goes on (splitmix64)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    x = state[0]
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return np.int64(x % np.uint64(size))
