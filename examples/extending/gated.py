"""A recurrent model: one sheet of gated neurons that reads a row column by column."""

import torch
from torch import nn

from bimt_bench.ground import InputError
from bimt_bench.network import Attachment, Connection, Group, ModelKind, Shapes, Wiring
from bimt_bench.spec import MODELS, ModelSettings, Positive


class GatedSheet(nn.Module):
    """h' = (1 - f) h + f tanh(W x + U h + b), with f = sigmoid(V x + c); h starts at 0."""

    def __init__(self, hidden: int, outputs: int) -> None:
        super().__init__()
        self.read = nn.Linear(1, hidden)
        self.gate = nn.Linear(1, hidden)
        self.loop = nn.Linear(hidden, hidden, bias=False)
        self.state = nn.Identity()  # what the neurons send on comes out here
        self.write = nn.Linear(hidden, outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        state = torch.zeros(1, dtype=inputs.dtype, device=inputs.device)
        for value in inputs.split(1, dim=1):
            drive = self.read(value)
            if state.dim() > 1:
                drive = drive + self.loop(state)
            open_ = torch.sigmoid(self.gate(value))
            state = self.state((1.0 - open_) * state + open_ * torch.tanh(drive))
        return self.write(state)


@MODELS.register
class Gated(ModelKind):
    """A minimal gated unit, connected to itself, whose one input neuron reads the columns."""

    name = "gated"
    title = "gated sheet"
    source = "after Zhou et al. 2016, Int. J. Autom. Comput. 13"

    class Settings(ModelSettings):
        hidden: Positive = 16

    def check(self, settings: Settings, shapes: Shapes) -> None:
        if shapes.tokens is not None or len(shapes.sample) != 1 or shapes.steps:
            raise InputError("model.kind: gated given; it reads samples of numbers")

    def module(self, settings: Settings, shapes: Shapes) -> nn.Module:
        return GatedSheet(settings.hidden, shapes.outputs)

    def wiring(self, settings: Settings, shapes: Shapes) -> Wiring:
        return Wiring(
            groups=(
                Group("input", 1, "input", 0, movable=False),
                Group("hidden", settings.hidden, "hidden", 1, module="state"),
                Group("output", shapes.outputs, "output", 2, relabelled=True),
            ),
            connections=(
                Connection("read.weight", "input", "hidden"),
                Connection("gate.weight", "input", "hidden"),
                Connection("loop.weight", "hidden", "hidden"),
                Connection("write.weight", "hidden", "output"),
            ),
            attachments=(
                Attachment("read.bias", "hidden", axis=1, kind="bias"),
                Attachment("gate.bias", "hidden", axis=1, kind="bias"),
                Attachment("write.bias", "output", axis=1, kind="bias"),
            ),
        )

    def describe(self, settings: Settings) -> str:
        return f"{settings.hidden} gated"
