"""Residual networks."""

from __future__ import annotations

from typing import Literal, final

from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models.base import AbstractModel, needs_images
from simasgd.scenario.vocabulary.section import Inconsistency


@final
class ResNet20(AbstractModel):
    """The residual network of 20 layers for CIFAR-10 (He et al. 2015), with shortcuts without parameters.

    It has 269,722 parameters on CIFAR-10. GroupNorm replaces batch normalization, whose statistics
    belong to no message. Images need 4 × 4 pixels or more.
    """

    kind: Literal["resnet20"] = "resnet20"

    @property
    def layer_names(self) -> tuple[str, ...]:
        return _residual_names(stages=3, blocks=3)

    def num_parameters(self, data: DataShape) -> int:
        stem = _convolution(3, data.image[2], 16)
        return stem + sum(_stage(3, *widths) for widths in ((16, 16), (16, 32), (32, 64))) + 65 * data.classes

    def inconsistencies(self, data: DataShape) -> list[Inconsistency]:
        return needs_images(self, data, smallest=4)


@final
class ResNet18(AbstractModel):
    """The residual network of 18 layers (He et al. 2015), with projections where a shortcut changes its shape.

    It has 11,173,962 parameters on CIFAR-10, and GroupNorm as `resnet20` has. Images of up to 64
    pixels begin with a 3 × 3 convolution, larger ones with the paper's 7 × 7 convolution and
    pooling. Images need 8 × 8 pixels or more.
    """

    kind: Literal["resnet18"] = "resnet18"

    def has_small_stem(self, data: DataShape) -> bool:
        """Return whether the images are small enough to begin with a 3 × 3 convolution."""
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
        return needs_images(self, data, smallest=8)


def _convolution(size: int, inputs: int, outputs: int) -> int:
    """Count the parameters of a convolution without biases and of the GroupNorm after it (scale and offset a channel)."""
    return size * size * inputs * outputs + 2 * outputs


def _stage(blocks: int, inputs: int, outputs: int) -> int:
    """Count the parameters of a stage of residual blocks, each of two 3 × 3 convolutions."""
    return _convolution(3, inputs, outputs) + (2 * blocks - 1) * _convolution(3, outputs, outputs)


def _residual_names(stages: int, blocks: int) -> tuple[str, ...]:
    """Name the layers; block2.1 is the first block of the second stage."""
    inner = (f"block{stage}.{block}" for stage in range(1, stages + 1) for block in range(1, blocks + 1))
    return ("stem", *inner, "top")
