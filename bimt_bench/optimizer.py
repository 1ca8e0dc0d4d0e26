"""AdamW over a population's flat table, with a learning rate for each member."""

from collections.abc import Sequence
from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.adamw import adamw


class PopulationAdamW:
    """torch's fused AdamW without weight decay, called once for each run of equal rates.

    `first` and `second` [P, N] are the moments, laid out like the parameters they belong to.
    Members whose rate is 0 are left untouched.
    """

    def __init__(self, flat: Float[Tensor, "member width"], rates: Sequence[float]) -> None:
        self._flat = flat
        self.first = torch.zeros_like(flat)
        self.second = torch.zeros_like(flat)
        self.step_count = 0
        self.rates = tuple(rates)
        self._runs: list[tuple[float, slice]] = []
        start = 0
        for rate, run in groupby(rates):
            stop = start + len(list(run))
            if rate > 0.0:
                self._runs.append((rate, slice(start, stop)))
            start = stop

    def keep(self, flat: Float[Tensor, "kept width"], rows: Sequence[int]) -> "PopulationAdamW":
        """The optimizer of some of the members, whose parameters are now in `flat`."""
        kept = PopulationAdamW(flat, [self.rates[row] for row in rows])
        index = torch.tensor(list(rows), device=flat.device)
        kept.first.copy_(self.first[index])
        kept.second.copy_(self.second[index])
        kept.step_count = self.step_count
        return kept

    def step(self, gradient: Float[Tensor, "member width"]) -> None:
        """One update of the parameters, in place."""
        for rate, rows in self._runs:
            step = torch.tensor(float(self.step_count), device=self._flat.device)
            adamw(
                [self._flat[rows]],
                [gradient[rows]],
                [self.first[rows]],
                [self.second[rows]],
                [],
                [step],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )
        self.step_count += 1
