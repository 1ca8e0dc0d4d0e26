"""Boards whose numbers are made up: entries with verdicts, without weights."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.checking import version_of
from bimt_bench.leaderboard.entry import Author, Cost, Entry, Environment, Weights
from bimt_bench.leaderboard.reading import content_of
from bimt_bench.leaderboard.verdict import FORMAT, ScoredMember, Verdict
from bimt_bench.spec import TaskSpec, catalog

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TASK = "symbolic/independence"


def front(
    generator: np.random.Generator,
    *,
    size: float = 0.8,
    configurations: int = 4,
    seeds: int = 5,
    noise: float = 0.01,
) -> tuple[np.ndarray, np.ndarray]:
    """Modularity and performance [K, S] of members on a quarter circle of a radius."""
    angles = np.linspace(0.2, 1.35, configurations)[:, None]
    x, y = size * np.sin(angles), size * np.cos(angles)
    shape = (configurations, seeds)
    return x + noise * generator.normal(size=shape), y + noise * generator.normal(size=shape)


def verdict_of(
    task: TaskSpec,
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    lost: Sequence[tuple[int, int]] = (),
    extra: int = 0,
    grid: Sequence[float | None] | None = None,
    **others: Any,
) -> Verdict:
    """A verdict with the members of [K, S] and as many other metrics as asked for."""
    more = {f"other_{k}": 0.5 for k in range(extra)}
    grid = [float(k + 1) for k in range(len(x))] if grid is None else grid
    members = [
        ScoredMember(
            member=_digest(name, k, s),
            configuration=_digest(name, k),
            dial_value=grid[k],
            seed=s,
            status="diverged" if (k, s) in lost else "ok",
            metrics={}
            if (k, s) in lost
            else {"performance": y[k, s], task.modularity_axis: x[k, s], **more},
        )
        for k in range(x.shape[0])
        for s in range(x.shape[1])
    ]
    versions = {name: version_of(name) for name in ("performance", task.modularity_axis)}
    given: dict[str, Any] = {
        "task_digest": task.digest(), "entry": "0" * 64, "level": "retrained", "metrics": versions,
        "trivial_performance": 0.0, "operations": 1e9,
    }  # fmt: skip
    given |= others
    return Verdict(
        format=FORMAT, task=task.name, name=name, members=tuple(members), seconds=1.0, when=NOW,
        **given,
    )  # fmt: skip


def put(
    board: Board,
    name: str,
    points: tuple[np.ndarray, np.ndarray],
    *,
    task: str = TASK,
    recipe: str = "l1",
    retrainable: bool = True,
    title: str | None = None,
    **verdict: Any,
) -> Verdict:
    """Writes an entry and its verdict; returns it."""
    spec = catalog.task(task)
    x, y = points
    has_dial = recipe != "vanilla"
    entry = Entry(
        format=1,
        name=name,
        title=title or name,
        task=task,
        task_version=spec.version,
        task_digest=spec.digest(),
        recipe=recipe,
        retrainable=retrainable,
        model=spec.model,
        dial="strength" if has_dial else None,
        grid=tuple(float(k + 1) for k in range(len(x))) if has_dial else (),
        seeds=x.shape[1],
        steps=spec.training.steps,
        tuned="not at all",
        authors=(Author(name="Ada Lovelace", account="ada"),),
        licence="CC-BY-4.0",
        published=date(2026, 1, 1),
        weights=Weights(sha256="0" * 64, size=1, dtype="float32"),
        environment=Environment(
            bimt_bench="1", training_digest="0" * 12, scoring_digest="0" * 12, python="3",
            libraries={}, device="cpu", machine="one", cpu_features="0", kernels={},
        ),
        cost=Cost(operations=1.0, seconds=1.0),
        metrics={},
    )  # fmt: skip
    folder = board.place(task, name)
    folder.mkdir(parents=True)
    content = json.dumps(entry.model_dump(mode="json")).encode()
    (folder / "entry.json").write_bytes(content)
    (folder / "members.jsonl").write_bytes(b"")
    given: dict[str, Any] = {"entry": content_of(content, b"", entry.weights.sha256)} | verdict
    found = verdict_of(spec, name, x, y, grid=None if has_dial else [None], **given)
    board.keep(found)
    return found


def _digest(name: str, *parts: int) -> str:
    import hashlib

    return hashlib.sha256(repr((name, parts)).encode()).hexdigest()[:12]
