"""The version, and where numbers come from: the code that makes them and the environment."""

import hashlib
import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

__version__ = "0.1.0"

# Changing these cannot change a number in the frame, so results survive it.
PRESENTATION = ("__init__.py", "__main__.py", "api.py", "store.py", "version.py")
PRESENTATION_FOLDERS = ("app", "leaderboard", "results", "tuning", "_catalog")
PACKAGES = (
    "torch", "numba", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "sympy", "igraph",
    "ray", "optuna", "mlflow", "pydantic", "safetensors",
)  # fmt: skip


@cache
def code_version() -> str:
    """Version of bimt_bench and 8 hex digits over the source that makes numbers."""
    root = Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if relative.parts[0] in PRESENTATION_FOLDERS or str(relative) in PRESENTATION:
            continue
        total.update(relative.as_posix().encode())
        total.update(path.read_bytes())
    return f"{__version__}+{total.hexdigest()[:8]}"


def environment() -> dict[str, object]:
    """Versions and machine, as written to environment.json."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "bimt_bench": __version__,
        "code": code_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "packages": versions,
    }
