"""Shared fixtures; shapes in the package's types are enforced while tests run."""

import os
import sys
from pathlib import Path

# Tests start some seventy processes, most of which load torch and Ray: as byte code, where one of
# them has made it, in a third of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

from jaxtyping import install_import_hook

# Everything that carries arrays; specs are checked by pydantic already.
PACKAGE = Path(__file__).parents[1] / "bimt_bench"
# numba compiles functions as they are written, so those that check their arguments are none for it
COMPILED = (
    "bimt_bench.engine.kernels",
    "bimt_bench.metrics.rewiring",
    "bimt_bench.metrics.sides",
    "bimt_bench.network.loops",
)
CHECKED = (
    [
        name
        for folder in ("engine", "metrics", "network")
        for file in sorted((PACKAGE / folder).rglob("*.py"))
        if (name := ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts))
        not in COMPILED
        and file.stem != "__init__"
    ]
    + [f"bimt_bench.{name}" for name in ("packs", "recipes", "results.export", "ground.seeds")]
    + [f"bimt_bench.data.{name}" for name in ("columns", "dependence", "pairs", "remainders")]
)
if "bimt_bench" not in sys.modules:
    install_import_hook(CHECKED, "beartype.beartype")

from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest
import torch

from bimt_bench.spec import TaskSpec, catalog

# Longest first: where two processes share the tests, neither is left alone with a long file.
FIRST = (
    "test_runner", "test_end_to_end", "test_plugins", "test_tracking_browser", "test_checkpoints",
    "test_training", "test_rescoring", "test_cli", "test_old_and_new", "test_kernels",
    "test_first_release", "test_tracking", "test_stopping", "test_validated_sweep", "test_own_ray",
    "test_docstrings", "test_extending_example", "test_packaging", "test_attacks",
)  # fmt: skip
GOLDEN = Path(__file__).parent / "golden"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of files; within a file tests stay in theirs."""
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(FIRST)))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """Arrays of a published run, by task name without its family."""

    def load(name: str) -> dict[str, np.ndarray]:
        with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    return load


@pytest.fixture(scope="session")
def shortened() -> Callable[..., TaskSpec]:
    """A catalogue task with other training settings (`steps=`, `log_every=`, `dtype=`, ...)."""

    def load(name: str, **changes: object) -> TaskSpec:
        task = catalog.task(name)
        training = type(task.training).model_validate({**task.training.model_dump(), **changes})
        return task.model_copy(update={"training": training})

    return load


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """Two Ray workers on this machine, shared by all tests that need them."""
    import ray

    from bimt_bench.tuning.session import session

    assert not ray.is_initialized()
    with session(address="local", workers=2):
        yield


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """What a notebook shows, picture by picture; widgets are not installed."""
    pictures: list[str] = []

    class Handle:
        def update(self, content, *, raw):
            assert raw
            pictures.append(content["text/plain"])

    def display(content, *, raw, display_id):
        assert raw and display_id
        pictures.append(content["text/plain"])
        return Handle()

    module = ModuleType("IPython.display")
    module.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return pictures
