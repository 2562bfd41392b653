"""The models.

Their sizes are stated here, so that checking a scenario needs no JAX; a test holds them equal to what `learning/` builds.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.data import DataShape
from simasgd.scenario.section import Count, Inconsistency, NameForKind, Section


class AbstractModel(Section):
    """A classifier."""

    kind: str

    @abc.abstractmethod
    def num_parameters(self, data: DataShape) -> int:
        """How many numbers the model learns on this data."""

    @abc.abstractmethod
    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        """Why the model cannot learn this data; nothing if it can."""


def _wants_images(model: AbstractModel, data: DataShape, least: int) -> list[Inconsistency]:
    """That a model is for images with a side of `least` pixels or more."""
    if data.is_text:
        wrong = "and this data is a text; a transformer learns those"
    elif min(data.image[:2]) < least:
        wrong = f"and this data's have {data.image[0]} × {data.image[1]}"
    else:
        return []
    return [Inconsistency(("kind",), f"{model.kind} needs images of {least} × {least} pixels or more, {wrong}")]


@final
class Softmax(AbstractModel):
    """Softmax (multinomial logistic) regression."""

    kind: Literal["softmax"] = "softmax"

    def num_parameters(self, data: DataShape) -> int:
        return (data.features + 1) * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return _wants_images(self, data, 1)


@final
class MLP(AbstractModel):
    """Fully connected layers with ReLU between them."""

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[tuple[Count, ...], Field(min_length=1)]
    """Widths of the hidden layers."""

    def widths(self, data: DataShape) -> Iterator[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return zip((data.features, *self.hidden), (*self.hidden, data.classes), strict=True)

    def num_parameters(self, data: DataShape) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in self.widths(data))

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return _wants_images(self, data, 1)


@final
class LeNet5(AbstractModel):
    """LeNet-5's layers (LeCun et al. 1998), with ReLU, max-pooling and a softmax on top, as it is used today."""

    kind: Literal["lenet5"] = "lenet5"

    def num_parameters(self, data: DataShape) -> int:
        height, width, channels = data.image
        pixels = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
        convolutions = (25 * channels + 1) * 6 + (25 * 6 + 1) * 16
        return convolutions + (16 * pixels + 1) * 120 + 121 * 84 + 85 * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return _wants_images(self, data, 12)


@final
class Cifar10Rudra(AbstractModel):
    """Rudra's CIFAR-10 network, that is Caffe's cifar10_full, with its learning rates and its weight decay for each layer."""

    kind: Literal["cifar10-rudra"] = "cifar10-rudra"

    def num_parameters(self, data: DataShape) -> int:
        height, width, channels = data.image
        for _ in range(3):
            height, width = pooled_size(height), pooled_size(width)
        convolutions = (25 * channels + 1) * 32 + (25 * 32 + 1) * 32 + (25 * 32 + 1) * 64
        return convolutions + (64 * height * width + 1) * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return _wants_images(self, data, 8)


def pooled_size(size: int) -> int:
    """The side of an image of this side after pooling 3 × 3 at every second pixel, with windows that may hang over the far
    edge: ⌈(size − 3)/2⌉ + 1."""
    return -(-(size - 3) // 2) + 1


@final
class ResNet20(AbstractModel):
    """The residual network of 20 layers for CIFAR-10 (He et al. 2015), with GroupNorm and shortcuts without parameters."""

    kind: Literal["resnet20"] = "resnet20"

    def num_parameters(self, data: DataShape) -> int:
        stem = _convolution(3, data.image[2], 16)
        return stem + sum(_stage(3, *widths) for widths in ((16, 16), (16, 32), (32, 64))) + 65 * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return _wants_images(self, data, 4)


@final
class ResNet18(AbstractModel):
    """The residual network of 18 layers (He et al. 2015), with GroupNorm and projections where a shortcut changes its shape.
    Images of up to 64 pixels begin with a 3 × 3 convolution, larger ones with the paper's 7 × 7 and pooling."""

    kind: Literal["resnet18"] = "resnet18"

    def has_small_stem(self, data: DataShape) -> bool:
        """Whether the images are small enough to begin with a 3 × 3 convolution."""
        return max(data.image[:2]) <= 64

    def num_parameters(self, data: DataShape) -> int:
        stem = _convolution(3 if self.has_small_stem(data) else 7, data.image[2], 64)
        widths = ((64, 64), (64, 128), (128, 256), (256, 512))
        projections = sum(_convolution(1, *pair) for pair in widths[1:])
        return stem + sum(_stage(2, *pair) for pair in widths) + projections + 513 * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return _wants_images(self, data, 8)


def _convolution(size: int, inputs: int, outputs: int) -> int:
    """The parameters of a convolution without biases and of the GroupNorm after it (a scale and an offset for each channel)."""
    return size * size * inputs * outputs + 2 * outputs


def _stage(blocks: int, inputs: int, outputs: int) -> int:
    """Those of a stage of residual blocks, each of two 3 × 3 convolutions."""
    return _convolution(3, inputs, outputs) + (2 * blocks - 1) * _convolution(3, outputs, outputs)


@final
class Transformer(AbstractModel):
    """A decoder-only transformer that predicts the next character of a text."""

    kind: Literal["transformer"] = "transformer"
    layers: Count = 2
    width: Count = 64
    """Of the residual stream; divisible by the number of heads."""
    heads: Count = 4
    context: Count = 16
    """How many characters before the next one it sees."""

    def num_parameters(self, data: DataShape) -> int:
        width = self.width
        embeddings = (data.classes + self.context) * width
        # Attention 4·width² + 4·width, two layers to 4·width and back 8·width² + 5·width, two normalizations 4·width.
        return embeddings + self.layers * (12 * width + 13) * width + 2 * width + (width + 1) * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        found = []
        if not data.is_text:
            found.append(Inconsistency(("kind",), "transformer learns a text, and this data's samples are images"))
        elif self.context > data.features:
            message = f"{self.context} is too large: this data's samples have {data.features} characters"
            found.append(Inconsistency(("context",), message))
        if self.width % self.heads:
            found.append(Inconsistency(("width",), f"{self.width} is not divisible by the number of heads, {self.heads}"))
        return found


Model = Annotated[
    Softmax | MLP | LeNet5 | Cifar10Rudra | ResNet18 | ResNet20 | Transformer, Field(discriminator="kind"), NameForKind
]
