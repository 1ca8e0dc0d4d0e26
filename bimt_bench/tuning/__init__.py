"""Sweeps on Ray Tune: a trial is a pack, results lie in one folder, interruptions lose nothing.

Everything is loaded when first used, so that planning a sweep does not need Ray.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bimt_bench.tuning.pace import pack_speeds
    from bimt_bench.tuning.prepare import check
    from bimt_bench.tuning.runner import SweepInterrupted, SweepResult, sweep

__all__ = ["SweepInterrupted", "SweepResult", "check", "pack_speeds", "sweep"]


_HOMES = {"check": "prepare", "pack_speeds": "pace"}


def __getattr__(name: str) -> object:
    if name in __all__:
        home = _HOMES.get(name, "runner")
        return getattr(import_module(f"bimt_bench.tuning.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
