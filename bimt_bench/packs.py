"""A pack: members of one task trained together, scored, and returned as plain tables.

This is what one Ray Tune trial carries; it knows nothing of Ray.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import bimt_bench
from bimt_bench import data as task_data
from bimt_bench.metrics import Scored, scorecards
from bimt_bench.recipes import Member
from bimt_bench.specs import TaskSpec, digest_of
from bimt_bench.training import Trained, train_population

Weights = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class PackResult:
    """A finished pack: `frame` has one row a member, `curves` one a member and logged step.

    `weights` maps a member's digest to its arrays: parameters by name, `labels.<group>` (which
    feature or class stands at each position), `coordinates.<group>` ([n, 2]).
    """

    frame: pd.DataFrame
    curves: pd.DataFrame
    weights: Weights


def pack_digest(members: Sequence[Member]) -> str:
    """The digest of a pack: of its members, in order."""
    return digest_of([member.digest for member in members])


def run_pack(
    task: TaskSpec,
    members: Sequence[Member],
    *,
    data_dir: Path | None = None,
    device: str = "cpu",
    shuffles: int = 20,
    shortened: bool = False,
    on_progress: Callable[[float], None] | None = None,
) -> PackResult:
    """Trains and scores the members of a pack.

    `on_progress` is told the fraction of the training steps that are done. `shortened` says that
    the task runs fewer steps than it was published with, and goes into the frame.
    """
    data = task_data.load(task.data, data_dir=data_dir)
    trained = train_population(task, data, members, device=device, on_progress=on_progress)
    metrics = scorecards(scored(task, data, trained, shuffles=shuffles))
    lost = np.array([status != "ok" for status in trained.status])
    metrics.loc[lost, :] = np.nan
    identity = pd.DataFrame([member.row() for member in members])
    frame = pd.concat([identity, _circumstances(task, trained, shortened), metrics], axis=1)
    return PackResult(frame=frame, curves=trained.curves, weights=weights(trained))


def scored(task: TaskSpec, data: task_data.TaskData, trained: Trained, *, shuffles: int) -> Scored:
    """What the metrics see of a trained population: weights, wiring and the task's data."""
    population = trained.population
    wiring = population.architecture.wiring
    return Scored(
        task=task,
        wiring=wiring,
        weights={c.parameter: population.parameters[c.parameter] for c in wiring.connections},
        attachments={a.parameter: population.parameters[a.parameter] for a in wiring.attachments},
        distances={c.parameter: population.distances(c) for c in wiring.connections},
        labels=population.labels,
        locality=torch.tensor([m.locality for m in trained.members], dtype=torch.float64),
        spacing=torch.tensor([m.spacing for m in trained.members], dtype=torch.float64),
        seeds=tuple(member.seed for member in trained.members),
        outputs=population.outputs,
        outputs_with=population.outputs_with,
        activations=population.activations,
        data=data,
        shuffles=shuffles,
    )


def weights(trained: Trained) -> Weights:
    """Parameters, labels and coordinates of every member, on the CPU."""
    population = trained.population
    found = {
        **population.parameters,
        **{f"labels.{name}": value for name, value in population.labels.items()},
        **{f"coordinates.{name}": value for name, value in population.coordinates.items()},
    }
    tables = {name: value.cpu().numpy() for name, value in found.items()}
    return {
        member.digest: {name: np.ascontiguousarray(table[index]) for name, table in tables.items()}
        for index, member in enumerate(trained.members)
    }


def _circumstances(task: TaskSpec, trained: Trained, shortened: bool) -> pd.DataFrame:
    """The columns that say under which circumstances a member was trained."""
    count = len(trained.members)
    return pd.DataFrame(
        {
            "task_version": task.version,
            "task_digest": task.digest(),
            "steps": task.training.steps,
            "shortened": shortened,
            "reduce": task.penalty.reduce,
            "performance_metric": task.performance,
            "status": trained.status,
            "reason": pd.array(trained.reason, dtype="string"),
            "pack": pack_digest(trained.members),
            "seconds": trained.seconds / count,
            "device": str(trained.population.flat.device),
            "bimt_bench_version": bimt_bench.__version__,
            "torch_version": torch.__version__,
        }
    )
