"""Whether members have numbers only: asked after every call of a hook, so it must cost nothing."""

import torch
from jaxtyping import Bool
from torch import Tensor

from bimt_bench.engine import kernels

_COMPILED = (torch.float32, torch.float64)


def bad_rows(table: Tensor) -> Bool[Tensor, " n"] | None:
    """Which members of a table [n, ...] have an entry that is not finite.

    None on a CPU if there is no such entry; on an accelerator nothing is waited for.
    """
    table = table.detach()
    if (
        table.device.type == "cpu"
        and table.dtype in _COMPILED
        and kernels.all_finite(table.reshape(-1).numpy())
    ):
        return None
    return ~torch.isfinite(table.reshape(len(table), -1)).all(dim=1)
