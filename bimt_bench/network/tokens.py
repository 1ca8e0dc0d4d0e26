"""Batches of tokens, and adding up what each token of a sample contributes."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class TokenBatch:
    """Tokens [B, folds] of a batch."""

    tokens: Int[Tensor, "batch folds"]


def sum_of_tokens(of_token: Sequence[Tensor], batch: TokenBatch) -> Tensor:
    """Sum over folds f of of_token[f][:, tokens[:, f]]: [P, vocabulary, n] -> [P, B, n].

    A sample is a row, so that gathering copies whole rows.
    """
    total = of_token[0].index_select(1, batch.tokens[:, 0])
    for fold, contribution in enumerate(of_token[1:], start=1):
        total = total + contribution.index_select(1, batch.tokens[:, fold])
    return total
