"""The contract of a recipe: what it declares, and the hooks that the training loop calls.

A recipe is one class in one file. It holds no state of its own: what it must remember lies in the
tables that it declares, which everything generic (members that leave, relocation, a pack split for
memory, checkpoints) handles without knowing the recipe. Only hooks that a recipe overrides are
called. n counts the members in a call, N the entries of a member's flat row.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from jaxtyping import Float
from torch import Tensor

from bimt_bench.ground import InputError
from bimt_bench.network import Wiring
from bimt_bench.spec import NonNegative, Phases, Settings, setting

if TYPE_CHECKING:
    from bimt_bench.engine.members import Members

HOOKS = ("start", "prices", "penalty", "noise", "events", "project")


class RecipeSettings(Settings):
    """The settings of a recipe; a subclass adds them as fields made by `setting`."""


class PenaltySettings(RecipeSettings):
    """The settings of every recipe whose dial is the strength of a penalty."""

    strength: NonNegative = setting(1.0, "lambda, in units of the task's own", log=True)
    phases: Phases = setting(
        doc="from which share of the steps lambda is multiplied with which factor",
        of_task="penalty.phases",
    )


@dataclass(frozen=True)
class Table:
    """State of a recipe: one number for each parameter or neuron, or a table for each member.

    per 'parameter': [n, N], laid out like the parameters. 'neuron': [n, all neurons of all
    groups]. 'member': [n, *shape]. `start` fills it. travels: relocation takes its entries along
    with the neurons they belong to; False leaves them at their positions.
    """

    name: str
    per: Literal["parameter", "neuron", "member"]
    shape: tuple[int, ...] = ()
    start: float = 0.0
    travels: bool = True


@dataclass(frozen=True)
class Every:
    """An event: `act` is called after every `steps` steps, from step `begin` to step `end`."""

    steps: int
    act: Callable[["Members"], None]
    begin: int = 0
    end: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"Every: steps: {self.steps} given; must be at least 1")

    def due(self, done: int) -> bool:
        """Whether it happens after `done` steps."""
        past = self.end is not None and done > self.end
        return done % self.steps == 0 and done >= self.begin and not past


class Recipe:
    """One way of encouraging modularity. Fill in the facts, the settings and the hooks it needs.

    name: what commands and files call it. title: what tables and legends print. equation, source:
    what it minimises or does, and where that comes from. dial: the setting that moves along its
    trade-off curve, None if it has none. baseline: one recipe says True, the one that others are
    compared with. charge: how prices are charged, as part of the gradient or by shrinking
    parameters after the update (a proximal step, which leaves true zeros). tables: its state.
    reads_loss: True if a hook reads `m.loss`, which is then there at every step.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    equation: ClassVar[str]
    source: ClassVar[str]
    dial: ClassVar[str | None] = None
    baseline: ClassVar[bool] = False
    charge: ClassVar[Literal["gradient", "shrink"]] = "gradient"
    tables: ClassVar[tuple[Table, ...]] = ()
    reads_loss: ClassVar[bool] = False

    class Settings(RecipeSettings):
        """No settings."""

    def check(self, settings: RecipeSettings, wiring: Wiring) -> None:
        """Raises InputError, before anything starts, if these settings cannot be had here."""

    def start(self, m: "Members") -> None:
        """Called once, before the first step; may write `m.flat` and `m.tables`."""

    def prices(self, m: "Members") -> Float[Tensor, "n N"]:
        """What a unit of each parameter's magnitude costs: a penalty linear in |theta|.

        Called on entry, where a phase begins, and after the recipe's own events. May read only
        tables that are written in `start` or in events, else a resumed run differs.
        """
        raise NotImplementedError

    def penalty(self, m: "Members", theta: Mapping[str, Tensor]) -> Float[Tensor, " n"]:
        """A penalty of any shape, differentiable in theta {parameter: [n, *shape]}; every step.

        No product over the member axis: a member's number must not depend on its pack mates.
        """
        raise NotImplementedError

    def noise(
        self, m: "Members", group: str, active: Float[Tensor, "n size batch"]
    ) -> Float[Tensor, "n size batch"]:
        """What a hidden group's activations are multiplied with in training, element by element.

        Called at every step. It is the factor, not the noisy activations, and it counts as a
        constant where the loss is differentiated: slopes are scaled by it too. Random numbers come
        from `m.uniform`.
        """
        raise NotImplementedError

    def events(self, m: "Members") -> Iterable[Every]:
        """What happens every so many steps, for these members."""
        return ()

    def edges(self, m: "Members") -> Iterable[int]:
        """Steps at which `prices` must be asked again, besides those where a phase begins."""
        return ()

    def project(self, m: "Members") -> None:
        """Called after `start`, after each update and after events; may write `m.flat`."""
        raise NotImplementedError

    def working_bytes(self, settings: RecipeSettings, wiring: Wiring) -> int:
        """Bytes that the hooks take for one member beyond its tables, for the memory estimate."""
        return 0

    @classmethod
    def overrides(cls, hook: str) -> bool:
        """Whether the recipe has a hook of its own."""
        return getattr(cls, hook) is not getattr(Recipe, hook)
