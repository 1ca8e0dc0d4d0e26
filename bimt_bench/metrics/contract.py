"""What a metric is, and the door through which one is registered."""

import inspect
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from bimt_bench.data import TaskData
from bimt_bench.engine import COLUMNS, Recipe
from bimt_bench.ground import InputError
from bimt_bench.metrics.base import PerMember, Scored
from bimt_bench.metrics.needs import Need
from bimt_bench.network import Wiring
from bimt_bench.spec import (
    METRICS,
    RECIPES,
    GeometrySettings,
    TaskSpec,
    TrainingSpec,
    settings_of,
)

Compute = Callable[[Scored], PerMember]
Reasons = Callable[[Scored], Sequence[str | None]]
Direction = Literal["higher", "lower"]
Cost = Literal["cheap", "graph", "draws", "pruning", "ablation"]
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measurement of trained members, with what a reader must know to compare its values.

    low, high: the range of its values, perhaps infinite; a value outside is an error of the
    metric. source: where it comes from, with its equation. untrained: what an untrained network
    scores on it, in words. need: what task and wiring must have for it to be defined, if anything.
    cost: what takes its time: little (cheap), one partition of a graph, those of many null networks
    (draws), forward passes of many pruned networks, or of many without some neurons (ablation).
    version: raised by 1 with every change that gives other values, which are then told apart.
    compute: a scored population -> float64 [P]; NaN where the metric is undefined. undefined: why
    it is undefined for each member, in words, if there is more to say than `goodness.state` does.
    """

    name: str
    family: str
    title: str
    direction: Direction
    source: str
    untrained: str
    compute: Compute
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    cost: Cost = "cheap"
    need: Need | None = None
    undefined: Reasons | None = None
    version: int = 1

    def __post_init__(self) -> None:
        """InputError that lists, in one line, all facts that cannot be."""
        faults = [*_faults(self)]
        if faults:
            raise InputError(f"metric '{self.name}': {'; '.join(faults)}")

    @property
    def __wrapped__(self) -> Compute:
        """The function: what tells two metrics of one name apart."""
        return self.compute

    def lacking(self, task: TaskSpec, data: TaskData, wiring: Wiring) -> Need | None:
        """The broadest need that is not met; None if the metric is defined here."""
        return None if self.need is None else self.need.lacking(task, data, wiring)


def metric(
    *,
    title: str,
    family: str,
    direction: Direction,
    source: str,
    untrained: str,
    unit: str = "",
    low: float = -math.inf,
    high: float = math.inf,
    cost: Cost = "cheap",
    need: Need | None = None,
    undefined: Reasons | None = None,
    version: int = 1,
) -> Callable[[Compute], Compute]:
    """Registers the function below it as a metric, under the function's name; see `Metric`.

    InputError if a fact cannot be, or if there is another metric of that name.
    """

    def registered(compute: Compute) -> Compute:
        METRICS.register(
            Metric(
                name=compute.__name__,
                family=family,
                title=title,
                direction=direction,
                source=source,
                compute=compute,
                untrained=untrained,
                unit=unit,
                low=low,
                high=high,
                cost=cost,
                need=need,
                undefined=undefined,
                version=version,
            )
        )
        return compute

    return registered


def _faults(one: Metric) -> Iterator[str]:
    if not _NAME.fullmatch(one.name):
        yield f"name: '{one.name}' given; small letters, digits and _ are allowed"
    if one.name in COLUMNS or one.name in _settings(_recipes()):
        yield "name: is another column of the frame; rename it"
    for fact in ("family", "title", "source", "untrained"):
        if not getattr(one, fact).strip():
            yield f"{fact}: is empty"
    for fact, allowed in (("direction", Direction), ("cost", Cost)):
        if getattr(one, fact) not in get_args(allowed):
            yield f"{fact}: '{getattr(one, fact)}' given; allowed: {', '.join(get_args(allowed))}"
    if not one.low < one.high:
        yield f"low: {one.low:g} is not below high, {one.high:g}"
    if isinstance(one.version, bool) or not isinstance(one.version, int) or one.version < 1:
        yield f"version: {one.version!r} given; must be a whole number from 1 on"
    try:
        inspect.signature(one.compute).bind(None)
    except TypeError:
        yield f"{one.name}{inspect.signature(one.compute)}: is called with one scored population"


def _recipes() -> tuple[type[Recipe], ...]:
    """All recipes known by now, told at once: dozens of metrics ask as they are imported."""
    len(RECIPES)  # ours are registered then
    return tuple(kind for one in RECIPES.sources() for kind in RECIPES.of(one).values())


@cache
def _settings(recipes: tuple[type[Recipe], ...]) -> frozenset[str]:
    """The settings that have a column of their own."""
    owners = [TrainingSpec, GeometrySettings, *(recipe.Settings for recipe in recipes)]
    return frozenset(setting.name for owner in owners for setting in settings_of(owner))
