"""How many members of a population are worked through at a time.

On a CPU a step takes a few members from their penalty to their update before it turns to the
next, so that their gradients and activations stay in a cache; a GPU takes all at once.
"""

import math
from itertools import pairwise

import torch

from bimt_bench.network import Architecture

# Bytes of a member's widest activations or of its parameters, whichever is more; a step touches
# about ten tables of that size.
_CACHED = 1 << 21


def members_at_a_time(
    architecture: Architecture, samples: int, *, dtype: torch.dtype, device: str
) -> int | None:
    """As many members as fit the share of a CPU's cache they are given; None: all of them.

    `samples`: of a batch.
    """
    if device != "cpu":
        return None
    if architecture.goes_alone(samples):
        return 1
    parameters = sum(math.prod(shape) for shape in architecture.shapes.values())
    return max(1, _CACHED // (max(architecture.widest * samples, parameters) * dtype.itemsize))


def tiles(members: int, at_a_time: int | None) -> list[slice]:
    """Members in as few runs as the limit allows, of sizes that differ by one at most."""
    count = 1 if at_a_time is None else math.ceil(members / at_a_time)
    edges = [members * i // count for i in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
