"""The one door through which seeds of data become random streams."""

import numpy as np

from bimt_bench.errors import InputError

_LARGEST = 2**32 - 1


def stream(seed: int) -> np.random.RandomState:
    """The stream of a seed.

    NumPy's legacy generator on purpose: its stream is frozen by promise, and the published
    examples drew their data from it.
    """
    if not 0 <= seed <= _LARGEST:
        raise InputError(f"data.seed: {seed} given; seeds of data are from 0 to {_LARGEST}")
    return np.random.RandomState(seed)
