"""The models.

Their sizes are stated here, so that checking a scenario needs no JAX; a test holds them equal to what `learning/` builds.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Annotated, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.vocabulary.section import Count, Inconsistency, NameForKind, Number, Section

Width = Annotated[Count, Field(le=10_000_000)]


class AbstractModel(Section):
    """What is learned: a classifier, or a function of numbers."""

    kind: str

    @property
    @abc.abstractmethod
    def layer_names(self) -> tuple[str, ...]:
        """Its layers, or groups of layers, from the input to the output: the parts that may be read at an age of their own."""

    @abc.abstractmethod
    def num_parameters(self, data: DataShape) -> int:
        """How many numbers the model learns on this data."""

    @abc.abstractmethod
    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        """Why the model cannot learn this data; nothing if it can."""


def _nature(data: DataShape) -> str:
    """What this data is, and which models learn such data, to follow upon what a model needs."""
    if data.is_text:
        return "this data is a text; a transformer learns those"
    if data.label == "none":
        return "this data is noise; quadratic is for that"
    if data.label == "number":
        return "this data is lists of numbers with a number each; linear and mlp learn those"
    if data.inputs == "numbers":
        return "this data is lists of numbers in two classes; logistic, softmax and mlp learn those"
    return f"this data's samples are images in {data.classes:,} classes"


def _needs(model: AbstractModel, what: str, data: DataShape) -> list[Inconsistency]:
    return [Inconsistency(("kind",), f"{model.kind} needs {what}, and {_nature(data)}")]


def _wants_images(model: AbstractModel, data: DataShape, least: int) -> list[Inconsistency]:
    """That a model is for images with a side of `least` pixels or more."""
    wanted = f"images of {least} × {least} pixels or more"
    if data.inputs != "images":
        return _needs(model, wanted, data)
    if min(data.image[:2]) < least:
        message = f"{model.kind} needs {wanted}, and this data's have {data.image[0]} × {data.image[1]}"
        return [Inconsistency(("kind",), message)]
    return []


@final
class Softmax(AbstractModel):
    """Softmax (multinomial logistic) regression."""

    kind: Literal["softmax"] = "softmax"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("top",)

    def num_parameters(self, data: DataShape) -> int:
        return (data.features + 1) * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        fits = data.label == "class" and not data.is_text
        return [] if fits else _needs(self, "images or lists of numbers in classes", data)


@final
class Linear(AbstractModel):
    """Linear regression: x·w + b, with half the squared error as its loss."""

    kind: Literal["linear"] = "linear"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("top",)

    def num_parameters(self, data: DataShape) -> int:
        return data.features + 1

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return [] if data.label == "number" else _needs(self, "lists of numbers with a number each", data)


@final
class Logistic(AbstractModel):
    """Logistic regression of two classes: class 1 has the probability 1/(1 + exp(−x·w − b))."""

    kind: Literal["logistic"] = "logistic"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("top",)

    def num_parameters(self, data: DataShape) -> int:
        return data.features + 1

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        fits = data.label == "class" and data.classes == 2 and not data.is_text
        return [] if fits else _needs(self, "images or lists of numbers in two classes", data)


@final
class Quadratic(AbstractModel):
    """No network, but a bowl: the loss of a sample ξ is ½·Σ hᵢ·wᵢ² − ξ·w, and its gradient h·w − ξ."""

    kind: Literal["quadratic"] = "quadratic"
    spectrum: Annotated[tuple[Annotated[Number, Field(gt=0.0, le=1e12)], ...], Field(min_length=1)]
    """h, the eigenvalues of the Hessian matrix."""
    start: Annotated[Number, Field(ge=-1e6, le=1e6)] = 1.0
    """Every coordinate's initial value."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("weights",)

    def num_parameters(self, data: DataShape) -> int:
        return len(self.spectrum)

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        if data.label != "none":
            return _needs(self, "noise", data)
        if len(self.spectrum) != data.features:
            message = f"there are {len(self.spectrum)} eigenvalues for the {data.features} features of the noise"
            return [Inconsistency(("spectrum",), message)]
        return []


@final
class MLP(AbstractModel):
    """Fully connected layers with ReLU between them."""

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=100)]
    """Widths of the hidden layers."""

    def widths(self, data: DataShape) -> Iterator[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return zip((data.features, *self.hidden), (*self.hidden, data.outputs), strict=True)

    @property
    def layer_names(self) -> tuple[str, ...]:
        return (*(f"hidden{number}" for number in range(1, len(self.hidden) + 1)), "top")

    def num_parameters(self, data: DataShape) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in self.widths(data))

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        fits = data.label != "none" and not data.is_text
        return [] if fits else _needs(self, "images or lists of numbers with a label each", data)


@final
class LeNet5(AbstractModel):
    """LeNet-5's layers (LeCun et al. 1998), with ReLU, max-pooling and a softmax on top, as it is used today."""

    kind: Literal["lenet5"] = "lenet5"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("conv1", "conv2", "fc1", "fc2", "fc3")

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

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("conv1", "conv2", "conv3", "fc1")

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

    @property
    def layer_names(self) -> tuple[str, ...]:
        return _residual_names(stages=3, blocks=3)

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

    @property
    def layer_names(self) -> tuple[str, ...]:
        return _residual_names(stages=4, blocks=2)

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


def _residual_names(stages: int, blocks: int) -> tuple[str, ...]:
    """With block2.1 the first block of the second stage."""
    inner = (f"block{stage}.{block}" for stage in range(1, stages + 1) for block in range(1, blocks + 1))
    return ("stem", *inner, "top")


@final
class Transformer(AbstractModel):
    """A decoder-only transformer that predicts the next character of a text."""

    kind: Literal["transformer"] = "transformer"
    layers: Annotated[Count, Field(le=1000)] = 2
    width: Width = 64
    """Of the residual stream; divisible by the number of heads."""
    heads: Width = 4
    context: Width = 16
    """How many characters before the next one it sees."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("embeddings", *(f"block{number}" for number in range(1, self.layers + 1)), "top")

    def num_parameters(self, data: DataShape) -> int:
        width = self.width
        embeddings = (data.classes + self.context) * width
        # Attention 4·width² + 4·width, two layers to 4·width and back 8·width² + 5·width, two normalizations 4·width.
        return embeddings + self.layers * (12 * width + 13) * width + 2 * width + (width + 1) * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        found = []
        if not data.is_text:
            found.append(Inconsistency(("kind",), f"transformer learns a text, and {_nature(data)}"))
        elif self.context > data.features:
            message = f"{self.context} is too large: this data's samples have {data.features} characters"
            found.append(Inconsistency(("context",), message))
        if self.width % self.heads:
            found.append(Inconsistency(("width",), f"{self.width} is not divisible by the number of heads, {self.heads}"))
        return found


@final
class Own(AbstractModel):
    """Functions that Python gives: simulate(scenario, task=Task(…)), which fills this section in."""

    kind: Literal["own"] = "own"
    parameters: Count
    """How many numbers it learns."""

    @property
    def layer_names(self) -> tuple[str, ...]:
        return ("weights",)

    def num_parameters(self, data: DataShape) -> int:
        return self.parameters

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return []


Model = Annotated[
    Softmax | Linear | Logistic | Quadratic | MLP | LeNet5 | Cifar10Rudra | ResNet18 | ResNet20 | Transformer | Own,
    Field(discriminator="kind"),
    NameForKind,
]
