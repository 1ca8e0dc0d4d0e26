"""The one door through which seeds of data become random streams."""

import numpy as np
import torch


def stream(seed: int) -> np.random.RandomState:
    """The stream of a seed, which its specification bounds.

    NumPy's legacy generator on purpose: its stream is frozen by promise, and the published
    examples drew their data from it.
    """
    return np.random.RandomState(seed)


def torch_stream(seed: int) -> torch.Generator:
    """The stream of a seed in torch, for a published example that drew its data there."""
    return torch.Generator().manual_seed(seed)
