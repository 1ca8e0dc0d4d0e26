"""The processor of this machine and the kernels that numerical libraries chose for it.

Bits follow from them: two machines train to the same weights where all of this is the same.
"""

import hashlib
import os
import platform
import re
from functools import cache
from pathlib import Path
from typing import Any

_FLAGS = re.compile(r"^(?:flags|Features)\s*:\s*(.+)$", re.MULTILINE)
_MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_MKL = re.compile(r"Math Kernel Library Version (\S+?)(?:-Product)? Build (\d+)")
_CHOSEN = ("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE")
_DIGITS = 12


def on_processor() -> dict[str, object]:
    """The processor, what it can do and what runs on it, as environment.json has them."""
    return {"processor": processor(), "cpu_features": cpu_features(), "kernels": kernels()}


@cache
def processor() -> str:
    """What the processor is called, in at most 200 characters."""
    found = _MODEL.search(_information())
    return (found[1].strip() if found else platform.processor() or platform.machine())[:200]


@cache
def cpu_features() -> str:
    """12 hex digits over what the processor can do: its feature flags, sorted."""
    found = _FLAGS.search(_information())
    flags = sorted(found[1].split()) if found else [platform.machine(), processor()]
    return hashlib.sha256(" ".join(flags).encode()).hexdigest()[:_DIGITS]


@cache
def kernels() -> dict[str, str]:
    """What ATen, MKL, every BLAS and numba run on this processor, by name.

    Variables of the environment that force others are among it, by their own names.
    """
    import threadpoolctl  # here, as all of these take long to import
    import torch

    mkl = _MKL.search(torch.__config__.show())
    found = {
        "aten": torch.backends.cpu.get_cpu_capability(),
        "mkl": f"{mkl[1]} build {mkl[2]}" if mkl else "none",
        "numba": _numba(),
    }
    import numpy as np  # noqa: F401 - its BLAS, and SciPy's, are listed once they are loaded
    import scipy.linalg  # noqa: F401

    for prefix, told in sorted(_blas(threadpoolctl.threadpool_info())):
        # NumPy's and SciPy's own are of one name, and are loaded in any order
        found[prefix] = f"{found[prefix]}, {told}" if prefix in found else told
    return found | {name: os.environ[name] for name in _CHOSEN if name in os.environ}


def _blas(libraries: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Every BLAS that is loaded: its name, and its version with the kernels that it chose."""
    return {
        (str(one["prefix"]), f"{one['version']} {one.get('architecture', '')}".strip())
        for one in libraries
        if one["user_api"] == "blas"
    }


def _numba() -> str:
    """The processor that numba compiles for, and a digest of the features that it uses."""
    from llvmlite import binding
    from numba.core import config

    told: Any = config
    name = told.CPU_NAME or binding.get_host_cpu_name()
    features = told.CPU_FEATURES
    if features is None:
        features = "" if name == "generic" else binding.get_host_cpu_features().flatten()
    digest = hashlib.sha256(features.encode()).hexdigest()[:_DIGITS]
    return f"{name} {digest}"


@cache
def _information() -> str:
    file = Path("/proc/cpuinfo")
    try:
        return file.read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return ""
