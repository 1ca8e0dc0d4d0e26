"""The recurrent network as a model kind: a hidden sheet that is connected to itself."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bimt_bench.ground import InputError
from bimt_bench.network.architecture import MODULES
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.wiring import Attachment, Connection, Group, Wiring
from bimt_bench.spec import MODELS, ModelSettings, Positive


class Recurrent(nn.Module):
    """h_t = act(W x_t + b + U h_(t-1)), h_0 = 0; outputs V h + c, at every step or at the last."""

    def __init__(
        self,
        sizes: tuple[int, int, int],
        activation: str,
        *,
        tokens: int | None = None,
        every_step: bool = False,
    ) -> None:
        super().__init__()
        inputs, hidden, outputs = sizes
        self.every_step = every_step
        self.embedding = None if tokens is None else nn.Embedding(tokens, inputs)
        self.read = nn.Linear(inputs, hidden)
        self.loop = nn.Linear(hidden, hidden, bias=False)
        self.active = MODULES[activation]()
        self.write = nn.Linear(hidden, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs [B, outputs] or [B, time, outputs] of [B, time, features] or tokens [B, time]."""
        driven = self.read(inputs if self.embedding is None else self.embedding(inputs))
        first, *later = driven.unbind(1)
        states = [self.active(first)]
        for drive in later:
            states.append(self.active(drive + self.loop(states[-1])))
        return self.write(torch.stack(states, 1) if self.every_step else states[-1])


@MODELS.register
class RnnKind(ModelKind):
    """A recurrent network; it answers at every time step where the data have an answer there."""

    name = "rnn"
    title = "recurrent network"
    source = "Elman 1990, Cognitive Science 14(2)"

    class Settings(ModelSettings):
        """Neurons of the sheet, the activation, and how wide tokens are embedded."""

        hidden: Positive
        activation: Literal["tanh", "relu"] = "tanh"
        embedding: Positive = Field(8, description="numbers that stand for a token, if any")

    def check(self, settings: Settings, shapes: Shapes) -> None:
        """Raises InputError unless samples are sequences."""
        if len(shapes.sample) != (1 if shapes.tokens is not None else 2):
            raise InputError(
                f"model.kind: rnn given; samples have the shape {shapes.sample}, but must be "
                "(time, features) or tokens (time,)"
            )

    def module(self, settings: Settings, shapes: Shapes) -> nn.Module:
        """The sheet between two layers."""
        return Recurrent(
            (_width(settings, shapes), settings.hidden, shapes.outputs),
            settings.activation,
            tokens=shapes.tokens,
            every_step=shapes.steps,
        )

    def wiring(self, settings: Settings, shapes: Shapes) -> Wiring:
        """Three groups; the hidden one is connected to itself."""
        embedded = shapes.tokens is not None
        embedding = Attachment("embedding.weight", "input", axis=2, kind="embedding")
        return Wiring(
            groups=(
                Group("input", _width(settings, shapes), "input", 0, relabelled=not embedded),
                Group("hidden", settings.hidden, "hidden", 1, module="active"),
                Group("output", shapes.outputs, "output", 2, relabelled=True),
            ),
            connections=(
                Connection("read.weight", "input", "hidden"),
                Connection("loop.weight", "hidden", "hidden"),
                Connection("write.weight", "hidden", "output"),
            ),
            attachments=(
                *((embedding,) if embedded else ()),
                Attachment("read.bias", "hidden", axis=1, kind="bias"),
                Attachment("write.bias", "output", axis=1, kind="bias"),
            ),
        )

    def describe(self, settings: Settings) -> str:
        """'32 tanh, recurrent'."""
        return f"{settings.hidden} {settings.activation}, recurrent"


def _width(settings: RnnKind.Settings, shapes: Shapes) -> int:
    return shapes.sample[-1] if shapes.tokens is None else settings.embedding
