"""Why members have no value of a metric: it failed for them, or is undefined; frames keep both.

A metric that fails is asked again member by member.
"""

import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bimt_bench.ground import located
from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.contract import Metric
from bimt_bench.metrics.goodness import state
from bimt_bench.metrics.versions import VERSIONS

FAULTS = "metric_faults"
"""The column that says, as JSON of metric -> reason, which metrics failed; null where none did."""
GAPS = "metric_gaps"
"""The column that says, as JSON of metric -> reason, which metrics are undefined for a member.

Of a member whose metrics are all defined it is '{}'. It is null where nobody said: in frames of
earlier versions, and of members that were not trained to their end.
"""
NOT_MEASURED = "it was not measured"
_UNDEFINED = "it is undefined for this network"
_LONGEST = 300  # characters of a reason
_ROUNDING = 1e-9  # of a bound: a value so little beyond it is within


class _Unusable(Exception):
    """A metric gave what cannot be taken; the message says why."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Values [P], NaN where there is none, and why: the metric failed, or is undefined."""

    values: PerMember
    faults: Mapping[int, str] = field(default_factory=dict)
    gaps: Mapping[int, str] = field(default_factory=dict)


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
        gaps = {i: part.gaps[0] for i, part in enumerate(parts) if part.gaps}
        return Measured(np.concatenate([part.values for part in parts]), faults, gaps)

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
        values, faults = _within(_numbers(found, self.scored.size), one)
        missing = [int(i) for i in np.flatnonzero(np.isnan(values)) if int(i) not in faults]
        return Measured(values, faults, self._gaps(one, missing) if missing else {})

    def _gaps(self, one: Metric, missing: list[int]) -> dict[int, str]:
        """Why a metric is undefined for members: as it says itself, else what is odd about them."""
        told = [None] * self.scored.size if one.undefined is None else one.undefined(self.scored)
        odd = state(self.scored)
        return {i: told[i] or odd[i] or _UNDEFINED for i in missing}


def reasons_frame(found: Mapping[str, Measured], members: int) -> pd.DataFrame:
    """The columns of reasons, given what each metric measured."""
    faults, gaps = [], []
    for member in range(members):
        told = {n: one.faults[member] for n, one in found.items() if member in one.faults}
        faults.append(json.dumps(told) if told else None)
        gaps.append(json.dumps({n: m.gaps[member] for n, m in found.items() if member in m.gaps}))
    return pd.DataFrame({FAULTS: faults, GAPS: gaps}, dtype="string")


def joined_reasons(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns of reasons, and of versions, of members measured twice, by different metrics."""
    found: dict[str, pd.Series] = {}
    told = (FAULTS, GAPS, *(one for one in (VERSIONS,) if one in before or one in now))
    for name in told:
        earlier = before[name] if name in before else [None] * len(now)
        later = now[name] if name in now else [None] * len(now)
        cells = [_both(*pair) for pair in zip(earlier, later, strict=True)]
        found[name] = pd.Series(cells, index=now.index, dtype="string")
    return found


def reason_in(row: Mapping[Any, object], name: str) -> str | None:
    """Why a row of a frame lacks a value of a metric; None where it does not say."""
    for column in (FAULTS, GAPS):
        cell = row.get(column)
        told = json.loads(cell) if isinstance(cell, str) else {}
        if name in told:
            return told[name]
    return None


def is_unmeasured(frame: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Which members have no value of a metric because it was not measured of them.

    Only frames that give every gap a reason can say so; of others nobody counts as unmeasured.
    """
    if GAPS not in frame or name not in frame:
        return pd.Series(False, index=frame.index)
    columns = [column for column in (FAULTS, GAPS) if column in frame]
    silent = frame[name].isna() & frame[GAPS].notna() & (frame["status"] == "ok")
    reasons = [reason_in(row, name) for row in frame.loc[silent, columns].to_dict("records")]
    found = silent.to_numpy(dtype=bool, copy=True)
    found[found] = [reason in (None, NOT_MEASURED) for reason in reasons]
    return pd.Series(found, index=frame.index)


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


def gap_lines(frame: pd.DataFrame) -> Iterator[str]:
    """Why members of a frame lack values of metrics that are undefined, a line a reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell, member in zip(frame.get(GAPS, ()), frame["member"], strict=False):
        if isinstance(cell, str):
            for name, reason in json.loads(cell).items():
                found.setdefault((reason, str(member)), []).append(name)
    lines: dict[tuple[str, tuple[str, ...]], int] = {}
    for (reason, _), names in found.items():
        lines[reason, tuple(names)] = lines.get((reason, tuple(names)), 0) + 1
    for (reason, names), count in lines.items():
        yield f"no {', '.join(names)} for {count} of {len(frame)} members: {reason}"


def _both(before: object, now: object) -> str | None:
    """What two cells say of metrics together."""
    reasons = [json.loads(one) for one in (before, now) if isinstance(one, str)]
    return json.dumps(dict(ChainMap(*reversed(reasons)))) if reasons else None


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
