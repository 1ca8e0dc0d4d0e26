"""Checks of a sweep before anything starts: everything that can be wrong in its file."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bimt_bench import data
from bimt_bench.data import TaskData
from bimt_bench.engine import check_task, own_settings
from bimt_bench.ground import InputError, closest
from bimt_bench.identity import scoring_digest
from bimt_bench.metrics import (
    METRICS,
    direction,
    lacking,
    measured_of,
    metric_names,
    performance,
)
from bimt_bench.network import Wiring, geometry
from bimt_bench.recipes import RECIPES, resolve
from bimt_bench.spec import (
    MEASURES,
    GeometrySpec,
    Member,
    OptunaSearch,
    SweepSpec,
    TaskSpec,
    catalog,
)
from bimt_bench.tuning.agenda import Search, Validation
from bimt_bench.tuning.faults import Faults, Scope
from bimt_bench.tuning.packing import SweepTask
from bimt_bench.tuning.proposals import GridProposals, OptunaProposals, Together
from bimt_bench.tuning.spaces import Option, RecipeSpace, spaces_of

_AXIS = "modularity_axis"  # as an objective: the metric of each task's own axis
_MOST_CONFIGURATIONS = 100_000  # of one recipe on one task; each is checked before anything starts


@dataclass(frozen=True)
class Checked:
    """A sweep that can run: its tasks, and the data of each as loaded from `data_dir`.

    `held_out`: by task, the share of the training data that a search looks at, 0 where it looks at
    points that are drawn anew; empty where no result is read before the end.
    """

    spec: SweepSpec
    tasks: tuple[SweepTask, ...]
    data: Mapping[str, TaskData] = field(repr=False)
    data_dir: Path | None = None
    held_out: Mapping[str, float] = field(default_factory=dict)

    def searches(
        self, *, circumstances: Sequence[Mapping[str, str]], sizes: Mapping[str, int | None]
    ) -> list[Search]:
        """One search a task, each at its beginning.

        `circumstances`: see `packing.compose`. `sizes`: members a pack, by task.
        """
        return [
            Search(
                task=task,
                proposals=Together([_proposals(s, self.spec, task.spec) for s in task.spaces]),
                objectives=self.objectives(task.spec),
                seeds=self.spec.seeds,
                pack_size=sizes[task.spec.name],
                shuffles=self.spec.shuffles,
                scoring=scoring_digest(),
                circumstances=circumstances,
                metrics=self.metrics[task.spec.name],
                validation=self._validation(task.spec),
            )
            for task in self.tasks
        ]

    def objectives(self, task: TaskSpec) -> tuple[str, ...]:
        """The metrics that the search of a task is told; none for a grid."""
        return _objectives(self.spec, task)

    @property
    def metrics(self) -> dict[str, tuple[str, ...]]:
        """What is measured of the members of each task."""
        return {
            task.name: measured_of(task, self.spec.metrics, objectives=self.objectives(task))
            for task in (swept.spec for swept in self.tasks)
        }

    def _validation(self, task: TaskSpec) -> Validation | None:
        search = self.spec.search
        if task.name not in self.held_out or not isinstance(search, OptunaSearch):
            return None
        ways = _directions(self.spec, task)
        return Validation(self.held_out[task.name], search.finals, ways)

    @property
    def geometries(self) -> list[GeometrySpec]:
        """The geometries that the sweep spells out itself."""
        fields = (one for task in self.tasks for space in task.spaces for one in space.fields)
        options = (o.value for f in fields if f.setting.name == "geometry" for o in f.options)
        return [GeometrySpec.model_validate(one) for one in options if isinstance(one, dict)]

    @property
    def members(self) -> int:
        """Members of the whole sweep: exact for a grid, the most there can be for Optuna."""
        return sum(task.members for task in self.tasks)


def check(
    spec: SweepSpec, *, data_dir: Path | None = None, tasks_dir: Path | None = None
) -> Checked:
    """The sweep ready to run, with the data of its tasks.

    Raises InputError with a line for every fault, each with its dotted path in the file: an unknown
    task, recipe, setting, geometry or metric, a value that a setting cannot take, sizes that do
    not fit a geometry, settings that a recipe refuses on a task, and data that cannot be had.
    """
    faults = Faults()
    tasks: list[SweepTask] = []
    loaded: dict[str, TaskData] = {}
    held_out: dict[str, float] = {}
    for i, swept in enumerate(spec.tasks):
        spaces = spaces_of(spec, i, faults)
        try:
            task = catalog.task(swept.task, tasks_dir, file=swept.file)
            loaded[task.name] = data.load(task.data, data_dir=data_dir)
            wiring = fitted(task, loaded[task.name])
            share = _held_out(spec, task, data_dir)
        except InputError as error:
            faults.add(f"tasks.{i}.task", f": {str(error).removeprefix('task: ')}")
        else:
            judge = _Judge(task, wiring, faults)
            samples = len(loaded[task.name].train_inputs)
            held_out |= {} if share is None else {task.name: share}
            tasks.append(_task(spec, judge, samples, spaces, searched_again=bool(share)))
    try:
        metric_names(spec.metrics)
    except InputError as error:
        faults.add("metrics", str(error).removeprefix("metrics"))
    if isinstance(spec.search, OptunaSearch):
        for task in tasks:
            metrics = _objectives(spec, task.spec)
            for i, metric in enumerate(metrics):
                found = [
                    *_objective_faults(metric, task.spec, loaded[task.spec.name]),
                    *_same_measure(metric, metrics[:i], task.spec),
                ]
                for told in found:
                    faults.add(f"search.objectives.{i}.metric", f": {told}")
    faults.refuse()
    return Checked(spec, tuple(tasks), loaded, data_dir, held_out)


def fitted(task: TaskSpec, loaded: TaskData) -> Wiring:
    """The wiring of a task's network; InputError, naming the field, if its parts do not fit."""
    if task.modularity_axis not in METRICS:
        raise InputError(
            f"modularity_axis: unknown metric '{task.modularity_axis}'"
            f"{closest(task.modularity_axis, METRICS)} (allowed: {', '.join(METRICS)})"
            f"{METRICS.told_of_plugins(task.modularity_axis)}"
        )
    return check_task(task, loaded)


def _held_out(spec: SweepSpec, task: TaskSpec, data_dir: Path | None) -> float | None:
    """The share of a task's training data that the search looks at; None if it reads nothing."""
    if not (isinstance(spec.search, OptunaSearch) and spec.search.reads_results):
        return None
    return data.validated(task.data, share=spec.search.held_out, data_dir=data_dir).held_out


def _objectives(spec: SweepSpec, task: TaskSpec) -> tuple[str, ...]:
    if not isinstance(spec.search, OptunaSearch):
        return ()
    asked = (objective.metric for objective in spec.search.objectives)
    return tuple(task.modularity_axis if one == _AXIS else one for one in asked)


def _directions(spec: SweepSpec, task: TaskSpec) -> tuple[str, ...]:
    return tuple(direction(one, task.performance.kind) for one in _objectives(spec, task))


def _task(
    spec: SweepSpec,
    judge: "_Judge",
    samples: int,
    spaces: tuple[RecipeSpace, ...],
    *,
    searched_again: bool,
) -> SweepTask:
    found = SweepTask(judge.task, spaces, multiply_adds(judge.wiring), samples)
    count, seconds = 0, 0.0
    for space in spaces:
        times = [found.seconds_of([member]) for member in judge.members(space, spec.search)]
        if isinstance(spec.search, OptunaSearch):
            again = min(spec.search.finals, spec.search.trials) if searched_again else 0
            times = [max(times, default=0.0)] * (spec.search.trials + again)
        count, seconds = count + len(times), seconds + sum(times)
    seeds = len(spec.seeds)
    return replace(found, members=count * seeds, seconds=seconds * seeds)


def multiply_adds(wiring: Wiring) -> float:
    """Multiply-adds of one forward pass for one sample: the number of weights it passes."""
    sizes = {group.name: group.size for group in wiring.groups}
    return float(
        sum(
            sizes[c.target] * c.target_folds * sizes[c.source] * c.source_folds
            for c in wiring.connections
        )
    )


class _Judge:
    """Judges the spaces of one task: each value by itself, then values together."""

    def __init__(self, task: TaskSpec, wiring: Wiring, faults: Faults) -> None:
        self.task, self.wiring, self._faults = task, wiring, faults
        self._placed: set[str] = set()
        self._named: dict[str, str] = {}
        self._accepted: set[tuple[str, str]] = set()

    def members(self, space: RecipeSpace, search: object) -> list[Member]:
        """A member (seed 0) of each distinct configuration; none if the space is at fault.

        Of a space that is sampled, one of each configuration that `_pairs` lists.
        """
        scope = Scope(self.task.name, space.recipe)
        for swept in space.fields:
            for option in swept.options:
                self._judge_value(space, swept.setting.name, option, scope)
        if self._faults.of(scope):
            return []
        if not isinstance(search, OptunaSearch):
            count = math.prod(len(swept.options) for swept in space.fields)
            if count > _MOST_CONFIGURATIONS:
                self._faults.add(
                    space.path,
                    f": a grid of {count:,} configurations of recipe '{space.recipe}'; at most "
                    f"{_MOST_CONFIGURATIONS:,} are trained, so take fewer values, or a search",
                    scope,
                )
                return []
        rows = _pairs(space) if isinstance(search, OptunaSearch) else _grid(space)
        found: dict[str, Member] = {}
        for row in rows:
            try:
                member = self._member(space, row)
                if member.configuration not in found:
                    self._accept(member)
            except InputError as error:
                self._add(str(error), space, row, scope)
            else:
                found.setdefault(member.configuration, member)
        return list(found.values())

    def _judge_value(self, space: RecipeSpace, name: str, option: Option, scope: Scope) -> None:
        """A value beside the task's own; a fault of something else is one of a combination."""
        self._faults.judge(option.path, scope)
        try:
            self._place(self._member(space, {name: option}))
        except InputError as error:
            text = str(error)
            if text.startswith((f"{name}:", f"{name}.")):
                self._faults.add(option.path, text.removeprefix(name), scope)

    def _member(self, space: RecipeSpace, row: Mapping[str, Option]) -> Member:
        values = {name: option.value for name, option in row.items()}
        return resolve(self.task, space.configuration(values), 0)

    def _place(self, member: Member) -> None:
        """InputError if the networks do not fit the member's geometry; asked once for each."""
        if (digest := member.geometry.digest()) not in self._placed:
            geometry.check(member.geometry, self.wiring)
            self._placed.add(digest)

    def _accept(self, member: Member) -> None:
        """InputError if the recipe refuses its settings here; asked once for each set of them.

        Nor may two geometries have one name, which is all that frames and figures say of them.
        """
        self._place(member)
        place = member.geometry
        if self._named.setdefault(place.name, place.digest()) != place.digest():
            raise InputError(
                f"geometry: another one is named '{place.name}' too; give each a name of its own, "
                "{name: ..., hidden: ...}"
            )
        recipe = RECIPES[member.recipe]
        settings = own_settings(recipe, member)
        if (key := (recipe.name, settings.model_dump_json())) not in self._accepted:
            recipe().check(settings, self.wiring)
            self._accepted.add(key)

    def _add(self, text: str, space: RecipeSpace, row: Mapping[str, Option], scope: Scope) -> None:
        """A fault of a combination, told of the value that it begins with, else of the recipe."""
        name = text.split(" ")[0].split(":")[0].split(".")[0]
        option = row.get(name)
        path = space.path if option is None else option.path
        whole = option is None or not text.startswith((f"{name}:", f"{name}."))
        self._faults.judge(path, scope)
        self._faults.add(path, f": {text}" if whole else text.removeprefix(name), scope)


def _grid(space: RecipeSpace) -> Iterator[dict[str, Option]]:
    """Every combination of a space's values."""
    names = [swept.setting.name for swept in space.fields]
    for row in itertools.product(*(swept.options for swept in space.fields)):
        yield dict(zip(names, row, strict=True))


def _pairs(space: RecipeSpace) -> Iterator[dict[str, Option]]:
    """Every two values of every two settings, the other settings at their first value."""
    first = {swept.setting.name: swept.options[0] for swept in space.fields}
    yield first
    for one, other in itertools.combinations_with_replacement(space.fields, 2):
        for a, b in itertools.product(one.options, other.options):
            yield {**first, one.setting.name: a, other.setting.name: b}


def _objective_faults(metric: str, task: TaskSpec, loaded: TaskData) -> Iterator[str]:
    if metric not in METRICS:
        yield (
            f"unknown metric '{metric}'{closest(metric, [*METRICS, _AXIS])} "
            f"(allowed: {', '.join([*METRICS, _AXIS])})"
            f"{METRICS.told_of_plugins(metric)}"
        )
        return
    if metric in MEASURES and metric != task.performance.kind:
        yield (
            f"{task.name} is measured by {task.performance.kind}, not by {metric}; 'performance' "
            "is defined for every task"
        )
    need = lacking(metric, task, loaded)
    if need is not None:
        yield f"'{metric}' is undefined on {task.name}, which has no {need.what}"


def _same_measure(metric: str, before: Sequence[str], task: TaskSpec) -> Iterator[str]:
    """A measure under its own name beside 'performance': one objective that is counted twice."""
    one, other = performance.OWN, task.performance.kind
    if metric in before:
        yield f"'{metric}' is the modularity axis of {task.name}; name it once"
    if (metric == one and other in before) or (metric == other and one in before):
        yield f"on {task.name} '{one}' is {other}; name one of the two"


def _proposals(
    space: RecipeSpace, spec: SweepSpec, task: TaskSpec
) -> GridProposals | OptunaProposals:
    if not isinstance(spec.search, OptunaSearch):
        return GridProposals(space)
    return OptunaProposals(space, spec.search, directions=_directions(spec, task))
