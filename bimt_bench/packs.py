"""A pack: members of one task trained together, scored, and returned as plain tables.

This is what one Ray Tune trial carries; it knows nothing of Ray.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bimt_bench import data as task_data
from bimt_bench.engine import SECONDS as CHECKPOINT_SECONDS
from bimt_bench.engine import Checkpoints, Trained, memory, train_population
from bimt_bench.metrics import Scored, scorecards
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.spec import Member, TaskSpec, trained_as
from bimt_bench.version import __version__

Weights = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class PackResult:
    """A finished pack: `frame` has one row a member, `curves` one a member and logged step.

    Whoever keeps it gives it a name, which is no concern of training: the column `pack`.
    `weights` maps a member's digest to its arrays (`Population.arrays`).
    """

    frame: pd.DataFrame
    curves: pd.DataFrame
    weights: Weights


def run_pack(
    task: TaskSpec,
    members: Sequence[Member],
    *,
    data_dir: Path | None = None,
    device: str = "cpu",
    shuffles: int = 20,
    on_progress: Callable[[float], None] | None = None,
    checkpoints: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    memory_limit: int | None = None,
    on_note: Callable[[str], None] | None = None,
) -> PackResult:
    """Trains and scores the members of a pack, who share the shared settings of training.

    `task` is the published one. `on_progress` is told the fraction of the training steps that are
    done. `checkpoints`
    is a folder where the state is kept on the way, every `checkpoint_seconds`, and from which the
    same call goes on; it is the caller's to remove. A pack that needs more than `memory_limit`
    bytes (no limit if absent) trains in parts one after another, to the same
    networks. `on_note` is told what a user should know (absent: it is logged as a warning).
    """
    published, task = task, trained_as(task, members[0])
    note = on_note or logging.getLogger(__name__).warning
    data = task_data.load(task.data, data_dir=data_dir)
    needed = memory.estimate(task, data, device=device)
    parts = [tuple(members)]
    if memory_limit is not None:
        parts = memory.parts(members, needed, memory_limit)
        if len(parts) > 1:
            note(memory.split_line(task.name, needed, memory_limit, parts))
    found: list[PackResult] = []
    for part in parts:
        trained = train_population(
            task,
            data,
            part,
            device=device,
            on_progress=_share_of(on_progress, len(found), len(parts)),
            checkpoints=None
            if checkpoints is None
            else Checkpoints(checkpoints, seconds=checkpoint_seconds, on_note=note),
        )
        population = trained.population
        seeds = tuple(member.seed for member in part)
        measured = Scored(task, data, population, seeds, shuffles)
        frame = _frame(measured, trained, scorecards(measured), published)
        weights = {member.digest: population.arrays(i) for i, member in enumerate(part)}
        found.append(PackResult(frame=frame, curves=trained.curves, weights=weights))
    return _joined(found)


def _share_of(
    on_progress: Callable[[float], None] | None, part: int, parts: int
) -> Callable[[float], None] | None:
    if on_progress is None:
        return None
    return lambda fraction: on_progress((part + fraction) / parts)


def _frame(
    measured: Scored, trained: Trained, metrics: pd.DataFrame, published: TaskSpec
) -> pd.DataFrame:
    lost = np.array([status != "ok" for status in trained.status])
    metrics.loc[lost, :] = np.nan
    identity = identity_frame(trained.members)
    return pd.concat([identity, _circumstances(measured, trained, published), metrics], axis=1)


def identity_frame(members: Sequence[Member]) -> pd.DataFrame:
    """The identity columns of members, a row each; an empty setting is missing, never neutral."""
    settings = {
        name: one
        for recipe in dict.fromkeys(member.recipe for member in members)
        for name, one in settings_for(RECIPES[recipe]).items()
    }
    dtypes = {name: "string" if name == "geometry" else one.dtype for name, one in settings.items()}
    dtypes |= {"dial": "string", "dial_value": "Float64", "source": "string"}
    frame = pd.DataFrame([member.row() for member in members])
    return frame.astype({name: dtype for name, dtype in dtypes.items() if name in frame})


def _joined(found: Sequence[PackResult]) -> PackResult:
    """The parts of a pack as one."""
    return PackResult(
        frame=pd.concat([part.frame for part in found], ignore_index=True),
        curves=pd.concat([part.curves for part in found], ignore_index=True),
        weights={member: arrays for part in found for member, arrays in part.weights.items()},
    )


def _circumstances(measured: Scored, trained: Trained, published: TaskSpec) -> pd.DataFrame:
    """The columns that say under which circumstances a member was trained and scored."""
    count, task = len(trained.members), measured.task
    return pd.DataFrame(
        {
            "task_version": task.version,
            "task_digest": published.digest(),
            "shortened": task.training.steps < published.training.steps,
            "performance_metric": task.performance,
            "shuffles": measured.shuffles,
            "status": trained.status,
            "reason": pd.array(trained.reason, dtype="string"),
            "seconds": trained.seconds / count,
            "device": str(trained.population.flat.device),
            "bimt_bench_version": __version__,
            "torch_version": torch.__version__,
        }
    )
