"""A batch of wide inputs, most of whose features are zero in all of its samples.

A third of MNIST's pixels are blank in all hundred images of a batch: what the first layer's
weights for them would be multiplied with is zero, and so is their gradient.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bimt_bench.network.loops import used_columns

WIDE = 256  # features from which looking for blank ones pays
_GROUP = 16  # features: the number of those taken is a multiple, so that shapes repeat
_WORTH = 0.8  # a larger share of used features is not worth taking them out


@dataclass(frozen=True)
class ColumnBatch:
    """Inputs as `columns` [features, B], of which only the K features `used` are not all zero.

    `values` [K, B] are their columns; `used` is in ascending order. K is a multiple of 16: a few
    blank ones make it up, so that products of few shapes are taken.
    """

    columns: Tensor
    used: Tensor
    values: Tensor


def all_columns(batch: object) -> Tensor:
    """The columns [features, B] of all features, blank ones too."""
    columns = batch.columns if isinstance(batch, ColumnBatch) else batch
    assert isinstance(columns, Tensor)
    return columns


def columns_of(inputs: Tensor) -> Tensor | ColumnBatch:
    """Inputs [B, features] as columns, with the used ones apart where that pays.

    Which are used is looked up on the host, so batches on an accelerator are left as they are.
    """
    features = inputs.shape[1]
    if features < WIDE or inputs.device.type != "cpu":
        return inputs.T
    used = torch.from_numpy(used_columns(inputs.numpy(), _GROUP))
    if len(used) > _WORTH * features:
        return inputs.T
    return ColumnBatch(inputs.T, used, inputs.index_select(1, used).T)
