"""Where numbers come from besides their code: libraries, device, machine."""

import os
import platform
from collections.abc import Mapping
from importlib import metadata

from bimt_bench.ground.version import LIBRARIES, __version__, library_versions

FORMAT = 2
_OTHERS = (
    "pandas", "pyarrow", "scikit-learn", "sympy", "igraph", "ray", "optuna", "mlflow", "pydantic",
    "safetensors",
)  # fmt: skip


def circumstances(device: str) -> dict[str, str]:
    """What numbers depend on besides settings and code: the device, and versions of libraries."""
    return {"device": device, **library_versions()}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs between two sets of circumstances, each as 'torch 2.9.0 -> 2.10.0'."""
    names = dict.fromkeys([*before, *now])
    return [
        f"{name} {before.get(name, 'unknown')} -> {now.get(name, 'unknown')}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def environment() -> dict[str, object]:
    """Versions and machine, as written to environment.json."""
    return {
        "format": FORMAT,
        "bimt_bench": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "packages": {name: _version(name) for name in (*LIBRARIES, *_OTHERS)},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
