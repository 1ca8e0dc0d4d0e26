"""Batches made up to whole cache lines, so that a member's bits do not depend on pack mates.

How a product rounds depends on where in a cache line its result begins, and element-wise functions
round the last few numbers of a table otherwise than those before: they take two registers at a
time. Where each member's samples fill as much, the next member's begin like the first one's, and no
member is last.
"""

import torch
from torch import Tensor

LINE = 16  # samples: as many float32 fill a cache line, which is a register at its widest


def in_whole_lines(inputs: Tensor, *, lines: int = 2) -> Tensor:
    """Inputs [B, ...] with the last sample repeated, to a multiple of so many cache lines."""
    missing = -len(inputs) % (lines * LINE)
    if not missing:
        return inputs
    return torch.cat([inputs, inputs[-1:].expand(missing, *inputs.shape[1:])])
