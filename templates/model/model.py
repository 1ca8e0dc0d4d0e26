"""Template name: a network of one's own. See docs/extending.md, 'A model'."""

import torch
from torch import nn

from bimt_bench.ground import InputError
from bimt_bench.network import Attachment, Connection, Group, ModelKind, Shapes, Wiring
from bimt_bench.spec import MODELS, ModelSettings, Positive


class Net(nn.Module):
    """One hidden layer, and a way past it: outputs = W act(V x + b) + U x."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.read = nn.Linear(inputs, hidden)
        self.active = nn.SiLU()
        self.write = nn.Linear(hidden, outputs)
        self.past = nn.Linear(inputs, outputs, bias=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.write(self.active(self.read(inputs))) + self.past(inputs)


@MODELS.register
class TemplateName(ModelKind):
    """A hidden layer, and direct connections past it."""

    name = "template_name"  # model: {kind: template_name} in a task file
    title = "Template name"

    class Settings(ModelSettings):
        hidden: Positive = 20

    def check(self, settings: Settings, shapes: Shapes) -> None:
        if shapes.tokens is not None or len(shapes.sample) != 1 or shapes.steps:
            raise InputError("model.kind: template_name given; it takes samples of numbers")

    def module(self, settings: Settings, shapes: Shapes) -> nn.Module:
        return Net(shapes.sample[0], settings.hidden, shapes.outputs)

    def wiring(self, settings: Settings, shapes: Shapes) -> Wiring:
        return Wiring(
            groups=(
                Group("input", shapes.sample[0], "input", 0, relabelled=True),
                Group("hidden", settings.hidden, "hidden", 1, module="active"),
                Group("output", shapes.outputs, "output", 2, relabelled=True),
            ),
            connections=(
                Connection("read.weight", "input", "hidden"),
                Connection("write.weight", "hidden", "output"),
                Connection("past.weight", "input", "output"),
            ),
            attachments=(
                Attachment("read.bias", "hidden", axis=1, kind="bias"),
                Attachment("write.bias", "output", axis=1, kind="bias"),
            ),
        )

    def describe(self, settings: Settings) -> str:
        return f"{settings.hidden} and past it"
