"""AdamW over a population's flat table, with a learning rate for each member."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from bimt_bench.engine import kernels

_EPSILON = 1e-8
_RATE, _ROOT = 0, 4  # the columns that change from step to step


@dataclass(frozen=True)
class Rates:
    """How one member is updated: learning rate, betas of the moments, decoupled decay."""

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0


class PopulationAdamW:
    """AdamW on the loss and on prices, whose gradient it adds; every member has its own rates.

    `first` and `second` [P, N] are the moments, laid out like the parameters they belong to.
    Members whose learning rate is 0 are left untouched. `step_count` steps were taken before this
    one; members may be updated a few at a time, and `finish` ends the step for all of them.
    """

    def __init__(
        self, flat: Float[Tensor, "member width"], rates: Sequence[Rates], *, step_count: int = 0
    ) -> None:
        self._flat = flat
        self.first = torch.zeros_like(flat)
        self.second = torch.zeros_like(flat)
        self.step_count = step_count
        self.rates = tuple(rates)
        self._learning = np.array([rate.learning_rate for rate in rates])
        self._betas = tuple(map(_one_or_all, ([r.beta1 for r in rates], [r.beta2 for r in rates])))
        self._steps = self._unchanging(flat.dtype)
        # by their bounds, members updated together; torch counts steps in a tensor of its own
        self._constants: np.ndarray | None = None
        self._arrays: dict[tuple[int, int], list[np.ndarray]] = {}
        self._runs: dict[tuple[int, int], list[tuple[Rates, slice, Tensor]]] = {}

    def _unchanging(self, dtype: torch.dtype) -> np.ndarray:
        """What every step is taken with, but for the two columns that change, [P, 7]."""
        beta1 = np.array([rate.beta1 for rate in self.rates])
        beta2 = np.array([rate.beta2 for rate in self.rates])
        decay = np.array([rate.weight_decay for rate in self.rates])
        held = np.zeros((len(self.rates), 7))
        held[:, 1:4] = np.stack([1.0 - beta1, beta2, 1.0 - beta2], axis=1)
        held[:, 5] = _EPSILON
        with np.errstate(over="ignore"):
            held[:, 6] = 1.0 - self._learning * decay
            return held.astype(np.float32 if dtype == torch.float32 else np.float64)

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

    def divisors(self, rows: slice) -> Float[Tensor, "rows width"] | None:
        """What the last update of the members `rows` was divided by; None if there was none.

        The root of the second moment, its start at 0 allowed for, and epsilon: AdamW takes its
        step in this metric.
        """
        if self.step_count == 0:
            return None
        shares = [1.0 - rate.beta2**self.step_count for rate in self.rates[rows]]
        share = torch.tensor(shares, dtype=torch.float64).to(self.second)
        return (self.second[rows] / share[:, None]).sqrt_().add_(_EPSILON)

    def _update_compiled(self, rows: slice, gradient: Tensor, prices: Tensor) -> None:
        found = self._arrays.get((rows.start, rows.stop))
        if found is None:
            tables = (self._flat, self.first, self.second)
            found = self._arrays[rows.start, rows.stop] = [t[rows].numpy() for t in tables]
        theta, first, second = found
        if self._constants is None:
            self._constants = self._of_step(self.step_count + 1)
        constants = self._constants[rows]
        kernels.penalised_adamw(theta, prices.numpy(), gradient.numpy(), first, second, constants)

    def _of_step(self, step: int) -> np.ndarray:
        """What a step is taken with, [P, 7] in the parameters' type: `kernels.penalised_adamw`.

        So loops compiled for float32 do not compute in float64.
        """
        with np.errstate(over="ignore"):  # a member with such a rate diverges
            self._steps[:, _RATE] = self._learning / (1.0 - _power(self._betas[0], step))
        self._steps[:, _ROOT] = 1.0 / np.sqrt(1.0 - _power(self._betas[1], step))
        return self._steps

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
                lr=rate.learning_rate,
                beta1=rate.beta1,
                beta2=rate.beta2,
                weight_decay=rate.weight_decay,
                eps=_EPSILON,
                maximize=False,
            )

    def _equal_rates(self, rows: slice) -> list[tuple[Rates, slice, Tensor]]:
        """Runs of members of one rate, each with its count of steps."""
        found, start = [], rows.start
        for rate, run in groupby(self.rates[rows]):
            stop = start + len(list(run))
            if rate.learning_rate > 0.0:
                steps = torch.tensor(float(self.step_count), device=self._flat.device)
                found.append((rate, slice(start, stop), steps))
            start = stop
        return found


def _one_or_all(betas: Sequence[float]) -> float | Sequence[float]:
    """The one value that all members have, or those of each."""
    return betas[0] if len(set(betas)) == 1 else betas


def _power(betas: float | Sequence[float], step: int) -> np.ndarray | float:
    """beta**step of every member, as Python has it: numpy's may differ in the last bit."""
    if isinstance(betas, int | float):
        return betas**step
    return np.array([beta**step for beta in betas])
