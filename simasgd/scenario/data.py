"""The data sets.

Their sizes are stated here, so that checking a scenario reads no data; a test holds them equal to the files'.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal, NamedTuple


class DataShape(NamedTuple):
    """Numbers of training and test samples, the shape of one sample, and the number of classes."""

    train: int
    test: int
    sample: tuple[int, ...]
    classes: int

    @property
    def features(self) -> int:
        return math.prod(self.sample)


DATA = {
    "digits": DataShape(1437, 360, (8, 8), 10),
    "mnist": DataShape(60_000, 10_000, (28, 28), 10),
    "fashion-mnist": DataShape(60_000, 10_000, (28, 28), 10),
    "cifar10": DataShape(50_000, 10_000, (32, 32, 3), 10),
}

DataName = Literal["digits", "mnist", "fashion-mnist", "cifar10"]


def samples_of_epochs(epochs: float, samples_per_epoch: int) -> int:
    """The least number of samples that make so many epochs, exact for epochs as written in decimal."""
    return math.ceil(Fraction(repr(epochs)) * samples_per_epoch)
