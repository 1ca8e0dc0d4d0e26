"""The single door for randomness: every generator is derived from names and numbers.

A stream depends on what it is for (the parts), never on the order of execution, the device or
the pack a member happens to travel in.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they take seconds to load, and most of what stands on this floor needs neither
    import numpy as np
    import torch


def derive(*parts: str | int) -> int:
    """A 63-bit seed from the parts, by SHA-256."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def torch_generator(*parts: str | int) -> "torch.Generator":
    """A CPU generator seeded from the parts; draw on the CPU, then move, on every device."""
    import torch

    return torch.Generator().manual_seed(derive(*parts))


def numpy_generator(*parts: str | int) -> "np.random.Generator":
    """A NumPy generator seeded from the parts."""
    import numpy as np

    return np.random.default_rng(derive(*parts))
