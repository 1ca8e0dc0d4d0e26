"""The convolutional network as a model kind: channels are the neurons."""

import math
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from bimt_bench.ground import InputError
from bimt_bench.network.architecture import MODULES
from bimt_bench.network.model import ModelKind, Shapes
from bimt_bench.network.wiring import Attachment, Connection, Group, Wiring
from bimt_bench.spec import MODELS, ModelSettings, Positive

Image = tuple[int, int, int]


class Convolutional(nn.Module):
    """Two convolutions with an activation after each, and a head that looks at all of the image."""

    def __init__(
        self,
        image: Image,
        channels: tuple[int, int],
        outputs: int,
        *,
        kernel: int,
        stride: int,
        activation: str,
    ) -> None:
        super().__init__()
        self.image = image
        ends = (image[0], *channels)
        padding = kernel // 2
        self.layers = nn.ModuleList(
            nn.Conv2d(ends[i], ends[i + 1], kernel, stride, padding) for i in range(2)
        )
        self.between = nn.ModuleList(MODULES[activation]() for _ in range(2))
        height, width = (_left(side, kernel, stride) for side in image[1:])
        self.head = nn.Conv2d(channels[1], outputs, (height, width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs [B, outputs] of images [B, pixels]."""
        hidden = inputs.unflatten(1, self.image)
        for layer, active in zip(self.layers, self.between, strict=True):
            hidden = active(layer(hidden))
        return self.head(hidden).flatten(1)


@MODELS.register
class CnnKind(ModelKind):
    """Two convolutions and a head; a connection joins two channels, its window is the kernel."""

    name = "cnn"
    title = "convolutional network"
    source = "LeCun et al. 1998, Proceedings of the IEEE 86(11)"

    class Settings(ModelSettings):
        """Channels of both convolutions, their window, the activation, and the image's shape."""

        channels: tuple[Positive, Positive]
        kernel: Positive = Field(3, description="side of the window, in pixels")
        stride: Positive = Field(2, description="pixels that the window moves on")
        activation: Literal["silu", "relu", "tanh"] = "silu"
        image: tuple[Positive, Positive, Positive] | None = Field(
            None, description="channels, height and width of the inputs; a grey square if empty"
        )

    def check(self, settings: Settings, shapes: Shapes) -> None:
        """Raises InputError unless samples are images of the shape that is given."""
        if shapes.tokens is not None or len(shapes.sample) != 1 or shapes.steps:
            what = "tokens" if shapes.tokens is not None else f"of the shape {shapes.sample}"
            raise InputError(f"model.kind: cnn given; samples are {what}, not images (pixels,)")
        image, pixels = _image(settings, shapes), shapes.sample[0]
        if math.prod(image) != pixels:
            raise InputError(
                f"model.image: {settings.image or 'none'} given; channels x height x width must "
                f"be {pixels}, the numbers of a sample"
            )
        if settings.kernel % 2 == 0:
            raise InputError(f"model.kernel: {settings.kernel} given; must be odd")

    def module(self, settings: Settings, shapes: Shapes) -> nn.Module:
        """The convolutions and the head."""
        return Convolutional(
            _image(settings, shapes),
            settings.channels,
            shapes.outputs,
            kernel=settings.kernel,
            stride=settings.stride,
            activation=settings.activation,
        )

    def wiring(self, settings: Settings, shapes: Shapes) -> Wiring:
        """A group of channels a layer; those of the image stay where they are."""
        names = ("input", "hidden1", "hidden2", "output")
        parameters = ("layers.0", "layers.1", "head")
        first, second = settings.channels
        return Wiring(
            groups=(
                Group("input", _image(settings, shapes)[0], "input", 0, movable=False),
                Group("hidden1", first, "hidden", 1, module="between.0", axis=1),
                Group("hidden2", second, "hidden", 2, module="between.1", axis=1),
                Group("output", shapes.outputs, "output", 3, relabelled=True),
            ),
            connections=tuple(
                Connection(f"{parameter}.weight", names[i], names[i + 1])
                for i, parameter in enumerate(parameters)
            ),
            attachments=tuple(
                Attachment(f"{parameter}.bias", names[i + 1], axis=1, kind="bias")
                for i, parameter in enumerate(parameters)
            ),
        )

    def describe(self, settings: Settings) -> str:
        """'8-16 channels, 3x3 silu'."""
        channels = "-".join(map(str, settings.channels))
        return f"{channels} channels, {settings.kernel}x{settings.kernel} {settings.activation}"


def _image(settings: CnnKind.Settings, shapes: Shapes) -> Image:
    side = math.isqrt(shapes.sample[0])
    return settings.image or (1, side, side)


def _left(side: int, kernel: int, stride: int) -> int:
    """Pixels that are left of a side after both convolutions."""
    for _ in range(2):
        side = (side + 2 * (kernel // 2) - kernel) // stride + 1
    return side
