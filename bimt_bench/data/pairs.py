"""Data of a finite operation: all pairs of elements as tokens, and what each pair gives."""

import numpy as np
import torch
from jaxtyping import Int

from bimt_bench.data.randomness import stream
from bimt_bench.data.types import Residues, TaskData
from bimt_bench.ground import InputError

NAMES = ("a", "b")


def all_pairs(count: int) -> Int[np.ndarray, "n 2"]:
    """All pairs of `count` elements; pair i is (i mod count, i div count)."""
    index = np.arange(count * count)
    return np.stack([index % count, index // count], axis=1)


def of_pairs(
    classes: Int[np.ndarray, " n"],
    elements: tuple[str, ...],
    *,
    train_fraction: float,
    seed: int,
    residues: Residues | None = None,
) -> TaskData:
    """Tokens (a, b) int64 [n, 2] below the number of elements, and classes int64 [n].

    `classes` has one for each of `all_pairs`, below 0 where the operation gives nothing: that pair
    is left out. The seed's stream chooses the training pairs, and the test pairs are the others in
    order, as in the published example of arXiv 2305.08746, section 3.3. Raises InputError if
    either part is empty.
    """
    pairs = all_pairs(len(elements))
    defined = np.flatnonzero(classes >= 0)
    count = int(len(defined) * train_fraction)
    for part, size in (("training", count), ("testing", len(defined) - count)):
        if size == 0:
            raise InputError(
                f"data.train_fraction: {train_fraction:g} given; of {len(defined)} pairs none is "
                f"left for {part}"
            )
    chosen = stream(seed).choice(len(defined), count, replace=False)
    train, test = defined[chosen], np.delete(defined, chosen)
    return TaskData(
        train_inputs=torch.tensor(pairs[train]),
        train_targets=torch.tensor(classes[train]),
        test_inputs=torch.tensor(pairs[test]),
        test_targets=torch.tensor(classes[test]),
        input_names=NAMES,
        output_names=elements,
        tokens=len(elements),
        residues=residues,
    )
