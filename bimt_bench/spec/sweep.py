"""A sweep: which tasks, configurations and seeds, as a specification."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from bimt_bench.spec.base import Positive, Seed, Spec, told
from bimt_bench.spec.geometry import GeometrySpec
from bimt_bench.spec.member import Configuration
from bimt_bench.spec.task import Precision

FORMAT = 2  # of sweep files; every earlier one is read too
_REAL_FIELDS = ("strength", "locality", "spacing", "learning_rate")


class Range(Spec):
    """An interval a sampler draws from."""

    low: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)
    log: bool = False

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, but low={self.low}, high={self.high}")
        if self.log and self.low <= 0.0:
            raise ValueError(f"a logarithmic range must begin above 0, but low={self.low}")
        return self


Choice = str | float | None | GeometrySpec
_Path = tuple[int | str, ...]
SweptField = Literal[
    "recipe",
    "strength",
    "locality",
    "spacing",
    "geometry",
    "learning_rate",
    "swap_every",
    "top_k",
    "relocation",
    "moments",
]


_Space = dict[SweptField, tuple[Choice, ...] | Range]


class GridSearch(Spec):
    """Every combination of the listed values."""

    kind: Literal["grid"]


class Objective(Spec):
    """A metric to optimise; its direction comes from the metric registry."""

    metric: str


class OptunaSearch(Spec):
    """Configurations proposed by an Optuna sampler, in rounds.

    A round is asked for as a whole and told as a whole, in order, so that the same seed gives
    the same proposals on one worker or many, interrupted or not.
    """

    kind: Literal["optuna"]
    sampler: Literal["tpe", "nsga2", "random"] = "tpe"
    trials: Positive = 64
    round: Positive = 16
    seed: Seed = 0
    objectives: tuple[Objective, ...] = Field(min_length=1)


Search = Annotated[GridSearch | OptunaSearch, Field(discriminator="kind")]


class SweptTask(Spec):
    """A task in a sweep, at its published length or shortened to `steps`."""

    task: str
    steps: Positive | None = Field(default=None, description="shortens the task, and says so")
    products: Precision | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="precision of matrix products in training; the task's own if absent",
    )
    space: _Space | None = Field(
        default=None, description="replaces the sweep's space for this task"
    )


class SweepSpec(Spec):
    """Which tasks, which configurations, which seeds."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    format: Positive = told(FORMAT, "of sweep files", le=FORMAT)
    title: str = told()
    tasks: tuple[SweptTask, ...] = Field(min_length=1)
    space: _Space = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    search: Search = GridSearch(kind="grid")
    pack_size: Positive | None = Field(
        default=None,
        description="members a pack; timed on this machine if absent and the sweep is long",
    )
    shuffles: Positive = told(
        20, "null-model shuffles of each member; published tables need 20 or more"
    )
    checkpoint_seconds: float = told(
        60.0, "between checkpoints of a pack", ge=0.0, allow_inf_nan=False
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds must differ, but are {list(self.seeds)}")
        names = [task.task for task in self.tasks]
        if len(set(names)) != len(names):
            raise ValueError(f"a task can be swept once, but tasks are {names}")
        self._check_spaces()
        return self

    def _check_spaces(self) -> None:
        """Every value as the configuration it will be part of; all faults, each with its path."""
        spaces: list[tuple[_Path, _Space]] = [(("space",), self.space)]
        spaces += [(("tasks", i, "space"), t.space) for i, t in enumerate(self.tasks) if t.space]
        faults: list[Any] = []
        for path, space in spaces:
            for field, values in space.items():
                for place, value in self._values((*path, field), field, values):
                    faults += _faults_of(field, value, place)
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)

    def _values(
        self, path: _Path, field: str, values: tuple[Choice, ...] | Range
    ) -> list[tuple[_Path, Choice]]:
        """Path and value of what a configuration can be asked to judge."""
        dotted = ".".join(map(str, path))
        if isinstance(values, Range):
            if self.search.kind == "grid":
                raise ValueError(f"{dotted}: a grid needs a list of values, not a range")
            if field not in _REAL_FIELDS:
                raise ValueError(f"{dotted}: needs a list of values, not a range")
            return [((*path, "low"), values.low)]
        if not values:
            raise ValueError(f"{dotted}: needs at least one value")
        return [((*path, i), value) for i, value in enumerate(values)]


def _faults_of(field: str, value: Choice, path: _Path) -> list[Any]:
    """What a configuration says of one value of a field, told of the value's own path."""
    try:
        Configuration.model_validate({field: value})
    except ValidationError as error:
        return [{**fault, "loc": (*path, *fault["loc"][1:])} for fault in error.errors()]
    return []
