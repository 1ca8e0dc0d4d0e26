"""Batches of tokens, and adding up what each token of a sample contributes."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TokenBatch:
    """Tokens [B, folds] of a batch; `pair` [B] numbers its pairs of tokens if all differ."""

    tokens: Tensor
    pair: Tensor | None

    @classmethod
    def of(cls, tokens: Tensor, vocabulary: int) -> "TokenBatch":
        """Looks once whether the batch consists of different pairs (this waits for the device)."""
        if tokens.shape[1] != 2:
            return cls(tokens, None)
        pair = tokens[:, 0] * vocabulary + tokens[:, 1]
        return cls(tokens, pair if pair.unique().numel() == pair.numel() else None)


def sum_of_tokens(of_token: Sequence[Tensor], batch: TokenBatch) -> Tensor:
    """Sum over folds f of of_token[f][:, tokens[:, f]]: [P, vocabulary, n] -> [P, B, n].

    A sample is a row, so that gathering copies whole rows.
    """
    total = of_token[0].index_select(1, batch.tokens[:, 0])
    for fold, contribution in enumerate(of_token[1:], start=1):
        total = total + contribution.index_select(1, batch.tokens[:, fold])
    return total
