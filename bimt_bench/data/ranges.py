"""Where the inputs of formulas are drawn: uniform, log-uniform or normal, one range an input."""

from typing import Self

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator
from scipy.special import ndtri

from bimt_bench.spec import Spec

_SMALLEST = 2.0**-54  # below the smallest share that a stream draws: an end without infinity


class InputRange(Spec):
    """Uniform between low and high (log: in the logarithm), or normal around a mean."""

    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    log: bool = Field(default=False, description="uniform in the logarithm")
    mean: float | None = Field(default=None, allow_inf_nan=False)
    deviation: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        ends, normal = (self.low, self.high), (self.mean, self.deviation)
        if None not in ends and normal == (None, None):
            if not self.low < self.high:  # type: ignore[operator]
                raise ValueError(f"low must be below high, but low={self.low}, high={self.high}")
            if self.log and self.low <= 0.0:  # type: ignore[operator]
                raise ValueError(f"low must be above 0 under log, but low={self.low}")
        elif None in normal or ends != (None, None) or self.log:
            raise ValueError("give low and high (and log), or mean and deviation")
        return self

    def at(self, share: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The values below which these shares of all draws lie; shares in [0, 1)."""
        if self.low is None or self.high is None:
            return self.mean + self.deviation * ndtri(np.maximum(share, _SMALLEST))  # type: ignore[operator]
        if self.log:
            low, high = np.log(self.low), np.log(self.high)
            return np.exp(low + (high - low) * share)
        return self.low + (self.high - self.low) * share

    def __str__(self) -> str:
        """As messages have it: '[-1, 1]', or 'normal around 0, deviation 1'."""
        if self.low is None:
            return f"normal around {self.mean:g}, deviation {self.deviation:g}"
        low, high = f"{self.low:g}", f"{self.high:g}"
        return f"[{low}, {high}]" if low != high else f"[{self.low!r}, {self.high!r}]"
