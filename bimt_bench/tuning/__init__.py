"""Sweeps on Ray Tune: a trial is a pack, results lie in one folder, interruptions lose nothing.

Everything is loaded when first used, so that training a pack here does not need Ray.
"""

from typing import TYPE_CHECKING

from bimt_bench.ground import lazily

if TYPE_CHECKING:
    from bimt_bench.tuning.address import check_address
    from bimt_bench.tuning.endings import SweepInterrupted
    from bimt_bench.tuning.local import train_pack
    from bimt_bench.tuning.own_ray import ahead
    from bimt_bench.tuning.pace import pack_speeds
    from bimt_bench.tuning.prepare import Checked, check
    from bimt_bench.tuning.runner import SweepResult, sweep, sweep_digest
    from bimt_bench.tuning.session import check_device

_HOMES = {
    "Checked": "prepare",
    "SweepInterrupted": "endings",
    "SweepResult": "runner",
    "ahead": "own_ray",
    "check": "prepare",
    "check_address": "address",
    "check_device": "session",
    "pack_speeds": "pace",
    "sweep": "runner",
    "sweep_digest": "runner",
    "train_pack": "local",
}

__all__ = [
    "Checked",
    "SweepInterrupted",
    "SweepResult",
    "ahead",
    "check",
    "check_address",
    "check_device",
    "pack_speeds",
    "sweep",
    "sweep_digest",
    "train_pack",
]

__getattr__ = lazily(__name__, _HOMES)
