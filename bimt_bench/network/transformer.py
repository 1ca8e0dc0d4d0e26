"""The transformer as a model kind: a residual stream that every block reads and adds to."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bimt_bench.ground import InputError
from bimt_bench.network.architecture import MODULES
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.wiring import Attachment, Connection, Group, Wiring
from bimt_bench.spec import MODELS, ModelSettings, Positive

_BETWEEN = {**MODULES, "gelu": partial(nn.GELU, approximate="tanh")}


class Head(nn.Module):
    """One head of causal attention: queries, keys and values are folds of its neurons."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * size)

    def forward(self, stream: Tensor) -> Tensor:
        """What the head has mixed, [B, time, size], of a stream [B, time, width]."""
        query, key, value = self.qkv(stream).chunk(3, dim=-1)
        scores = query @ key.mT / query.shape[-1] ** 0.5
        time = scores.shape[-1]
        later = torch.ones(time, time, dtype=torch.bool, device=scores.device).triu(1)
        return scores.masked_fill(later, -torch.inf).softmax(dim=-1) @ value


class Block(nn.Module):
    """Attention, then a perceptron of one hidden layer; each adds to the stream."""

    def __init__(self, width: int, heads: int, inner: int, activation: str) -> None:
        super().__init__()
        size = width // heads
        self.heads = nn.ModuleList(Head(width, size) for _ in range(heads))
        together = nn.Linear(width, width)  # its start is that of one matrix for all heads
        parts = together.weight.detach().split(size, dim=1)
        self.mix = nn.ParameterList(part.clone() for part in parts)
        self.mix_bias = together.bias
        self.up = nn.Linear(width, inner)
        self.active = _BETWEEN[activation]()
        self.down = nn.Linear(inner, width)

    def forward(self, stream: Tensor) -> Tensor:
        """The stream [B, time, width] after the block."""
        found = [head(stream) @ mix.mT for head, mix in zip(self.heads, self.mix, strict=True)]
        stream = stream + sum(found[1:], start=found[0]) + self.mix_bias
        return stream + self.down(self.active(self.up(stream)))


class Transformer(nn.Module):
    """Inputs are read into the stream, blocks add to it, and outputs are read from it; no norms."""

    def __init__(
        self,
        sizes: tuple[int, int, int],
        blocks: int,
        *,
        heads: int,
        factor: int,
        activation: str,
        tokens: int | None = None,
        time: int | None = None,
        every_step: bool = False,
    ) -> None:
        super().__init__()
        inputs, width, outputs = sizes
        self.every_step = every_step
        self.embedding = None if tokens is None else nn.Embedding(tokens, inputs)
        self.read = nn.Linear(inputs, width)
        self.places = None if time is None else nn.Embedding(time, width)
        inner = factor * width
        self.blocks = nn.ModuleList(Block(width, heads, inner, activation) for _ in range(blocks))
        self.stream = nn.Identity()
        self.write = nn.Linear(width, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs [B, outputs] or [B, time, outputs] of [B, time, features] or tokens [B, time]."""
        stream = self.read(inputs if self.embedding is None else self.embedding(inputs))
        if self.places is not None:
            stream = stream + self.places.weight
        for block in self.blocks:
            stream = block(stream)
        stream = self.stream(stream)
        return self.write(stream if self.every_step else stream[:, -1])


@MODELS.register
class TransformerKind(ModelKind):
    """A causal transformer; it answers at every time step where the data have an answer there."""

    name = "transformer"
    title = "transformer"
    source = "arXiv 2305.08746, section 3.4: without norms in the forward pass"

    class Settings(ModelSettings):
        """Blocks, the width of the stream, heads, and the perceptron inside a block."""

        blocks: int = Field(gt=0, le=100)
        width: Positive
        heads: int = Field(1, gt=0, le=100)
        mlp_factor: Positive = Field(4, description="hidden neurons of a block, in widths")
        activation: Literal["gelu", "silu", "relu", "tanh"] = "gelu"
        places: bool = Field(False, description="whether a learned embedding says when it is")

    def check(self, settings: Settings, shapes: Shapes) -> None:
        """Raises InputError unless samples are sequences, and heads share the width."""
        if len(shapes.sample) != (1 if shapes.tokens is not None else 2):
            raise InputError(
                f"model.kind: transformer given; samples have the shape {shapes.sample}, but must "
                "be (time, features) or tokens (time,)"
            )
        if settings.width % settings.heads:
            raise InputError(
                f"model.heads: {settings.heads} given; must divide width, {settings.width}"
            )

    def module(self, settings: Settings, shapes: Shapes) -> nn.Module:
        """The stream and its blocks."""
        return Transformer(
            (_inputs(settings, shapes), settings.width, shapes.outputs),
            settings.blocks,
            heads=settings.heads,
            factor=settings.mlp_factor,
            activation=settings.activation,
            tokens=shapes.tokens,
            time=shapes.sample[0] if settings.places else None,
            every_step=shapes.steps,
        )

    def wiring(self, settings: Settings, shapes: Shapes) -> Wiring:
        """The stream is one group, which all others read and add to; a group a head."""
        width, embedded = settings.width, shapes.tokens is not None
        groups = [
            Group("input", _inputs(settings, shapes), "input", 0, relabelled=not embedded),
            Group("stream", width, "hidden", 1, module="stream"),
        ]
        connections = [Connection("read.weight", "input", "stream")]
        attachments = [Attachment("read.bias", "stream", axis=1, kind="bias")]
        if embedded:
            attachments.append(Attachment("embedding.weight", "input", axis=2, kind="embedding"))
        if settings.places:
            attachments.append(Attachment("places.weight", "stream", axis=2, kind="embedding"))
        for block in range(settings.blocks):
            inside = _wired_block(settings, block)
            groups += inside.groups
            connections += inside.connections
            attachments += inside.attachments
        layer = 2 * settings.blocks + 2
        groups.append(Group("output", shapes.outputs, "output", layer, relabelled=True))
        connections.append(Connection("write.weight", "stream", "output"))
        attachments.append(Attachment("write.bias", "output", axis=1, kind="bias"))
        return Wiring(tuple(groups), tuple(connections), tuple(attachments))

    def describe(self, settings: Settings) -> str:
        """'2 blocks, width 32, 1 head, mlp x4 gelu'."""
        heads = f"{settings.heads} head{'s' if settings.heads > 1 else ''}"
        blocks = f"{settings.blocks} block{'s' if settings.blocks > 1 else ''}"
        return (
            f"{blocks}, width {settings.width}, {heads}, mlp x{settings.mlp_factor} "
            f"{settings.activation}"
        )


def _inputs(settings: TransformerKind.Settings, shapes: Shapes) -> int:
    return shapes.sample[-1] if shapes.tokens is None else settings.width


@dataclass(frozen=True)
class _Wired:
    """What a block adds to the wiring."""

    groups: list[Group]
    connections: list[Connection]
    attachments: list[Attachment]


def _wired_block(settings: TransformerKind.Settings, block: int) -> _Wired:
    part, layer, size = f"blocks.{block}", 2 * block + 2, settings.width // settings.heads
    name, inner = f"mlp{block + 1}", settings.mlp_factor * settings.width
    found = _Wired(
        [Group(name, inner, "hidden", layer + 1, module=f"{part}.active")],
        [
            Connection(f"{part}.up.weight", "stream", name),
            Connection(f"{part}.down.weight", name, "stream"),
        ],
        [
            Attachment(f"{part}.mix_bias", "stream", axis=1, kind="bias"),
            Attachment(f"{part}.up.bias", name, axis=1, kind="bias"),
            Attachment(f"{part}.down.bias", "stream", axis=1, kind="bias"),
        ],
    )
    for head in reversed(range(settings.heads)):
        name, own = f"head{block + 1}_{head + 1}", f"{part}.heads.{head}"
        found.groups.insert(0, Group(name, size, "hidden", layer, module=own))
        found.connections[:0] = [
            Connection(f"{own}.qkv.weight", "stream", name, target_folds=3),
            Connection(f"{part}.mix.{head}", name, "stream"),
        ]
        found.attachments.insert(0, Attachment(f"{own}.qkv.bias", name, 1, "bias", folds=3))
    return found
