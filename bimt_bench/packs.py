"""A pack: members of one task trained together, scored, and returned as plain tables.

This is what one Ray Tune trial carries; it knows nothing of Ray.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bimt_bench import data as task_data
from bimt_bench.engine import SECONDS as CHECKPOINT_SECONDS
from bimt_bench.engine import (
    Checkpoints,
    Population,
    TaskMeasure,
    Trained,
    memory,
    train_population,
)
from bimt_bench.ground import InputError, __version__, library_versions
from bimt_bench.identity import is_scored_by, scoring_digest, training_digest
from bimt_bench.metrics import (
    FAULTS,
    GAPS,
    METRICS,
    USUAL,
    VERSIONS,
    Scored,
    joined_reasons,
    measured,
    measured_of,
    versions_column,
)
from bimt_bench.network import build
from bimt_bench.recipes import RECIPES, settings_for
from bimt_bench.spec import (
    CIRCUMSTANCES,
    Member,
    TaskSpec,
    briefly,
    join,
    merged,
    of_validation,
    trained_as,
)

Weights = dict[str, dict[str, np.ndarray]]
StoredWeights = Mapping[str, Mapping[str, np.ndarray]]
_VALIDATED = ("performance", "test_loss")  # measured on validation data, whatever a search asks for


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
    metrics: Sequence[str] = (USUAL,),
    on_progress: Callable[[float], None] | None = None,
    checkpoints: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    memory_limit: int | None = None,
    on_note: Callable[[str], None] | None = None,
    validation: Sequence[str] = (),
) -> PackResult:
    """Trains and scores the members of a pack, who share the shared settings of training.

    `task` is the published one. `metrics`: what is measured, besides what `measured_of` says is
    always. `on_progress` is told the fraction of the training steps that are
    done. `checkpoints` is a folder where the state is kept on the way, every `checkpoint_seconds`,
    and from which the same call goes on; it is the caller's to remove. A pack that needs more than
    `memory_limit` bytes (no limit if absent) trains in parts one after another, to the same
    networks. `on_note` is told what a user should know (absent: it is logged as a warning).
    `validation` names metrics that are measured on validation data too, for a search. Members that
    leave out a share of the training data (`Member.held_out`) are measured on that share.
    """
    published, task = task, trained_as(task, members[0])
    note = on_note or logging.getLogger(__name__).warning
    data, measured_on = _data(task, members, validation, data_dir)
    found: list[PackResult] = []
    parts = _parts(task, data, members, device, memory_limit, note)
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
        scores = score(
            task,
            data,
            trained.population,
            part,
            trained.status,
            shuffles=shuffles,
            metrics=measured_of(task, metrics),
        )
        facts = [identity_frame(part), _circumstances(task, data, trained, published, shuffles)]
        frame = pd.concat([*facts, scores], axis=1)
        if measured_on is not None:
            scored = (trained.population, part, trained.status)
            own = _validation(task, measured_on, *scored, names=validation, shuffles=shuffles)
            frame = pd.concat([frame, own], axis=1)
        weights = {m.digest: trained.population.arrays(i) for i, m in enumerate(part)}
        found.append(PackResult(frame=frame, curves=trained.curves, weights=weights))
    return _joined(found)


def score(
    task: TaskSpec,
    data: task_data.TaskData,
    population: Population,
    members: Sequence[Member],
    status: Sequence[str],
    *,
    shuffles: int,
    metrics: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Metrics of trained members, versions, and why some are missing; null where one diverged.

    All that there are unless `metrics` lists some.
    """
    seeds = tuple(member.seed for member in members)
    values, reasons = measured(Scored(task, data, population, seeds, shuffles), metrics)
    found = pd.concat([values, reasons], axis=1)
    lost = np.array([one != "ok" for one in status])
    found = found.mask(np.repeat(lost[:, None], found.shape[1], axis=1))
    return found.assign(**{VERSIONS: versions_column(values.columns, len(values))})


def score_again(
    task: TaskSpec,
    members: Sequence[Member],
    *,
    frame: pd.DataFrame,
    weights: StoredWeights,
    data_dir: Path | None = None,
    device: str = "cpu",
    shuffles: int = 20,
    metrics: Sequence[str] = (USUAL,),
    memory_limit: int | None = None,
    validation: Sequence[str] = (),
) -> pd.DataFrame:
    """The frame of a pack that was trained before, with metrics made anew from its weights.

    `task` is the published one, `frame` and `weights` are what `run_pack` returned, `metrics` as
    there. Where the same code scored it with as many shuffles, only what is lacking is measured.
    Nothing is trained: the columns that tell of training stay as they are. InputError if the
    weights are not those of these members' networks.
    """
    task = trained_as(task, members[0])
    data, measured_on = _data(task, members, validation, data_dir)
    stored = frame.set_index("member", drop=False)
    names = measured_of(task, metrics)
    held = (
        [name for name in METRICS if name in frame]
        if is_scored_by(frame, scoring_digest(), shuffles)
        else []
    )
    told = {*identity_frame(members).columns, *CIRCUMSTANCES, *held}
    names = [name for name in names if name not in held]
    found: list[pd.DataFrame] = []
    for part in _parts(task, data, members, device, memory_limit, lambda _: None):
        rows = stored.loc[[member.digest for member in part]].reset_index(drop=True)
        population = restored(task, data, part, weights, device=device)
        scores = score(
            task, data, population, part, list(rows["status"]), shuffles=shuffles, metrics=names
        )
        if held:
            scores = scores.assign(**joined_reasons(rows, scores))
        facts = rows[[name for name in rows if name in told and name not in scores]]
        facts = facts.assign(scoring_digest=scoring_digest(), shuffles=shuffles)
        again = _in_order(pd.concat([facts, scores], axis=1))
        if measured_on is not None:
            scored = (population, part, list(rows["status"]))
            own = _validation(task, measured_on, *scored, names=validation, shuffles=shuffles)
            again = pd.concat([again, own], axis=1)
        found.append(again)
    return pd.concat(found, ignore_index=True)


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its metrics last, in the registry's order, as `run_pack` has them."""
    reasons = [FAULTS, GAPS, VERSIONS]
    others = [name for name in frame if name not in {*METRICS, *reasons}]
    return frame[[*others, *(name for name in METRICS if name in frame), *reasons]]


def restored(
    task: TaskSpec,
    data: task_data.TaskData,
    members: Sequence[Member],
    weights: StoredWeights,
    *,
    device: str = "cpu",
) -> Population:
    """The population of members whose arrays were kept; `task` as they were trained on it.

    InputError if a member's arrays are absent or do not fit.
    """
    lacking = [member.digest for member in members if member.digest not in weights]
    if lacking:
        raise InputError(f"weights: those of member {lacking[0]} are absent")
    arrays = [weights[member.digest] for member in members]
    geometries = [member.geometry for member in members]
    return Population.of(build(task, data), arrays, geometries, device=device)


def _data(
    task: TaskSpec, members: Sequence[Member], validation: Sequence[str], data_dir: Path | None
) -> tuple[task_data.TaskData, task_data.TaskData | None]:
    """What the members of a pack are trained and tested on, and what a search measures them on."""
    share = members[0].held_out
    if not validation and not share:
        return task_data.load(task.data, data_dir=data_dir), None
    found = task_data.validated(task.data, share=share, data_dir=data_dir)
    if found.held_out != share:
        raise InputError(
            f"data: '{task.name}' draws its validation data anew, and holds out no training data"
        )
    return found.trained, found.measured


def _validation(
    task: TaskSpec,
    data: task_data.TaskData,
    population: Population,
    members: Sequence[Member],
    status: Sequence[str],
    *,
    names: Sequence[str],
    shuffles: int,
) -> pd.DataFrame:
    """Loss, performance and what a search asks for on validation data, which stand in `data`."""
    asked = list(dict.fromkeys([*_VALIDATED, *names]))
    found = score(task, data, population, members, status, shuffles=shuffles, metrics=asked)
    return found[asked].rename(columns=of_validation)


def _parts(
    task: TaskSpec,
    data: task_data.TaskData,
    members: Sequence[Member],
    device: str,
    limit: int | None,
    note: Callable[[str], None],
) -> list[tuple[Member, ...]]:
    """The members as one part, or as many as memory asks for, which is noted."""
    if limit is None:
        return [tuple(members)]
    needed = memory.estimate(task, data, members, device=device)
    parts = [tuple(part) for part in memory.parts(members, needed, limit)]
    if len(parts) > 1:
        note(memory.split_line(task.name, needed, limit, parts))
    return parts


def _share_of(
    on_progress: Callable[[float], None] | None, part: int, parts: int
) -> Callable[[float], None] | None:
    if on_progress is None:
        return None
    return lambda fraction: on_progress((part + fraction) / parts)


def identity_frame(members: Sequence[Member]) -> pd.DataFrame:
    """The identity columns of members, a row each; an empty setting is missing, never neutral."""
    settings = {
        name: one
        for recipe in dict.fromkeys(member.recipe for member in members)
        for name, one in settings_for(RECIPES[recipe]).items()
    }
    dtypes = {name: "string" if name == "geometry" else one.dtype for name, one in settings.items()}
    dtypes |= {"dial": "string", "dial_value": "Float64", "source": "string"}
    rows = [member.row() for member in members]
    frame = pd.DataFrame(rows, columns=merged(rows))
    return frame.astype({name: dtype for name, dtype in dtypes.items() if name in frame})


def _joined(found: Sequence[PackResult]) -> PackResult:
    """The parts of a pack as one."""
    return PackResult(
        frame=join([part.frame for part in found]),
        curves=join([part.curves for part in found]),
        weights={member: arrays for part in found for member, arrays in part.weights.items()},
    )


def trivial_performance(task: TaskSpec, data: task_data.TaskData) -> float:
    """What the trivial predictor reaches on a task: the mean target, the most frequent class."""
    return TaskMeasure.of(task.performance).trivial(
        data.train_targets, data.test_targets, len(data.output_names)
    )


def _circumstances(
    task: TaskSpec,
    data: task_data.TaskData,
    trained: Trained,
    published: TaskSpec,
    shuffles: int,
) -> pd.DataFrame:
    """The columns that `CIRCUMSTANCES` names."""
    count = len(trained.members)
    return pd.DataFrame(
        {
            "task_version": task.version,
            "task_digest": published.digest(),
            "shortened": task.training.steps < published.training.steps,
            "model": briefly(task.model),
            "loss": briefly(task.loss),
            "performance_metric": task.performance.kind,
            "trivial_performance": trivial_performance(task, data),
            "shuffles": shuffles,
            "status": trained.status,
            "reason": pd.array(trained.reason, dtype="string"),
            "seconds": trained.seconds / count,
            "device": str(trained.population.flat.device),
            "training_digest": [training_digest(task, member.recipe) for member in trained.members],
            "scoring_digest": scoring_digest(),
            "bimt_bench_version": __version__,
            **{f"{name}_version": version for name, version in library_versions().items()},
        }
    )
