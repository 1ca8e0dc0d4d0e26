"""The version of bimt_bench, and of the libraries that its numbers depend on.

Training reads this file, so it holds no more than that: an edit here trains everything again.
"""

from functools import cache
from importlib import metadata

__version__ = "0.1.0"

# torch and NumPy compute, numba compiles the fast path, SciPy measures distances and assigns.
LIBRARIES = ("torch", "numba", "numpy", "scipy")


@cache
def library_versions() -> dict[str, str]:
    """The installed versions of the libraries that a trained network's numbers depend on."""
    return {name: metadata.version(name) for name in LIBRARIES}
