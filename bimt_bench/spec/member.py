"""A configuration (what somebody asks for) and a member (what it means on a task, with a seed)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict, ValidationError

from bimt_bench.ground import InputError
from bimt_bench.spec.base import Spec
from bimt_bench.spec.doors import named
from bimt_bench.spec.faults import fault_lines
from bimt_bench.spec.geometry import GeometrySpec
from bimt_bench.spec.settings import Settings, setting, settings_of
from bimt_bench.spec.task import TaskSpec, TrainingSpec


class GeometrySettings(Settings):
    """Where the neurons of every network sit: a named geometry or one spelled out."""

    geometry: str | GeometrySpec = setting(
        doc="a named geometry, or the placement of inputs, hidden and output neurons",
        of_task="geometry",
    )


class Configuration(Spec):
    """A recipe and the settings that are given; a setting left out takes the task's own value.

    Which settings there are, and which values they take, the recipe says: see
    `bimt_bench.recipes.resolve`.
    """

    model_config = ConfigDict(extra="allow")

    recipe: str = "bimt"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that are given, by name."""
        return {k: v for k, v in (self.model_extra or {}).items() if v is not None}


def configured(
    given: Mapping[str, object], *, beside: Configuration | None = None
) -> Configuration:
    """The configuration of these values by name, added to those of `beside`.

    InputError if `beside` has one of them already, or if the recipe is no name. Settings are
    judged by `bimt_bench.recipes.resolve`, which knows the recipe.
    """
    held = {} if beside is None else {"recipe": beside.recipe, **beside.settings}
    twice = sorted(given.keys() & held.keys())
    if twice:
        raise InputError(f"{', '.join(twice)}: given twice; the configuration has it already")
    raw = {**held, **given}
    try:
        return Configuration.model_validate(raw)
    except ValidationError as error:
        raise InputError("; ".join(fault_lines(error, Configuration, raw))) from None


@dataclass(frozen=True)
class Member:
    """One configuration with one seed, every setting explicit.

    `settings`: the value of every setting of the recipe, of training and of geometry, in terms of
    JSON. `empty` names those that do not apply. `cells` are the settings as the frame has them.
    `lam` is the strength of a penalty recipe times the task's lambda, else 0. `dial` is the name
    of the recipe's dial, if it has one. `source` names the plug-ins that its numbers follow from,
    if any, with their digests. `held_out` is the share of the training data that a search keeps
    for itself; 0 for every member that is published. `configuration` is a digest of everything but
    the seed, `digest` of everything.
    """

    task: str
    recipe: str
    dial: str | None
    lam: float
    geometry: GeometrySpec
    seed: int
    source: str
    configuration: str
    digest: str
    settings: Mapping[str, Any] = field(repr=False, hash=False)
    empty: frozenset[str] = field(default=frozenset(), repr=False)
    cells: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    held_out: float = 0.0

    def __getitem__(self, name: str) -> Any:
        """The value of a setting; KeyError if the member has none of that name."""
        return self.settings[name]

    def row(self) -> dict[str, object]:
        """The member's identity columns in the frame."""
        return {
            "task": self.task,
            "recipe": self.recipe,
            "dial": self.dial,
            "dial_value": None if self.dial is None else float(self.settings[self.dial]),
            **{name: None if name in self.empty else cell for name, cell in self.cells.items()},
            "placement": self.geometry.placement,
            "distance": named(self.geometry.distance),
            "source": self.source or None,
            **({"held_out": self.held_out} if self.held_out else {}),
            "seed": self.seed,
            "configuration": self.configuration,
            "member": self.digest,
        }


def trained_as(task: TaskSpec, member: Member) -> TaskSpec:
    """The task with the training settings that all members of a pack share.

    Evaluated at least ten times however few the steps; phases, which are fractions of the steps,
    shorten with it, and relocation keeps its interval.
    """
    changed = {s.name: member[s.name] for s in settings_of(TrainingSpec) if s.traits.shared}
    steps = changed["steps"]
    if steps != task.training.steps:
        changed["log_every"] = min(task.training.log_every, max(1, steps // 10))
    return task.model_copy(update={"training": task.training.model_copy(update=changed)})
