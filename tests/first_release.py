"""The frames of the first release, and what made them."""

import hashlib
import json
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numba
import numpy as np
import pandas as pd
import torch

from bimt_bench import packs, recipes
from bimt_bench.metrics import functional, nulls
from bimt_bench.spec import Configuration, Member, TaskSpec, catalog

FOLDER = Path(__file__).parent / "golden" / "first_release"
MADE_WITH = FOLDER / "made_with.json"
CHANGED = FOLDER / "changed.json"

# ties between rows of equal length were broken by the last bits, and are by the order of nodes now
TIED = tuple(f"cross_cluster_mass_{name}" for name in ("z", "p", "z_nonzero"))
# since then all sets of neurons are tried, or enough to know the effect to 0.02: five were tried
REDRAWN = ("lesion_effect",)
# metrics of later versions, and the axis, which is newer than the frames
LATER = ("isolated_ratio", "module_excess", "module_excess_cautious", "module_excess_error")
TASKS = (
    "symbolic/independence", "symbolic/compositionality", "modular/addition_59", "vision/digits",
    "vision/mnist",
)  # fmt: skip

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


def changed_of(task: str) -> pd.DataFrame:
    """What the metrics that have changed since give the members of a task's frame today."""
    return pd.DataFrame(json.loads(CHANGED.read_text())[task], dtype=float)


def measured_again(task: str) -> packs.PackResult:
    """The members of a task's frame, trained and measured today, by the first draws alone."""
    old, asked = frame_of(task), catalog.task(task)
    shuffles = int(old["shuffles"].iloc[0])
    with first_draws_alone():
        return packs.run_pack(asked, members_of(old, asked), shuffles=shuffles, metrics=["all"])


@contextmanager
def first_draws_alone() -> Iterator[None]:
    """Null models have the first round of draws alone in the block, as in the first release."""
    with (
        mock.patch.object(nulls, "_MOST", 0),
        mock.patch.object(functional, "_MOST", 0),
    ):
        yield


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


def write_changed() -> None:
    """Writes what changed metrics give today, after a new version of one."""
    found = {}
    for task in TASKS:
        frame = measured_again(task).frame[[*TIED, *REDRAWN, *LATER]].astype(object)
        found[task] = frame.where(frame.notna(), None).to_dict("list")
    CHANGED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":  # on the machine that made the frames
    if "made_with" in sys.argv[1:]:
        MADE_WITH.write_text(json.dumps(fingerprint(), indent=1) + "\n")
    if "changed" in sys.argv[1:]:
        write_changed()
