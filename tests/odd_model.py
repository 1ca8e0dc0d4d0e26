"""A stranger's model whose wiring has everything that a perceptron's has not."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from bimt_bench.ground import Source, entering
from bimt_bench.network import Attachment, Connection, Group, ModelKind, Wiring
from bimt_bench.spec import MODELS
from tests.some_models import CASES, Case

OUTSIDE = Source("a stranger", "1.0", "0123456789ab")


class OddNetwork(nn.Module):
    """Two groups on one layer, a window, a loop, a way past a layer, and two ways into a group."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.left, self.right = nn.Linear(inputs, 4), nn.Linear(inputs, 3, bias=False)
        self.sent_left, self.sent_right, self.sent = nn.Tanh(), nn.Tanh(), nn.Tanh()
        self.window = nn.Parameter(torch.randn(5, 4, 2) / 2)
        self.across = nn.Linear(3, 5)
        self.loop = nn.Linear(5, 5, bias=False)
        self.top, self.past = nn.Linear(5, outputs), nn.Linear(4, outputs, bias=False)

    def forward(self, x):
        left, right = self.sent_left(self.left(x)), self.sent_right(self.right(x))
        reached = left @ self.window[..., 0].mT + left.square() @ self.window[..., 1].mT
        first = torch.tanh(reached + self.across(right))
        return self.top(self.sent(first + self.loop(first))) + self.past(left)


class OddKind(ModelKind):
    name = "odd"
    title = "odd network"

    def module(self, settings, shapes):
        return OddNetwork(shapes.sample[0], shapes.outputs)

    def wiring(self, settings, shapes):
        return Wiring(
            groups=(
                Group("input", shapes.sample[0], "input", 0, relabelled=True),
                Group("left", 4, "hidden", 1, module="sent_left"),
                Group("right", 3, "hidden", 1, module="sent_right"),
                Group("sheet", 5, "hidden", 2, module="sent"),
                Group("output", shapes.outputs, "output", 3, relabelled=True),
            ),
            connections=(
                Connection("left.weight", "input", "left"),
                Connection("right.weight", "input", "right"),
                Connection("window", "left", "sheet"),
                Connection("across.weight", "right", "sheet"),
                Connection("loop.weight", "sheet", "sheet"),
                Connection("top.weight", "sheet", "output"),
                Connection("past.weight", "left", "output"),
            ),
            attachments=(
                Attachment("left.bias", "left", 1, "bias"),
                Attachment("across.bias", "sheet", 1, "bias"),
                Attachment("top.bias", "output", 1, "bias"),
            ),
        )


ALL = {**CASES, "odd": Case({"kind": "odd"}, (6,))}


@contextmanager
def registered() -> Iterator[None]:
    """The stranger's kind is there within."""
    with entering(OUTSIDE):
        MODELS.register(OddKind)
    try:
        yield
    finally:
        MODELS.drop(OUTSIDE)
