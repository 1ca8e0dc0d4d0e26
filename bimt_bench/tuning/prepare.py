"""Checks of a sweep before anything starts: everything that can be wrong in its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bimt_bench import data
from bimt_bench.errors import InputError, closest
from bimt_bench.identity import scoring_digest
from bimt_bench.metrics import METRICS
from bimt_bench.network import Wiring, build, geometry
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, OptunaSearch, Range, SweepSpec, TaskSpec, catalog
from bimt_bench.tuning.agenda import Search
from bimt_bench.tuning.plan import SweepTask
from bimt_bench.tuning.proposals import GridProposals, OptunaProposals, Proposals, Space, ordered


@dataclass(frozen=True)
class Checked:
    """A sweep whose tasks, spaces and objectives have been checked."""

    spec: SweepSpec
    tasks: tuple[SweepTask, ...]

    def searches(
        self, *, circumstances: Sequence[Mapping[str, str]], sizes: Mapping[str, int | None]
    ) -> list[Search]:
        """One search a task, each at its beginning.

        `circumstances`: see `plan.compose`. `sizes`: members a pack, by task.
        """
        found = self.spec.search
        objectives = (
            tuple(o.metric for o in found.objectives) if isinstance(found, OptunaSearch) else ()
        )
        return [
            Search(
                task=task,
                proposals=_proposals(task.space, found),
                objectives=objectives,
                seeds=self.spec.seeds,
                pack_size=sizes[task.spec.name],
                shuffles=self.spec.shuffles,
                scoring=scoring_digest(),
                circumstances=circumstances,
            )
            for task in self.tasks
        ]

    def members(self, task: SweepTask) -> int:
        """Members of a task: exact for a grid, the most there can be for Optuna."""
        if isinstance(self.spec.search, OptunaSearch):
            return self.spec.search.trials * len(self.spec.seeds)
        configurations = GridProposals(task.space).ask()
        digests = {resolve(task.spec, c, self.spec.seeds[0]).configuration for c in configurations}
        return len(digests) * len(self.spec.seeds)


def check(
    spec: SweepSpec, *, data_dir: Path | None = None, tasks_dir: Path | None = None
) -> Checked:
    """The sweep ready to run; loads each task's data once, so that it is in the cache.

    Raises InputError for an unknown task, recipe, geometry or metric, for sizes that do not fit
    a geometry, for more steps than a task publishes, and for data that cannot be had.
    """
    tasks = tuple(
        _task(spec, i, data_dir=data_dir, tasks_dir=tasks_dir) for i in range(len(spec.tasks))
    )
    if isinstance(spec.search, OptunaSearch):
        for i, objective in enumerate(spec.search.objectives):
            for task in tasks:
                loaded = data.load(task.spec.data, data_dir=data_dir)
                path = f"search.objectives.{i}.metric"
                _check_objective(path, objective.metric, task.spec, loaded)
    return Checked(spec, tasks)


def _task(
    spec: SweepSpec, index: int, *, data_dir: Path | None, tasks_dir: Path | None
) -> SweepTask:
    swept = spec.tasks[index]
    published = catalog.task(swept.task, tasks_dir)
    task = catalog.shorten(published, swept.steps, path=f"tasks.{index}.steps")
    task = catalog.in_precision(task, swept.products, path=f"tasks.{index}.products")
    space = swept.space or spec.space
    loaded = data.load(task.data, data_dir=data_dir)
    wiring = build(task, loaded).wiring
    path = f"tasks.{index}.space" if swept.space else "space"
    for configuration in _corners(space):
        _check_configuration(task, configuration, wiring=wiring, path=path)
    batch = task.training.batch_size or len(loaded.train_inputs)
    return SweepTask(
        spec=task,
        published_steps=published.training.steps,
        space=space,
        work=multiply_adds(wiring) * batch,
    )


def multiply_adds(wiring: Wiring) -> float:
    """Multiply-adds of one forward pass for one sample: the number of weights it passes."""
    sizes = {group.name: group.size for group in wiring.groups}
    return float(
        sum(
            sizes[c.target] * c.target_folds * sizes[c.source] * c.source_folds
            for c in wiring.connections
        )
    )


def _check_configuration(
    task: TaskSpec, configuration: Configuration, *, wiring: Wiring, path: str
) -> None:
    try:
        member = resolve(task, configuration, 0)
        geometry.group_coordinates(member.geometry, wiring)
    except InputError as error:
        raise InputError(f"{path}: {task.name}: {error}") from error


def _corners(space: Space) -> list[Configuration]:
    """One configuration for each value of each field, the other fields at their first values.

    Recipe and geometry are combined in full, as a setting may count under some recipes only.
    """
    values = {
        field: [listed.low, listed.high] if isinstance(listed, Range) else list(listed)
        for field, listed in ordered(space)
    }
    named = {f: v if f in ("recipe", "geometry") else v[:1] for f, v in values.items()}
    rows = [dict(zip(named, row, strict=True)) for row in product(*named.values())]
    first = rows[0]
    rows += [{**first, field: value} for field, listed in values.items() for value in listed]
    return [Configuration.model_validate(row) for row in rows]


def _check_objective(path: str, metric: str, task: TaskSpec, loaded: data.TaskData) -> None:
    if metric not in METRICS:
        raise InputError(
            f"{path}: unknown metric '{metric}'{closest(metric, METRICS)} "
            f"(allowed: {', '.join(METRICS)})"
        )
    if metric in ("r2", "accuracy") and metric != task.performance:
        raise InputError(
            f"{path}: {task.name} is measured by {task.performance}, not by {metric}; "
            "'performance' is defined for every task"
        )
    need = METRICS[metric].need
    if need is not None and not need.met_by(task, loaded):
        raise InputError(
            f"{path}: '{metric}' is undefined on {task.name}, which has no {need.what}"
        )


def _proposals(space: Space, search: object) -> Proposals:
    if not isinstance(search, OptunaSearch):
        return GridProposals(space)
    directions = [METRICS[objective.metric].direction for objective in search.objectives]
    return OptunaProposals(space, search, directions=directions)


def total_members(checked: Checked) -> int:
    """Members of the whole sweep, as `Checked.members` counts them."""
    return sum(checked.members(task) for task in checked.tasks)
