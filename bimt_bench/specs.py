"""Specifications: pydantic models of tasks, configurations, geometry, penalty and sweeps.

Everything a run needs is one of these frozen models. They refuse unknown keys and report every
fault at once; `bimt_bench.catalog` turns a report into one line a fault. This module imports
nothing of ours.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
# What the generators of NumPy, scikit-learn and Optuna take.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Spec(BaseModel):
    """A frozen specification that refuses unknown keys and knows its digest."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the complete specification as canonical JSON."""
        return digest_of(self.model_dump(mode="json", by_alias=True))


def digest_of(content: object) -> str:
    """First 12 hex digits of the SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# --------------------------------------------------------------------------- geometry


class Placement(Spec):
    """Where the neurons of one group sit in the unit square.

    line: n cell centres (k + 1/2) / n at height 1/2. grid: row-major cell centres, x fastest;
    square unless `rows` says otherwise. ring: n points at angles 2 pi (k + 1/2) / n round the
    centre, at distance `radius`. Source: arXiv 2305.08746, sections 2 and 3.5.
    """

    kind: Literal["line", "grid", "ring"]
    rows: Positive | None = Field(default=None, description="rows of a grid; square if absent")
    radius: float = Field(default=0.25, gt=0.0, le=0.5, description="radius of a ring")

    @model_validator(mode="after")
    def _rows_belong_to_grids(self) -> Self:
        if self.rows is not None and self.kind != "grid":
            raise ValueError(f"rows belongs to kind 'grid', not to kind '{self.kind}'")
        return self


class GeometrySpec(Spec):
    """Placement of input, hidden and output groups, and how distance is measured."""

    name: str = Field(default="custom", description="short name shown in tables")
    input: Placement = Placement(kind="line")
    hidden: Placement = Placement(kind="line")
    output: Placement = Placement(kind="line")
    distance: Literal["l1", "l2"] = "l1"


# --------------------------------------------------------------------------- training


class Phase(Spec):
    """From the fraction `start` of the steps on, lambda is `factor` times its base value."""

    start: Fraction
    factor: NonNegative


class PenaltySpec(Spec):
    """The connection cost and its schedule (arXiv 2305.08746, equation 2)."""

    lam: NonNegative = Field(alias="lambda", description="base penalty strength")
    phases: tuple[Phase, ...] = (Phase(start=0.0, factor=1.0),)
    locality: NonNegative = Field(description="A, the weight of distance against spacing")
    spacing: NonNegative = Field(description="l0, the distance between neighbouring layers")
    reduce: Literal["sum", "mean"] = Field(description="how a layer's costs are reduced")
    bias_from: Fraction = Field(
        default=0.0, description="biases are penalised from this fraction of the steps on"
    )
    no_locality_into: tuple[str, ...] = Field(
        default=(), description="groups whose incoming connections cost no distance (A = 0)"
    )

    @model_validator(mode="after")
    def _phases_are_ordered(self) -> Self:
        starts = [phase.start for phase in self.phases]
        if not starts or starts[0] != 0.0 or starts != sorted(set(starts)):
            raise ValueError(f"phases must begin at 0 and rise, but start at {starts}")
        return self


RelocationMethod = Literal["greedy", "assignment"]
Moments = Literal["stay", "travel"]


class RelocationSpec(Spec):
    """Which neurons are tried at which places, and when."""

    every: Positive = Field(description="steps between relocations")
    top_k: Positive = Field(description="neurons of each group that greedy relocation tries")
    method: RelocationMethod = Field(
        default="greedy", description="greedy: swaps as published; assignment: best placements"
    )
    moments: Moments = Field(
        default="stay", description="whether the optimizer's moments travel with the weights"
    )


Precision = Literal["float32", "bfloat16"]


class TrainingSpec(Spec):
    """Optimizer settings: AdamW without weight decay."""

    steps: Positive
    learning_rate: float = Field(gt=0.0, allow_inf_nan=False)
    batch_size: Positive | None = Field(default=None, description="full batch if absent")
    log_every: Positive = Field(description="steps between evaluations on the test data")
    dtype: Literal["float32", "float64"] = "float32"
    # left out of the digest unless it is set, so that published tasks keep theirs
    products: Precision = Field(
        default="float32",
        exclude_if=lambda value: value == "float32",
        description="bfloat16 rounds the factors of matrix products; for dtype float32 only",
    )

    @model_validator(mode="after")
    def _rounded_products_are_of_float32(self) -> Self:
        if self.products == "bfloat16" and self.dtype != "float32":
            raise ValueError(f"products bfloat16 needs dtype float32, but dtype is {self.dtype}")
        return self


# --------------------------------------------------------------------------- data and models


class FormulaData(Spec):
    """Outputs as formulas of inputs drawn uniformly from [low, high]."""

    kind: Literal["formula"]
    inputs: tuple[str, ...] = Field(min_length=1)
    outputs: tuple[str, ...] = Field(min_length=1, description="one formula an output")
    low: float = -1.0
    high: float = 1.0
    train: Positive = 100
    test: Positive = 100
    seed: Seed = 0

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, but low={self.low}, high={self.high}")
        return self


class ModularData(Spec):
    """A polynomial expression in a and b modulo `modulus`, over all pairs of residues."""

    kind: Literal["modular"]
    modulus: int = Field(ge=2, le=1024)
    expression: str = "a + b"
    train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)
    seed: Seed = 4


class DigitsData(Spec):
    """scikit-learn's 1,797 scanned 8x8 digits, as pixel values in [0, 1]."""

    kind: Literal["digits"]
    train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)
    seed: Seed = 0


class MnistData(Spec):
    """MNIST: 60,000 training and 10,000 test images of 28x28, as pixel values in [0, 1]."""

    kind: Literal["mnist"]
    seed: Seed = Field(default=0, description="seed of the order of batches")


DataSpec = Annotated[
    FormulaData | ModularData | DigitsData | MnistData, Field(discriminator="kind")
]


class MlpSpec(Spec):
    """A multilayer perceptron; the sizes of input and output come from the data."""

    kind: Literal["mlp"]
    hidden: tuple[Positive, ...] = Field(min_length=1)
    activation: Literal["silu", "relu", "tanh"] = "silu"


class EmbeddingMlpSpec(Spec):
    """An embedding of tokens, concatenated in folds, then a multilayer perceptron."""

    kind: Literal["embedding_mlp"]
    embedding: Positive
    hidden: tuple[Positive, ...] = Field(min_length=1)
    activation: Literal["silu", "relu", "tanh"] = "silu"


ModelSpec = Annotated[MlpSpec | EmbeddingMlpSpec, Field(discriminator="kind")]


class ReferencePoint(Spec):
    """The corner against which a task's hypervolume is measured: worse than any useful member."""

    modularity: float
    performance: float


class TaskSpec(Spec):
    """One task: data, model, loss, performance metric and the published settings as defaults.

    A published task never changes: a change is a new version, and the old one names its
    successor in `superseded_by`.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+$")
    version: Positive = 1
    superseded_by: str | None = None
    title: str
    description: str
    source: str = Field(description="where the published settings come from")
    data: DataSpec
    model: ModelSpec
    loss: Literal["mse", "cross_entropy"]
    performance: Literal["r2", "accuracy"]
    geometry: GeometrySpec = GeometrySpec(name="line")
    pinned: tuple[str, ...] = Field(default=(), description="groups whose neurons never move")
    penalty: PenaltySpec
    relocation: RelocationSpec
    training: TrainingSpec
    modularity_axis: str = Field(description="the metric on the x axis of the trade-off")
    reference: ReferencePoint

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.split("/")[0]


class Configuration(Spec):
    """What a sweep varies. A field left out takes the task's published setting."""

    recipe: str = "bimt"
    strength: NonNegative = Field(default=1.0, description="lambda, in units of the task's own")
    locality: NonNegative | None = None
    spacing: NonNegative | None = None
    geometry: str | GeometrySpec | None = None
    learning_rate: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    swap_every: Positive | None = None
    top_k: Positive | None = None
    relocation: RelocationMethod | None = None
    moments: Moments | None = None


# --------------------------------------------------------------------------- sweeps

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
    title: str
    tasks: tuple[SweptTask, ...] = Field(min_length=1)
    space: _Space = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    search: Search = GridSearch(kind="grid")
    pack_size: Positive | None = Field(
        default=None,
        description="members a pack; timed on this machine if absent and the sweep is long",
    )
    shuffles: Positive = Field(
        default=20,
        description="null-model shuffles of each member; published tables need 20 or more",
    )
    checkpoint_seconds: float = Field(
        default=60.0, ge=0.0, allow_inf_nan=False, description="between checkpoints of a pack"
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
