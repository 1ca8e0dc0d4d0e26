"""Fixtures of the sweep tests: small specifications, a fast pack function."""

import hashlib
import itertools
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bimt_bench.spec import SweepSpec, TaskSpec
from bimt_bench.spec.member import Member


def _fake_pack_function(
    *,
    log: Path | None = None,
    fail: str | None = None,
    diverge: str | None = None,
    endless_after: Path | None = None,
    note: str | None = None,
) -> Callable[..., Any]:
    """A pack function whose numbers follow from the members alone.

    It is nested so that Ray ships it by value: workers cannot import a test file. `log` gets a
    line a computed pack; the recipe `fail` raises, the recipe `diverge` diverges; `note` is told.
    """

    def run(
        task: TaskSpec,
        members: Sequence[Member],
        *,
        data_dir: Path | None = None,
        device: str = "cpu",
        shuffles: int = 20,
        metrics: Sequence[str] = (),
        on_progress: Callable[[float], None] | None = None,
        checkpoints: Path | None = None,
        checkpoint_seconds: float = 60.0,
        memory_limit: int | None = None,
        on_note: Callable[[str], None] | None = None,
        validation: Sequence[str] = (),
    ) -> Any:
        from bimt_bench.identity import scoring_digest
        from bimt_bench.metrics import METRICS

        if note is not None:
            assert checkpoints is not None and memory_limit and on_note is not None
            on_note(note)
        if log is not None:
            with log.open("a") as file:
                file.write(f"{task.name} {len(members)}\n")
        if any(member.recipe == fail for member in members):
            raise RuntimeError("no luck")
        endless = endless_after is not None and endless_after.exists()
        if endless_after is not None:
            endless_after.touch()
        for i in itertools.repeat(0) if endless else range(10):
            if endless:
                time.sleep(0.05)
            if on_progress is not None:
                on_progress((i + 1) / 10)
        rows, curves, weights = [], [], {}
        for member in members:
            noise = int(hashlib.sha256(member.digest.encode()).hexdigest()[:6], 16) / 2**24
            lost = member.recipe == diverge
            score = math.exp(-member.settings.get("strength", 0.0)) + 0.01 * noise
            rows.append(
                {
                    **dict.fromkeys(metrics or METRICS, math.nan),
                    **member.row(),
                    "shortened": member["steps"] < task.training.steps,
                    "shuffles": shuffles,
                    "scoring_digest": scoring_digest(),
                    "status": "diverged" if lost else "ok",
                    "reason": "loss is NaN" if lost else None,
                    "performance": None if lost else score,
                    "r2": score if task.performance.kind == "r2" and not lost else None,
                    "modularity_q": None if lost else 1.0 - score,
                    "seconds": time.monotonic(),
                }
            )
            # another order than that of the test figures, so that a search that reads those differs
            unseen = 1.0 + noise - score
            rows[-1] |= {f"validation_{n}": math.nan if lost else unseen for n in validation}
            curves += [
                {"member": member.digest, "step": step, "train_loss": noise / (step + 1)}
                for step in (0, 10)
            ]
            weights[member.digest] = {"layers.0.weight": np.full((2, 3), noise, np.float32)}
        return SimpleNamespace(
            frame=pd.DataFrame(rows), curves=pd.DataFrame(curves), weights=weights
        )

    return run


@pytest.fixture
def fake_pack_function() -> Callable[..., Callable[..., Any]]:
    """Makes pack functions; see `_fake_pack_function`."""
    return _fake_pack_function


def _sweep_spec(**changes: Any) -> SweepSpec:
    content: dict[str, Any] = {
        "name": "small",
        "title": "A small sweep",
        "tasks": [{"task": "symbolic/independence", "steps": 1000}],
        "space": {"recipe": ["vanilla", "l1", "bimt"], "strength": [0.5, 1.0]},
        "seeds": [0, 1],
        "pack_size": 4,
    }
    return SweepSpec.model_validate({**content, **changes})


@pytest.fixture(scope="session")
def sweep_spec() -> Callable[..., SweepSpec]:
    """Makes sweeps: 5 configurations of one task with two seeds, unless told otherwise."""
    return _sweep_spec
