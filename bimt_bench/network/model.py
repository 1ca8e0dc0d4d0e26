"""The contract of a model kind: an ordinary module, and the wiring that everything else reads."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from bimt_bench.data import TaskData
from bimt_bench.network.wiring import Wiring
from bimt_bench.spec import ModelSettings


@dataclass(frozen=True)
class Shapes:
    """What a model must know of a task's data.

    sample: the shape of one sample's inputs, without the batch axis: (features,), (folds,) of
    tokens, or (time, features). outputs: numbers or classes that come out, at each time step where
    `steps` is true. tokens: how many tokens there are, None where inputs are numbers.
    """

    sample: tuple[int, ...]
    outputs: int
    tokens: int | None = None
    steps: bool = False

    @classmethod
    def of(cls, data: TaskData) -> "Shapes":
        """The shapes of a task's data."""
        return cls(
            sample=tuple(data.train_inputs.shape[1:]),
            outputs=len(data.output_names),
            tokens=data.tokens,
            steps=data.has_steps,
        )


class ModelKind:
    """One kind of network. Fill in the facts, the settings, `module` and `wiring`.

    name: what a task file's `model: {kind: ...}` calls it. title: what tables print. source: where
    it comes from, if it is published.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""

    class Settings(ModelSettings):
        """No settings."""

    def check(self, settings: Any, shapes: Shapes) -> None:
        """Raises InputError, before anything starts, if these data do not fit the model."""

    def module(self, settings: Any, shapes: Shapes) -> nn.Module:
        """A new module, from inputs [B, *sample] to outputs [B, outputs] or [B, time, outputs].

        Its parameters start as the module draws them: the generator is seeded from task and seed.
        It must do the same at every call with the same parameters: no dropout, no running means.
        """
        raise NotImplementedError

    def wiring(self, settings: Any, shapes: Shapes) -> Wiring:
        """Its groups of neurons, and which parameter joins which groups or travels with one."""
        raise NotImplementedError

    def describe(self, settings: Any) -> str:
        """What tables print of these settings: '20-20 silu'."""
        return self.title
