"""AdamW over a population's flat table, with a learning rate for each member."""

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import kernels

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class PopulationAdamW:
    """AdamW without weight decay on the loss and the penalty, whose gradient it adds.

    `first` and `second` [P, N] are the moments, laid out like the parameters they belong to.
    Members whose rate is 0 are left untouched. `step_count` steps were taken before this one;
    members may be updated a few at a time, and `finish` ends the step for all of them.
    """

    def __init__(
        self, flat: Float[Tensor, "member width"], rates: Sequence[float], *, step_count: int = 0
    ) -> None:
        self._flat = flat
        self.first = torch.zeros_like(flat)
        self.second = torch.zeros_like(flat)
        self.step_count = step_count
        self.rates = tuple(rates)
        # by their bounds, members updated together; torch counts steps in a tensor of its own
        self._constants: tuple | None = None
        self._arrays: dict[tuple[int, int], list[np.ndarray]] = {}
        self._runs: dict[tuple[int, int], list[tuple[float, slice, Tensor]]] = {}

    def keep(self, flat: Float[Tensor, "kept width"], rows: Sequence[int]) -> "PopulationAdamW":
        """The optimizer of some of the members, whose parameters are now in `flat`."""
        rates = [self.rates[row] for row in rows]
        kept = PopulationAdamW(flat, rates, step_count=self.step_count)
        index = torch.tensor(list(rows), device=flat.device)
        kept.first.copy_(self.first[index])
        kept.second.copy_(self.second[index])
        return kept

    def update(
        self,
        rows: slice,
        gradient: Float[Tensor, "rows width"],
        prices: Float[Tensor, "rows width"],
    ) -> None:
        """This step's update of the members `rows`, in place.

        `gradient` [T, N] is that of their loss and is overwritten; `prices` what a unit of a
        parameter's magnitude adds to it: the penalty's gradient is sign(theta) * prices.
        """
        if self._flat.device.type == "cpu":
            self._update_compiled(rows, gradient, prices)
        else:
            self._update_fused(rows, gradient, prices)

    def finish(self) -> None:
        """All members were updated."""
        self.step_count += 1
        self._constants = None

    def _update_compiled(self, rows: slice, gradient: Tensor, prices: Tensor) -> None:
        found = self._arrays.get((rows.start, rows.stop))
        if found is None:
            tables = (self._flat, self.first, self.second)
            found = self._arrays[rows.start, rows.stop] = [t[rows].numpy() for t in tables]
        theta, first, second = found
        if self._constants is None:
            self._constants = self._of_step(self.step_count + 1)
        rates, *constants = self._constants
        kernels.penalised_adamw(
            theta, prices.numpy(), gradient.numpy(), first, second, rates[rows], tuple(constants)
        )

    def _of_step(self, step: int) -> tuple:
        """What a step is taken with, in the parameters' type: see `kernels.penalised_adamw`.

        So loops compiled for float32 do not compute in float64.
        """
        number = np.float32 if self._flat.dtype == torch.float32 else np.float64
        with np.errstate(over="ignore"):  # a member with such a rate diverges
            rates = (np.array(self.rates) / (1.0 - _BETA1**step)).astype(number)
        root = 1.0 / math.sqrt(1.0 - _BETA2**step)
        return rates, *map(number, (1.0 - _BETA1, _BETA2, 1.0 - _BETA2, root, _EPSILON))

    def _update_fused(self, rows: slice, gradient: Tensor, prices: Tensor) -> None:
        found = self._runs.get((rows.start, rows.stop))
        if found is None:
            found = self._runs[rows.start, rows.stop] = self._equal_rates(rows)
        gradient.addcmul_(torch.sign(self._flat[rows]), prices)
        for rate, run, steps in found:
            members = slice(run.start - rows.start, run.stop - rows.start)
            steps.add_(1.0)
            # what torch.optim.adamw.adamw calls; its checks would take longer than the update
            torch.ops.aten._fused_adamw_(
                [self._flat[run]],
                [gradient[members]],
                [self.first[run]],
                [self.second[run]],
                [],
                [steps],
                amsgrad=False,
                lr=rate,
                beta1=_BETA1,
                beta2=_BETA2,
                weight_decay=0.0,
                eps=_EPSILON,
                maximize=False,
            )

    def _equal_rates(self, rows: slice) -> list[tuple[float, slice, Tensor]]:
        """Runs of members of one rate, each with its count of steps."""
        found, start = [], rows.start
        for rate, run in groupby(self.rates[rows]):
            stop = start + len(list(run))
            if rate > 0.0:
                steps = torch.tensor(float(self.step_count), device=self._flat.device)
                found.append((rate, slice(start, stop), steps))
            start = stop
        return found
