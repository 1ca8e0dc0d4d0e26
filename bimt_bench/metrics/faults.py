"""Metrics that fail: they are asked again member by member, and the frame keeps the reasons."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bimt_bench.ground import located
from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.contract import Metric

FAULTS = "metric_faults"
"""The column that says, as JSON of metric -> reason, which metrics failed; null where none did."""
_LONGEST = 300  # characters of a reason
_ROUNDING = 1e-9  # of a bound: a value so little beyond it is within


class _Unusable(Exception):
    """A metric gave what cannot be taken; the message says why."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Values [P], NaN where there is none, and why a member has none where the metric failed."""

    values: PerMember
    faults: Mapping[int, str]


@dataclass(eq=False)
class Measurement:
    """Metrics of a population, of which none can hurt another or the members' parameters."""

    scored: Scored

    def of(self, one: Metric) -> Measured:
        """The metric of every member; where it fails for all together, of each by itself."""
        try:
            return self._together(one)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's code raises
            if self.scored.size == 1:
                return Measured(np.full(1, np.nan), {0: _told(error, one)})
        parts = [alone.of(one) for alone in self._alone]
        faults = {i: part.faults[0] for i, part in enumerate(parts) if part.faults}
        return Measured(np.concatenate([part.values for part in parts]), faults)

    @cached_property
    def _alone(self) -> tuple["Measurement", ...]:
        return tuple(Measurement(self.scored.alone(i)) for i in range(self.scored.size))

    @cached_property
    def _held(self) -> Tensor:
        return self.scored.population.flat.clone()

    def _together(self, one: Metric) -> Measured:
        flat, held = self.scored.population.flat, self._held
        try:
            found = one.compute(self.scored)
        finally:
            changed = not torch.equal(flat.view(torch.uint8), held.view(torch.uint8))
            if changed:
                flat.copy_(held)
                self.scored = replace(self.scored)  # forgets what was found while they differed
        if changed:
            raise _Unusable("changes the members' parameters")
        values = _numbers(found, self.scored.size)
        return Measured(*_within(values, one))


def faults_column(found: Mapping[str, Measured], members: int) -> pd.Series:
    """The column of reasons, given what each metric measured."""
    cells = []
    for member in range(members):
        told = {n: one.faults[member] for n, one in found.items() if member in one.faults}
        cells.append(json.dumps(told) if told else None)
    return pd.Series(cells, dtype="string", name=FAULTS)


def fault_lines(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Each metric that failed for members of a frame, and a line about it for a reader."""
    if FAULTS not in frame:
        return
    reasons: dict[str, list[str]] = {}
    for cell in frame[FAULTS].dropna():
        for name, reason in json.loads(cell).items():
            reasons.setdefault(name, []).append(reason)
    for name, told in reasons.items():
        yield name, f"metric '{name}' failed for {len(told)} of {len(frame)} members: {told[0]}"


def _numbers(found: object, members: int) -> PerMember:
    """What a metric gave, as float64 [P]; _Unusable if it is something else."""
    given = found.detach().cpu() if isinstance(found, Tensor) else found
    try:
        values = np.asarray(given)
    except ValueError:
        values = np.asarray(None)
    if values.dtype.kind not in "biuf":
        raise _Unusable(f"gave {type(found).__name__}, not numbers")
    if values.shape != (members,):
        raise _Unusable(f"gave numbers of shape {values.shape}, not {(members,)}: one a member")
    values = values.astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _within(values: PerMember, one: Metric) -> tuple[PerMember, dict[int, str]]:
    """Values inside the range that the metric declares; those outside become NaN with a reason."""
    low = one.low - _ROUNDING * max(1.0, abs(one.low))
    high = one.high + _ROUNDING * max(1.0, abs(one.high))
    outside = (values < low) | (values > high)
    faults = {
        int(i): f"{values[i]:.6g} lies outside its range, {one.low:g} to {one.high:g}"
        for i in np.flatnonzero(outside)
    }
    return np.where(outside, np.nan, values), faults


def _told(error: BaseException, one: Metric) -> str:
    """What went wrong, in one line that says where in the metric's own file."""
    if isinstance(error, _Unusable):
        return str(error)
    return located(error, one)[:_LONGEST]
