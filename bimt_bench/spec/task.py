"""A task: data, model, loss, performance and the published settings, as a specification."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bimt_bench.spec.base import Fraction, NonNegative, Positive, Prose, Spec, Title, later, told
from bimt_bench.spec.doors import (
    DATA,
    LOSSES,
    MEASURES,
    METRICS,
    MODELS,
    DataSettings,
    LossSettings,
    MeasureSettings,
    ModelSettings,
    OneOf,
)
from bimt_bench.spec.geometry import GeometrySpec
from bimt_bench.spec.settings import Settings, setting


class Phase(Spec):
    """From the fraction `start` of the steps on, lambda is `factor` times its base value."""

    start: Fraction
    factor: NonNegative


def _ordered(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    starts = [phase.start for phase in phases]
    if not starts or starts[0] != 0.0 or starts != sorted(set(starts)):
        raise ValueError(f"phases must begin at 0 and rise, but start at {starts}")
    return phases


Phases = Annotated[tuple[Phase, ...], AfterValidator(_ordered)]


class PenaltySpec(Spec):
    """The connection cost and its schedule (arXiv 2305.08746, equation 2)."""

    lam: NonNegative = Field(default=1e-3, alias="lambda", description="base penalty strength")
    phases: Phases = (Phase(start=0.0, factor=1.0),)
    locality: NonNegative = Field(
        default=1.0, description="A, the weight of distance against spacing"
    )
    spacing: NonNegative = Field(
        default=0.1, description="l0, the distance between neighbouring layers"
    )
    reduce: Literal["sum", "mean"] = Field(
        default="sum", description="how a layer's costs are reduced"
    )
    bias_from: Fraction = Field(
        default=0.0, description="biases are penalised from this fraction of the steps on"
    )
    no_locality_into: tuple[str, ...] = Field(
        default=(), description="groups whose incoming connections cost no distance (A = 0)"
    )


RelocationMethod = Literal["greedy", "assignment"]
Moments = Literal["stay", "travel"]


class RelocationSpec(Spec):
    """Which neurons are tried at which places, and when."""

    every: Positive = Field(default=200, description="steps between relocations")
    top_k: Positive = Field(
        default=5, description="neurons of each group that greedy relocation tries"
    )
    method: RelocationMethod = later(
        "greedy", "greedy: swaps as published; assignment: best placements", absent="greedy"
    )
    moments: Moments = later(
        "stay", "whether the optimizer's moments travel with the weights", absent="stay"
    )


Precision = Literal["float32", "bfloat16"]


class TrainingSpec(Settings):
    """How long and how every network of a task is trained: AdamW, and the data it is fed."""

    steps: Positive = setting(
        10_000, "of training; a sweep or a run may only shorten it", shared=True
    )
    learning_rate: float = setting(2e-3, "of AdamW", log=True, gt=0.0, allow_inf_nan=False)
    beta1: float = setting(
        0.9, "share of AdamW's first moment that is kept each step", absent=0.9, ge=0.0, lt=1.0
    )
    beta2: float = setting(
        0.999, "share of AdamW's second moment that is kept each step", absent=0.999, ge=0.0, lt=1.0
    )
    weight_decay: float = setting(
        0.0, "AdamW's decoupled decay, of all parameters", absent=0.0, ge=0.0, allow_inf_nan=False
    )
    batch_size: Positive | None = setting(None, "samples a step; all of them if empty", shared=True)
    log_every: Positive = Field(
        default=200, description="steps between evaluations on the test data"
    )
    dtype: Literal["float32", "float64"] = setting("float32", "of the parameters", shared=True)
    products: Precision = setting(
        "float32",
        "bfloat16 rounds the factors of matrix products; for dtype float32 only",
        absent="float32",
        shared=True,
    )

    @model_validator(mode="after")
    def _rounded_products_are_of_float32(self) -> Self:
        if self.products == "bfloat16" and self.dtype != "float32":
            raise ValueError(f"products bfloat16 needs dtype float32, but dtype is {self.dtype}")
        return self


class ReferencePoint(Spec):
    """The corner against which a task's hypervolume is measured: worse than any useful member.

    Of module excess that is -0.5. Networks without modules lie a little below 0, the most in the
    calibration -0.3 in the mean; from 0 they would count for nothing, whatever they can do, and a
    lost seed would count for more than they. From -1, where nobody is, performance would count
    twice.
    """

    modularity: float = Field(allow_inf_nan=False)
    performance: float = Field(allow_inf_nan=False)


class TaskSpec(Spec):
    """One task: data, model, loss, performance metric and the published settings as defaults.

    A published task never changes: a change is a new version, and the old one names its
    successor in `superseded_by`. A default is never edited: digests hold the value it gave.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+$", max_length=100)
    version: Positive = told(1)
    superseded_by: Title | None = told(None)
    title: Title = told()
    description: Prose = told("")
    source: Prose = told("", doc="where the published settings come from")
    data: Annotated[DataSettings, OneOf(DATA)]
    model: Annotated[ModelSettings, OneOf(MODELS)]
    loss: Annotated[LossSettings, OneOf(LOSSES)]
    performance: Annotated[MeasureSettings, OneOf(MEASURES)]
    geometry: GeometrySpec = Field(default_factory=lambda: GeometrySpec(name="line"))
    pinned: tuple[str, ...] = Field(default=(), description="groups whose neurons never move")
    penalty: PenaltySpec = PenaltySpec()
    relocation: RelocationSpec = RelocationSpec()
    training: TrainingSpec = TrainingSpec()
    modularity_axis: Title = told(
        "module_excess_cautious", doc="the metric on the x axis of the trade-off"
    )
    reference: ReferencePoint = told(ReferencePoint(modularity=-0.5, performance=0.0))

    @model_validator(mode="after")
    def _a_corner_where_lower_is_better_is_given(self) -> Self:
        if "reference" in self.model_fields_set:
            return self
        judges = (("performance", MEASURES, self.performance.kind),)
        if self.modularity_axis != type(self).model_fields["modularity_axis"].default:
            judges += (("modularity_axis", METRICS, self.modularity_axis),)
        for field, kinds, name in judges:
            if name in kinds and kinds[name].direction == "lower":
                raise ValueError(
                    f"reference: is missing; {field} is '{name}', of which lower is better, so "
                    "there is no corner without one: give {modularity: ..., performance: ...}, "
                    "worse than any useful member"
                )
        return self

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.split("/")[0]
