"""The frames of the first release, and what made them."""

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import torch

from bimt_bench import recipes
from bimt_bench.spec import Configuration, Member, TaskSpec

FOLDER = Path(__file__).parent / "golden" / "first_release"
MADE_WITH = FOLDER / "made_with.json"

# what a setting was written as where a recipe had no use for it
NEUTRAL = {"strength": 0.0, "locality": 0.0, "swap_every": 0, "top_k": 0, "relocation": "off",
           "moments": "stay"}  # fmt: skip
UNCHANGED = ("spacing", "learning_rate", "geometry", "distance", "seed", "steps", "products")


def fingerprint() -> dict[str, str]:
    """What the bits of a product or a sum depend on: the processor and the libraries."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    told = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    found = {key.strip(): value.strip() for key, value in told.items()}
    flags = " ".join(sorted(found.get("flags", "").split()))
    return {
        "processor": found.get("model name", platform.processor()),
        "flags": hashlib.sha256(flags.encode()).hexdigest()[:12],
        "torch": torch.__version__,
        "numba": numba.__version__,
        "numpy": np.__version__,
    }


def made_here() -> bool:
    """Whether this machine gives the bits of the frames."""
    return json.loads(MADE_WITH.read_text()) == fingerprint()


def frame_of(task: str) -> pd.DataFrame:
    """A task's frame; `given` and `weights_sha256` are columns beside the published ones."""
    return pd.read_parquet(FOLDER / f"{task.replace('/', '-')}.parquet")


def members_of(frame: pd.DataFrame, task: TaskSpec) -> list[Member]:
    """The members of a frame today; what a recipe has no setting for is left out."""
    found = []
    for text, steps in zip(frame["given"], frame["steps"], strict=True):
        given = json.loads(text)
        recipe, seed = given.pop("recipe"), given.pop("seed")
        known = recipes.settings_for(recipes.RECIPES[recipe])
        kept = {name: value for name, value in given.items() if name in known}
        asked = Configuration(recipe=recipe, steps=int(steps), **kept)
        found.append(recipes.resolve(task, asked, seed))
    return found


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """The SHA-256 of a member's arrays, as the frames have it."""
    tables = [np.ascontiguousarray(array).tobytes() for _, array in sorted(arrays.items())]
    return hashlib.sha256(b"".join(tables)).hexdigest()


if __name__ == "__main__":  # on the machine that made the frames
    MADE_WITH.write_text(json.dumps(fingerprint(), indent=1) + "\n")
