"""The folder of one configuration that `run` trains: members join it and are never lost.

    <out>/<task>-<recipe>-<configuration>/
        frame.parquet  curves.parquet  weights.safetensors  network-*.png, *.pdf

Rows carry the code that made them. A member that the same code trains again takes the place of its
row; a row of other code stays beside it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import filelock
import pandas as pd
import safetensors.numpy

from bimt_bench.ground import InputError, write
from bimt_bench.metrics import GAPS, METRICS, joined_reasons
from bimt_bench.packs import PackResult, Weights
from bimt_bench.results import read_frame
from bimt_bench.spec import Member, carrying_all

FRAME, CURVES, WEIGHTS = "frame.parquet", "curves.parquet", "weights.safetensors"


def check_writable(out: Path) -> None:
    """InputError if results cannot go to `out`, so that nothing is trained in vain."""
    nearest = next(path for path in [out, *out.absolute().parents] if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"out: cannot write to '{out}'; '{nearest}' is no folder to write to")


@dataclass(frozen=True)
class RunFolder:
    """What runs of one configuration left behind, and where."""

    path: Path
    configuration: str

    @classmethod
    def of(cls, out: Path, member: Member) -> "RunFolder":
        """The folder in `out` of a member's configuration."""
        task = member.task.replace("/", "-")
        name = f"{task}-{member.recipe}-{member.configuration}"
        return cls(out / name, member.configuration)

    @property
    def files(self) -> tuple[Path, ...]:
        """Its frame, curves and weights."""
        return tuple(self.path / name for name in (FRAME, CURVES, WEIGHTS))

    def read(self, *, code: str) -> PackResult:
        """The members that this code trained; InputError if what lies there cannot be read."""
        held = self._held()
        if held is None:
            return PackResult(pd.DataFrame(), pd.DataFrame(), {})
        frame, curves = (part[part["code"] == code] for part in (held.frame, held.curves))
        weights = {m: held.weights[f"{code}/{m}"] for m in frame["member"]}
        return PackResult(frame.reset_index(drop=True), curves.reset_index(drop=True), weights)

    def join(self, trained: PackResult, *, code: str) -> None:
        """Adds the members of this configuration; a file is there whole or as it was before."""
        own = trained.frame["configuration"] == self.configuration
        frame = trained.frame[own].assign(code=code)
        curves = trained.curves[trained.curves["member"].isin(frame["member"])].assign(code=code)
        weights = {f"{code}/{m}": trained.weights[m] for m in frame["member"]}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self.path / ".lock"):
                self._write(frame, curves, weights, code=code)
        except OSError as error:
            raise InputError(f"out: cannot write to {self.path}: {error.strerror}") from error

    def _write(
        self, frame: pd.DataFrame, curves: pd.DataFrame, weights: Weights, *, code: str
    ) -> None:
        held = self._held()
        if held is not None:
            new = set(frame["member"])
            frame = _with_measured(frame, held.frame[held.frame["code"] == code])
            both = [_without(held.frame, new, code), frame]
            frame = carrying_all(pd.concat(both, ignore_index=True), reversed(both))
            curves = pd.concat([_without(held.curves, new, code), curves], ignore_index=True)
            weights = {**held.weights, **weights}
        # the frame last: what it names is there
        write(self.path / WEIGHTS, _flat(weights))
        write(self.path / CURVES, curves.to_parquet())
        ordered = frame.sort_values(["code", "seed"], ignore_index=True)
        write(self.path / FRAME, ordered.to_parquet())

    def _held(self) -> PackResult | None:
        if not (self.path / FRAME).is_file():
            return None
        frame = read_frame(self.path)
        try:
            curves = pd.read_parquet(self.path / CURVES)
            flat = safetensors.numpy.load_file(self.path / WEIGHTS)
        except (OSError, ValueError, safetensors.SafetensorError) as error:
            told = " ".join(str(error).split())
            raise InputError(
                f"out: earlier results in '{self.path}' cannot be read ({told}); move them away"
            ) from error
        weights: Weights = {}
        for key, array in flat.items():
            member, _, name = key.rpartition("/")
            weights.setdefault(member, {})[name] = array
        return PackResult(frame, curves, weights)


def _with_measured(frame: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """The frame with the metrics that the same code found of its members before."""
    further = [name for name in METRICS if name in held and name not in frame]
    before = held.drop_duplicates("member", keep="last").set_index("member")
    own = before.reindex(frame["member"]).set_axis(frame.index)
    own = own[own["code"].notna()]
    if not further or own.empty or GAPS not in own:
        return frame
    found = frame.assign(**{name: own[name].reindex(frame.index) for name in further})
    return found.assign(**joined_reasons(own.reindex(frame.index), frame))


def _without(rows: pd.DataFrame, members: set[str], code: str) -> pd.DataFrame:
    return rows[~(rows["member"].isin(members) & (rows["code"] == code))]


def _flat(weights: Weights) -> bytes:
    return safetensors.numpy.save(
        {f"{member}/{name}": a for member, arrays in weights.items() for name, a in arrays.items()}
    )
