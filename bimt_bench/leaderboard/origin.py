"""Where the members of an entry were trained: what their results say, never what is here now."""

from typing import Any

from bimt_bench.ground import InputError, on_processor
from bimt_bench.ground import environment as environment_here
from bimt_bench.leaderboard.chosen import Chosen
from bimt_bench.results import Results, plain_cell
from bimt_bench.store import read_environment

_UNKNOWN = "unknown"
_LIBRARIES = "_version"
_NO_LIBRARIES = ("task_version", "bimt_bench_version")


def environment(results: Results, chosen: Chosen) -> dict[str, Any]:
    """The fields of `Environment`; InputError where the frame does not say what it must.

    The processor's features and kernels are known of sweeps, whose folder keeps them, and are
    'unknown' of anything else: such members are never trained again to the bit.
    """
    row = chosen.rows.iloc[0]
    told = _told(results)
    lacking = [name for name in ("training_digest", "scoring_digest") if name not in row]
    if lacking:
        raise InputError(
            f"{lacking[0]}: the frame does not say it, as frames of the first release do not; "
            "train the members again"
        )
    libraries = {
        name.removesuffix(_LIBRARIES): str(row[name])
        for name in map(str, chosen.rows)
        if name.endswith(_LIBRARIES) and name not in _NO_LIBRARIES
    }
    kernels = told.get("kernels")
    return {
        "bimt_bench": str(row["bimt_bench_version"]),
        "training_digest": str(row["training_digest"]),
        "scoring_digest": str(row["scoring_digest"]),
        "python": str(told.get("python", _UNKNOWN)),
        "libraries": libraries,
        "device": str(plain_cell(row["device"])),
        "machine": str(told.get("processor", told.get("machine", _UNKNOWN))),
        "cpu_features": str(told.get("cpu_features", _UNKNOWN)),
        "kernels": kernels if isinstance(kernels, dict) else {},
    }


def _told(results: Results) -> dict[str, Any]:
    """What is known of the machine: what the folder keeps; this one, of what it holds in memory."""
    if results.folder is None:
        return {**environment_here(), **on_processor()}
    return read_environment(results.folder)
