"""A sweep: which tasks, configurations and seeds, as a specification.

Which settings a recipe has, and which values they take, only the recipe says: here the shape of a
file is checked, and `bimt_bench.tuning.check` asks the recipes before anything starts.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from bimt_bench.spec.base import Positive, Seed, Spec, Title, later, told
from bimt_bench.spec.faults import brief
from bimt_bench.spec.settings import plain
from bimt_bench.spec.task import Precision

FORMAT = 2  # of sweep files; every earlier one is read too


class Range(Spec):
    """An interval that a sampler draws from, both ends included."""

    low: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)
    log: bool | None = Field(
        default=None, description="on a logarithmic scale; as the setting says if absent"
    )

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, but low={self.low}, high={self.high}")
        if self.log and self.low <= 0.0:
            raise ValueError(f"a logarithmic range must begin above 0, but low={self.low}")
        return self


def _listed(given: object) -> object:
    """One name as a list of it."""
    return (given,) if isinstance(given, str) else given


# A value in terms of JSON; None stands for the task's own.
Value = Annotated[JsonValue, BeforeValidator(plain)]
Values = Annotated[tuple[Value, ...], Field(min_length=1)] | Range
# Values by name of the setting, or of "recipe".
Space = dict[str, Values]
RecipeSpaces = dict[str, Space]
_Path = tuple[int | str, ...]


class GridSearch(Spec):
    """Every combination of the listed values."""

    kind: Literal["grid"]


class Objective(Spec):
    """A metric to optimise; its direction comes from the metric registry.

    'modularity_axis' is the metric of each task's own axis.
    """

    metric: str


class OptunaSearch(Spec):
    """Configurations proposed by an Optuna sampler, in rounds: one study a task and recipe.

    `trials` and `round` are those of each study. A round is asked for as a whole and told as a
    whole, in order, so that the same seed gives the same proposals on one worker or many,
    interrupted or not. A sampler that reads results reads validation data; where these are held
    out of the training data, the best configurations are trained again on all of it.
    """

    kind: Literal["optuna"]
    sampler: Literal["tpe", "nsga2", "random"] = "tpe"
    trials: Positive = 64
    round: Positive = 16
    seed: Seed = 0
    objectives: tuple[Objective, ...] = Field(min_length=1)
    held_out: float = later(
        0.2,
        "share of the training data, of tasks whose points cannot be drawn anew",
        absent=0.2,
        gt=0.0,
        lt=1.0,
    )
    finals: Positive = later(
        16, "configurations of each recipe at most that are trained again on all data", absent=16
    )

    @property
    def reads_results(self) -> bool:
        """Whether what is proposed follows from what was measured."""
        return self.sampler != "random"


Search = Annotated[GridSearch | OptunaSearch, Field(discriminator="kind")]


def is_module(plugin: str | Path) -> bool:
    """Whether a plug-in is named as a module (package.module) and not as a file."""
    named = str(plugin)
    parts = named.split(".")
    return not named.endswith(".py") and all(part.isidentifier() for part in parts)


class SweptTask(Spec):
    """A task in a sweep; `steps` and `products` are short for settings of one value."""

    task: str
    file: str | None = told(None, "where the task is, if it is not in a folder of tasks")
    steps: Positive | None = Field(default=None, description="shortens the task, and says so")
    products: Precision | None = later(
        None, "precision of matrix products in training; the task's own if absent", absent=None
    )
    space: Space | None = Field(
        default=None, description="with `recipes`, replaces the sweep's for this task"
    )
    recipes: RecipeSpaces | None = later(
        None, "with `space`, replaces the sweep's for this task", absent=None
    )

    @property
    def has_own(self) -> bool:
        """Whether the task has a space or recipes of its own, and takes neither from the sweep."""
        return self.space is not None or self.recipes is not None

    @property
    def fixed(self) -> Space:
        """The settings given in short, each with its one value."""
        given = {"steps": self.steps, "products": self.products}
        return {name: (value,) for name, value in given.items() if value is not None}


class SweepSpec(Spec):
    """Which tasks, which configurations, which seeds.

    `space` holds for every recipe that has the setting, `recipes` for one recipe each; where both
    have a setting, that of the recipe counts.
    """

    name: str = Field(pattern=r"^[a-z0-9_-]+$", max_length=100)
    format: Positive = told(FORMAT, "of sweep files", le=FORMAT)
    title: Title = told()
    tasks: tuple[SweptTask, ...] = Field(min_length=1)
    space: Space = Field(default={}, description="values of settings, and which recipes")
    recipes: RecipeSpaces = later({}, "values of settings, recipe by recipe", absent={})
    seeds: tuple[Seed, ...] = Field(min_length=1)
    search: Search = GridSearch(kind="grid")
    pack_size: Positive | None = Field(
        default=None,
        description="members a pack; timed on this machine if absent and the sweep is long",
    )
    plugins: tuple[str, ...] = told(
        (), "files with kinds of your own, relative to the sweep's file, or modules (pkg.module)"
    )
    shuffles: Positive = told(
        20, "null-model shuffles of each member; published tables need 20 or more"
    )
    metrics: Annotated[tuple[str, ...], BeforeValidator(_listed)] = told(
        ("usual",), "what is measured of members: names, families, usual or all", min_length=1
    )
    checkpoint_seconds: float = told(
        60.0, "between checkpoints of a pack", ge=0.0, allow_inf_nan=False
    )

    def space_of(self, index: int) -> tuple[str, Space]:
        """Where the space that holds for a task stands in the file, and the space."""
        task = self.tasks[index]
        if task.has_own:
            return f"tasks.{index}.space", task.space or {}
        return "space", self.space

    def recipes_of(self, index: int) -> tuple[str, RecipeSpaces]:
        """Where the spaces of recipes that hold for a task stand in the file, and the spaces."""
        task = self.tasks[index]
        if task.has_own:
            return f"tasks.{index}.recipes", task.recipes or {}
        return "recipes", self.recipes

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (seed := _repeated(self.seeds)) is not None:
            raise ValueError(f"seeds must differ, but {seed} is given twice")
        if (name := _repeated([task.task for task in self.tasks])) is not None:
            raise ValueError(f"a task can be swept once, but {brief(name)} is given twice")
        faults = [*self._misshapen(), *self._given_twice(), *self._asked_twice()]
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)
        return self

    def _spaces(self) -> Iterator[tuple[_Path, Space]]:
        """Every space of the file and where it stands."""
        yield ("space",), self.space
        for recipe, space in self.recipes.items():
            yield ("recipes", recipe), space
        for i, task in enumerate(self.tasks):
            yield ("tasks", i, "space"), task.space or {}
            for recipe, space in (task.recipes or {}).items():
                yield ("tasks", i, "recipes", recipe), space

    def _misshapen(self) -> Iterator[Any]:
        for path, space in self._spaces():
            for name, values in space.items():
                if isinstance(values, Range):
                    if self.search.kind == "grid":
                        yield _fault((*path, name), "a grid needs a list of values, not a range")
                    elif name == "recipe":
                        yield _fault((*path, name), "needs a list of names, not a range")
                elif name == "recipe":
                    for i, value in enumerate(values):
                        if not isinstance(value, str):
                            yield _fault(
                                (*path, name, i), f"{value!r} given; should be a recipe's name"
                            )

    def _asked_twice(self) -> Iterator[Any]:
        if isinstance(self.search, OptunaSearch):
            metrics = [objective.metric for objective in self.search.objectives]
            for i, metric in enumerate(metrics):
                if metric in metrics[:i]:
                    told = f"'{metric}' is objective {metrics.index(metric)} already; name it once"
                    yield _fault(("search", "objectives", i, "metric"), told)

    def _given_twice(self) -> Iterator[Any]:
        for i, task in enumerate(self.tasks):
            where, space = self.space_of(i)
            spaces = {where: space}
            where, recipes = self.recipes_of(i)
            spaces |= {f"{where}.{recipe}": one for recipe, one in recipes.items()}
            for name in task.fixed:
                for where in (where for where, space in spaces.items() if name in space):
                    yield _fault(
                        ("tasks", i, name), f"is given here and in {where}.{name}; keep one"
                    )


def _repeated(values: Sequence[Any]) -> Any:
    """The first value that has been there before; None if all differ."""
    seen = set[Any]()
    return next((one for one in values if one in seen or seen.add(one)), None)


def _fault(path: _Path, text: str) -> Any:
    return {"type": "value_error", "loc": path, "input": None, "ctx": {"error": text}}
