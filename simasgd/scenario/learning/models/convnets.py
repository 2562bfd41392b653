"""Convolutional networks without shortcuts."""

from __future__ import annotations

from typing import Literal, final

from simasgd.scenario.learning.data import DataShape
from simasgd.scenario.learning.models.base import AbstractModel, needs_images
from simasgd.scenario.vocabulary.section import Inconsistency


@final
class LeNet5(AbstractModel):
    """The layers of LeNet-5 (LeCun et al. 1998), with ReLU, max-pooling and a softmax on top.

    It has 61,706 parameters on MNIST. Images need 12 × 12 pixels or more.
    """

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
        return needs_images(self, data, smallest=12)


@final
class Cifar10Rudra(AbstractModel):
    """Rudra's CIFAR-10 network, Caffe's cifar10_full, with its learning rate and weight decay for each layer.

    It has 89,578 parameters on CIFAR-10, its own coupled weight decay, and a doubled learning rate
    of biases. It is meant for α₀ = 0.001. It subtracts each channel's mean itself unless the data
    has `subtract_mean`. Images need 8 × 8 pixels or more.
    """

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
        return needs_images(self, data, smallest=8)


def pooled_size(size: int) -> int:
    """Return the side of an image of side `size` after pooling 3 × 3 at every second pixel.

    Windows may extend beyond the far edge: ⌈(size − 3)/2⌉ + 1.
    """
    return -(-(size - 3) // 2) + 1
