"""Whether members have numbers only: asked after every call of a hook, so it must cost nothing."""

import torch
from jaxtyping import Bool
from torch import Tensor

from bimt_bench.engine import kernels

_COMPILED = (torch.float32, torch.float64)


class Watched:
    """A table [n, ...] that is looked at again and again, through the same memory."""

    def __init__(self, table: Tensor) -> None:
        self._table = table.detach()
        compiled = table.device.type == "cpu" and table.dtype in _COMPILED
        self._entries = self._table.reshape(-1).numpy() if compiled else None

    def bad(self) -> Bool[Tensor, " n"] | None:
        """Which members have an entry that is not finite.

        None on a CPU if there is no such entry; on an accelerator nothing is waited for.
        """
        if self._entries is not None and kernels.all_finite(self._entries):
            return None
        return ~torch.isfinite(self._table.reshape(len(self._table), -1)).all(dim=1)


def bad_rows(table: Tensor) -> Bool[Tensor, " n"] | None:
    """Which members of a table [n, ...] have an entry that is not finite; None as in `Watched`."""
    return Watched(table).bad()
