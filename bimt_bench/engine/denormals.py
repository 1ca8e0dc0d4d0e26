"""Numbers too small for full precision are taken as zero while members train.

A member that has learnt its training data by heart has gradients that fade below 1e-38, and the
moments of a dead weight fade to it. Some processors (Intel's) multiply such numbers a hundred
times slower than others: a plain network on modular addition then trains twenty times slower.
"""

import torch

_DENORMAL = 1e-40  # below float32's smallest number of full precision, 1.2e-38


class FlushedDenormals:
    """In its block the calling thread takes denormal numbers as zero, where its processor can.

    Afterwards it does as it did when this was made. Other threads of torch do as they did.
    """

    def __init__(self) -> None:
        self._before = flushes_denormals()

    def __enter__(self) -> None:
        torch.set_flush_denormal(True)

    def __exit__(self, *error: object) -> None:
        torch.set_flush_denormal(self._before)


def flushes_denormals() -> bool:
    """Whether this thread takes denormal numbers as zero: torch can set it, but not say it."""
    return not bool((torch.full((1,), _DENORMAL) * 1.0).any())
