"""The data sets.

Their sizes are stated here, so that checking a scenario reads no data; a test holds them equal to the files'.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal, NamedTuple


class DataShape(NamedTuple):
    """Numbers of training and test samples, the shape of one sample, and the number of classes.

    A sample is an image (height, width and perhaps channels), or so many characters of a text, each given by its number; its
    class is the character that follows. `mean` is what the pixels of the training images are on average, in each channel;
    a text has none.
    """

    train: int
    test: int
    sample: tuple[int, ...]
    classes: int
    mean: tuple[float, ...] = ()

    @property
    def features(self) -> int:
        return math.prod(self.sample)

    @property
    def is_text(self) -> bool:
        return len(self.sample) == 1

    @property
    def image(self) -> tuple[int, int, int]:
        """Height, width and channels of one sample, where it is an image."""
        height, width, *channels = self.sample
        return height, width, math.prod(channels)


DATA = {
    "digits": DataShape(1437, 360, (8, 8), 10, (0.3049,)),
    "mnist": DataShape(60_000, 10_000, (28, 28), 10, (0.1307,)),
    "fashion-mnist": DataShape(60_000, 10_000, (28, 28), 10, (0.2860,)),
    "cifar10": DataShape(50_000, 10_000, (32, 32, 3), 10, (0.4914, 0.4822, 0.4465)),
    "characters": DataShape(50_000, 10_000, (32,), 16),
}

DataName = Literal["digits", "mnist", "fashion-mnist", "cifar10", "characters"]


def samples_of_epochs(epochs: float, samples_per_epoch: int) -> int:
    """The least number of samples that make so many epochs, exact for epochs as written in decimal."""
    return math.ceil(Fraction(repr(epochs)) * samples_per_epoch)
