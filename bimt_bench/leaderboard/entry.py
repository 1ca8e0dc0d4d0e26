"""An entry: one recipe on one task, as its folder says it.

    <board>/<task>/<name>/entry.json             this module's `Entry`
    <board>/<task>/<name>/members.jsonl          this module's `MemberRecord`, a line each
    <board>/<task>/<name>/weights.safetensors    <member>/<array>; absent where it lies at a URL

Nothing in it is taken on trust: metrics and curves are claims, the rest follows from the task and
the code. Coordinates and graphs are derived and never read.
"""

import json
import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue

from bimt_bench.ground import InputError
from bimt_bench.spec import (
    MODELS,
    Configuration,
    ModelSettings,
    OneOf,
    Prose,
    Spec,
    TaskSpec,
    Title,
    TrainingSpec,
    fault_lines,
    settings_of,
    trained_as,
)

FORMAT = 1
ENTRY, MEMBERS, WEIGHTS = "entry.json", "members.jsonl", "weights.safetensors"
MOST_MEMBERS = 40
MOST_VALUES = 8
FEWEST_SEEDS = 5
CURVE_STEPS = 20
SHUFFLES = 20
"""Null models drawn for a metric of a member: claims and verdicts are of as many."""
DIGITS = 2


def _says_something(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


Licence = Literal["Apache-2.0", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "MIT"]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Field(pattern=r"^https://[A-Za-z0-9./_~%:?=&+#-]+$", max_length=300)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$")]
Orcid = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]$")]
Line = Annotated[Title, AfterValidator(_says_something)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Note = Annotated[Prose, Field(max_length=2000)]


def folder_name(task: str) -> str:
    """The folder of a task: its name with - for /, since no task has a - in its name."""
    return task.replace("/", "-")


class Published(Spec):
    """The base of what is read from strangers: frozen, strict about keys and about types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Author(Published):
    """Somebody who answers for an entry; `account` may withdraw it."""

    name: Line
    account: Account | None = None
    orcid: Orcid | None = None


class Weights(Published):
    """The file of weights: its sum and size, and where it lies if not in the folder."""

    sha256: Sha256
    size: Annotated[int, Field(ge=1)] = Field(description="bytes")
    dtype: Literal["float32", "float16", "float64"] = Field(
        description="as stored; float16 cannot be trained again to the bit"
    )
    url: Url | None = None
    licence: Licence | None = Field(default=None, description="of the file at the URL")

    @model_validator(mode="after")
    def _elsewhere_under_a_licence(self) -> Self:
        if (self.url is None) != (self.licence is None):
            raise ValueError("url and licence: either both are given, or neither")
        return self


class Environment(Published):
    """What numbers depend on besides settings and code, where the members were trained."""

    bimt_bench: Title
    training_digest: Digest | None = Field(description="null: trained by other code than ours")
    scoring_digest: Digest
    python: Title
    libraries: dict[Title, Title] = Field(max_length=50, description="name: version")
    device: Title
    machine: Title
    cpu_features: Title = Field(description="a digest of the processor's feature flags")
    kernels: dict[Title, Title] = Field(
        max_length=50, description="BLAS, MKL, ATen and numba: what they chose"
    )


class Cost(Published):
    """What training took: `operations` are computed again, `seconds` are a claim."""

    operations: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        description="floating-point operations of all members together"
    )
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


def short(value: float) -> bool:
    """Whether a number is finite, no -0, and written with at most two significant digits."""
    if not math.isfinite(value) or (value == 0.0 and math.copysign(1.0, value) < 0.0):
        return False
    return len(Decimal(repr(value)).normalize().as_tuple().digits) <= DIGITS


def _short(value: float) -> float:
    if not short(value):
        raise ValueError(f"{value!r} given; a dial value has at most {DIGITS} significant digits")
    return value


DialValue = Annotated[float, AfterValidator(_short)]


class ShippedModel:
    """Says in JSON Schema what `OneOf` checks: the settings of any model kind that ships."""

    def __get_pydantic_json_schema__(self, _: Any, handler: Any) -> JsonSchemaValue:
        """One of the kinds' own schemas, each told by its `kind`."""
        found = []
        for name in MODELS:
            if MODELS.source_of(name).built_in:
                own = MODELS[name].Settings.model_json_schema()
                own["properties"]["kind"] = {"const": name}
                found.append(own)
        return {"anyOf": found}


class Said(Published):
    """What the authors of an entry say of it, as nobody can compute it."""

    format: Literal[1]
    name: Slug
    title: Line
    authors: Annotated[tuple[Author, ...], Field(min_length=1, max_length=20)]
    tuned: Annotated[Note, AfterValidator(_says_something)] = Field(
        description="how settings other than the dial were chosen, on which data"
    )
    licence: Licence
    link: Url | None = None
    notes: Note = ""
    published: date


class Entry(Said):
    """One recipe on one task, with a grid of dial values and seeds 0 to n - 1, none left out."""

    task: Annotated[str, Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+$", max_length=100)]
    task_version: Annotated[int, Field(ge=1)]
    task_digest: Digest
    recipe: Word
    retrainable: bool = Field(
        default=True, description="false: a method that is not shipped; weights only, never ranked"
    )
    model: Annotated[ModelSettings, OneOf(MODELS), ShippedModel()] = Field(
        description="the network's; that of the task wherever the entry is retrainable"
    )
    settings: dict[str, Any] = Field(
        default_factory=dict,
        max_length=100,
        description="of the recipe, of training and the geometry; the dial and steps aside",
    )
    dial: Word | None = None
    grid: Annotated[tuple[DialValue, ...], Field(max_length=MOST_VALUES)] = ()
    seeds: Annotated[int, Field(ge=FEWEST_SEEDS, le=MOST_MEMBERS)]
    steps: Annotated[int, Field(ge=1)]
    weights: Weights
    environment: Environment
    cost: Cost
    metrics: dict[Word, Annotated[int, Field(ge=1)]] = Field(
        max_length=200, description="the metrics that are claimed, each with its version"
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if (self.dial is None) != (not self.grid):
            raise ValueError("grid: has dial values where there is a dial, and none else")
        if list(self.grid) != sorted(set(self.grid)):
            raise ValueError("grid: its values rise, each once")
        if self.members > MOST_MEMBERS:
            raise ValueError(f"grid: {self.members} members; at most {MOST_MEMBERS}")
        return self

    @property
    def members(self) -> int:
        """How many there must be: a member for each dial value and seed."""
        return max(1, len(self.grid)) * self.seeds

    def configuration(self, dial_value: float | None) -> Configuration:
        """The recipe and all settings at a dial value."""
        settings = {**self.settings, "steps": self.steps}
        if self.dial is not None:
            settings[self.dial] = dial_value
        return Configuration.model_validate({"recipe": self.recipe, **settings})

    def trained_on(self, task: TaskSpec) -> TaskSpec:
        """The task with the training settings that the members shared; InputError if none."""
        return trained_with(task, self.settings, steps=self.steps)


def trained_with(task: TaskSpec, settings: Mapping[str, Any], *, steps: int) -> TaskSpec:
    """A task with those of these settings that are training's and shared; InputError if unfit."""
    shared = [one.name for one in settings_of(TrainingSpec) if one.traits.shared]
    told = {name: settings[name] for name in shared if name in settings}
    raw = {**task.training.model_dump(mode="json"), **told, "steps": steps}
    try:
        training = TrainingSpec.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        lines = fault_lines(error, TrainingSpec, raw)
        raise InputError("; ".join(f"settings.{line}" for line in lines)) from None
    values: Any = {name: getattr(training, name) for name in shared}
    return trained_as(task, values)  # asked for the settings only, as a member is


class CurvePoint(Published):
    """What was measured at a step of training; None for what was not a finite number."""

    step: Annotated[int, Field(ge=0)]
    train_loss: Finite | None
    test_loss: Finite | None
    performance: Finite | None
    cost: Finite | None


class MemberRecord(Published):
    """One member as it is claimed; a line of `members.jsonl`."""

    member: Digest
    configuration: Digest
    dial_value: DialValue | None
    seed: Annotated[int, Field(ge=0, lt=MOST_MEMBERS)]
    status: Literal["ok", "diverged"]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    curve: Annotated[tuple[CurvePoint, ...], Field(max_length=CURVE_STEPS)]
    metrics: Annotated[dict[Word, Finite | None], Field(max_length=200)]
