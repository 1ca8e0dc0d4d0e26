"""Sweeps on Ray Tune: a trial is a pack, results lie in one folder, interruptions lose nothing.

`sweep` runs one; `Store` reads what it left. Everything is loaded when first used, so that
planning a sweep, or reading its results, does not need Ray.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bimt_bench.sweep.runner import SweepInterrupted, SweepResult, sweep
    from bimt_bench.sweep.store import Store, StoredPack

__all__ = ["Store", "StoredPack", "SweepInterrupted", "SweepResult", "sweep"]


def __getattr__(name: str) -> object:
    if name in __all__:
        home = "store" if name.startswith("Store") else "runner"
        return getattr(import_module(f"bimt_bench.sweep.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
