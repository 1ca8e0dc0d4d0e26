"""Tasks and sweeps for the terminal: a row each, or one with all that its file states."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bimt_bench.spec import (
    MODELS,
    Configuration,
    Range,
    SweepSpec,
    TaskSpec,
    Values,
    briefly,
    catalog,
)

_RECIPE = "recipe"


def of_tasks(tasks: Iterable[TaskSpec]) -> Table:
    """The tasks, a row each."""
    table = Table(title="Tasks", title_justify="left")
    table.add_column("task", no_wrap=True)
    for heading in ("network", "loss", "steps", "lambda", "reduce"):
        table.add_column(heading, overflow="fold")
    for task in tasks:
        model = MODELS.get_kind(task.model.kind)().describe(task.model)
        table.add_row(
            task.name,
            model,
            task.loss.kind,
            f"{task.training.steps:,}",
            f"{task.penalty.lam:g}",
            task.penalty.reduce,
        )
    return table


def of_task(task: TaskSpec) -> Group:
    """One task: what is learned, by which network, and its published settings."""
    successor = f", superseded by {task.superseded_by}" if task.superseded_by else ""
    facts = _facts(
        title=task.title,
        description=task.description,
        source=task.source,
        version=f"{task.version}{successor}",
        digest=task.digest(),
        data=briefly(task.data),
        model=briefly(task.model),
        loss=briefly(task.loss),
        performance=briefly(task.performance),
        geometry=f"{task.geometry.name}: {task.geometry.placement}",
        distance=briefly(task.geometry.distance),
        pinned=", ".join(task.pinned),
        modularity_axis=task.modularity_axis,
    )
    table = Table(title="Published settings", title_justify="left")
    table.add_column("setting", no_wrap=True)
    for heading in ("of", "value", "what it is"):
        table.add_column(heading, overflow="fold")
    for owner in ("training", "penalty", "relocation"):
        for name, value, told in _fields(getattr(task, owner)):
            table.add_row(*map(Text, (name, owner, value, told)))
    return Group(Text(task.name, style="bold"), facts, table)


def of_sweeps() -> Table:
    """The sweeps that come along, a row each."""
    table = Table(title="Sweeps", title_justify="left", show_lines=True)
    table.add_column("sweep", no_wrap=True)
    for heading in ("title", "tasks", "recipes", "seeds", "search"):
        table.add_column(heading, overflow="fold")
    for name in catalog.sweeps():
        spec = catalog.sweep(name)
        tasks = [one.task for one in spec.tasks]
        recipes = dict.fromkeys(recipe for i in range(len(tasks)) for recipe in _recipes(spec, i))
        row = [name, spec.title, "\n".join(tasks), ", ".join(recipes), str(len(spec.seeds))]
        table.add_row(*map(Text, [*row, spec.search.kind]))
    return table


def of_sweep(spec: SweepSpec) -> Group:
    """One sweep: which values of which settings it trains of each task and recipe."""
    search = spec.search.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
    told = [f"{name}: {_plain(value)}" for name, value in search.items()]
    facts = _facts(
        title=spec.title,
        seeds=", ".join(map(str, spec.seeds)),
        search=", ".join([spec.search.kind, *told]),
        shuffles=str(spec.shuffles),
        plugins=", ".join(spec.plugins),
    )
    table = Table(title="What is trained", title_justify="left", show_lines=True)
    table.add_column("task", no_wrap=True)
    for heading in ("recipes", "settings"):
        table.add_column(heading, overflow="fold")
    for index, swept in enumerate(spec.tasks):
        recipes = "\n".join(_recipes(spec, index))
        settings = "\n".join(_settings(spec, index)) or "the task's own"
        table.add_row(*map(Text, (swept.task, recipes, settings)))
    return Group(Text(spec.name, style="bold"), facts, table)


def _facts(**facts: str) -> Table:
    """What is said, a row each; what is not said is left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, fact in facts.items():
        if fact:
            grid.add_row(label.replace("_", " "), Text(fact))
    return grid


def _fields(spec: BaseModel) -> Iterator[tuple[str, str, str]]:
    """Name, value and description of every field, as a file calls them."""
    values = spec.model_dump(mode="json", by_alias=True)
    for name, field in type(spec).model_fields.items():
        called = field.alias or name
        yield called, _plain(values[called]), field.description or ""


def _plain(value: Any) -> str:
    """A value as people write it in a file; a mapping with a name goes by it."""
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return str(value.get("name")) if "name" in value else _pairs(value)
    return ", ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _pairs(value: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {_plain(one)}" for name, one in value.items()) + "}"


def _recipes(spec: SweepSpec, index: int) -> list[str]:
    """The recipes of a sweep's task, as its file names them."""
    listed = spec.space_of(index)[1].get(_RECIPE, ())
    named = listed if isinstance(listed, tuple) else ()
    found = dict.fromkeys([*map(str, named), *spec.recipes_of(index)[1]])
    return list(found) or [Configuration().recipe]


def _settings(spec: SweepSpec, index: int) -> Iterator[str]:
    """What varies, a line a setting; that of one recipe alone stands after its name."""
    space = {**spec.space_of(index)[1], **spec.tasks[index].fixed}
    yield from (f"{name}: {_values(one)}" for name, one in space.items() if name != _RECIPE)
    for recipe, own in spec.recipes_of(index)[1].items():
        yield from (f"{recipe}.{name}: {_values(one)}" for name, one in own.items())


def _values(values: Values) -> str:
    if isinstance(values, Range):
        return f"{values.low:g} to {values.high:g}" + (" (logarithmic)" if values.log else "")
    return _plain(values)
