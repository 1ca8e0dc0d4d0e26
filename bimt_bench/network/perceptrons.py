"""The perceptrons as model kinds: of numbers, and of embedded tokens."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from bimt_bench.ground import InputError
from bimt_bench.network.architecture import MODULES
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.wiring import Wiring
from bimt_bench.spec import MODELS, ModelSettings, Positive

Activation = Literal["silu", "relu", "tanh"]


class Perceptron(nn.Module):
    """Layers of affine maps with an activation between, perhaps behind an embedding of tokens."""

    def __init__(
        self, sizes: tuple[int, ...], activation: str, *, tokens: int | None = None, folds: int = 1
    ) -> None:
        super().__init__()
        self.sizes, self.activation, self.tokens, self.folds = sizes, activation, tokens, folds
        if tokens is not None:
            self.embedding = nn.Embedding(tokens, sizes[0])
        widths = (sizes[0] * folds, *sizes[1:])
        self.layers = nn.ModuleList(map(nn.Linear, widths, widths[1:]))
        self.between = nn.ModuleList(MODULES[activation]() for _ in widths[2:])

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs [B, outputs] of numbers [B, features] or tokens [B, folds]."""
        hidden = inputs if self.tokens is None else self.embedding(inputs).flatten(1)
        for layer, active in zip(self.layers, [*self.between, nn.Identity()], strict=True):
            hidden = active(layer(hidden))
        return hidden


@MODELS.register
class MlpKind(ModelKind):
    """A multilayer perceptron; the sizes of input and output come from the data."""

    name = "mlp"
    title = "multilayer perceptron"

    class Settings(ModelSettings):
        """Hidden layers from input to output, and the activation between."""

        hidden: tuple[Positive, ...] = Field(min_length=1)
        activation: Activation = "silu"

    def check(self, settings: Settings, shapes: Shapes) -> None:
        """Raises InputError for tokens and for samples with a time axis."""
        if shapes.tokens is not None:
            raise InputError("model.kind: mlp given; the data are tokens, which need an embedding")
        if len(shapes.sample) != 1 or shapes.steps:
            raise InputError(f"model.kind: mlp given; samples have the shape {shapes.sample}")

    def module(self, settings: Settings, shapes: Shapes) -> nn.Module:
        """The layers."""
        return Perceptron(_sizes(settings, shapes), settings.activation)

    def wiring(self, settings: Settings, shapes: Shapes) -> Wiring:
        """A group a layer."""
        return Wiring.layered(_sizes(settings, shapes))

    def describe(self, settings: Settings) -> str:
        """'20-20 silu'."""
        return f"{'-'.join(map(str, settings.hidden))} {settings.activation}"


@MODELS.register
class EmbeddingMlpKind(ModelKind):
    """An embedding of tokens, concatenated in folds, then a multilayer perceptron."""

    name = "embedding_mlp"
    title = "embedding and perceptron"
    source = "arXiv 2305.08746, section 3.3"

    class Settings(ModelSettings):
        """The width of the embedding, hidden layers, and the activation between."""

        embedding: Positive
        hidden: tuple[Positive, ...] = Field(min_length=1)
        activation: Activation = "silu"

    def check(self, settings: Settings, shapes: Shapes) -> None:
        """Raises InputError unless samples are tokens."""
        if shapes.tokens is None or len(shapes.sample) != 1 or shapes.steps:
            raise InputError("model.kind: embedding_mlp given; the data are numbers, not tokens")

    def module(self, settings: Settings, shapes: Shapes) -> nn.Module:
        """The embedding and the layers."""
        return Perceptron(
            (settings.embedding, *_sizes(settings, shapes)[1:]),
            settings.activation,
            tokens=shapes.tokens,
            folds=shapes.sample[0],
        )

    def wiring(self, settings: Settings, shapes: Shapes) -> Wiring:
        """A group a layer; the embedding travels with the first."""
        sizes = (settings.embedding, *_sizes(settings, shapes)[1:])
        return Wiring.layered(sizes, input_folds=shapes.sample[0], embedding=True)

    def describe(self, settings: Settings) -> str:
        """'embedding 32, 50-50 silu'."""
        hidden = "-".join(map(str, settings.hidden))
        return f"embedding {settings.embedding}, {hidden} {settings.activation}"


def _sizes(
    settings: MlpKind.Settings | EmbeddingMlpKind.Settings, shapes: Shapes
) -> tuple[int, ...]:
    return (shapes.sample[0], *settings.hidden, shapes.outputs)
