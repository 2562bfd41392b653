"""The facts that every data set states about itself.

Sizes are stated here or in the scenario, so that checking one reads no data. Tests compare them with the files.
"""

from __future__ import annotations

import abc
import math
from fractions import Fraction
from typing import Literal, NamedTuple

from simasgd.scenario.vocabulary.section import Inconsistency, Section


class DataShape(NamedTuple):
    """Numbers of training and test samples, the shape of one sample, and the number of classes (0 where labels are no
    classes).

    A sample is an image (height, width and perhaps channels), or so many characters of a text, each given by its number, whose
    class is the character that follows, or a list of plain numbers. `mean` is what the pixels of the training images are on
    average, in each channel; other samples have none.
    """

    train: int
    test: int
    sample: tuple[int, ...]
    classes: int
    mean: tuple[float, ...] = ()
    inputs: Literal["images", "text", "numbers"] = "images"
    label: Literal["class", "number", "none"] = "class"

    @property
    def features(self) -> int:
        return math.prod(self.sample)

    @property
    def outputs(self) -> int:
        """How many numbers a network gives for each sample: one for each class, or the one that is to be predicted."""
        return self.classes if self.label == "class" else 1

    @property
    def is_text(self) -> bool:
        return self.inputs == "text"

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
    "characters": DataShape(50_000, 10_000, (32,), 16, inputs="text"),
}


class AbstractData(Section):
    """What is learned."""

    kind: str

    @property
    @abc.abstractmethod
    def shape(self) -> DataShape:
        """Of the samples that a model sees."""

    @abc.abstractmethod
    def inconsistencies(self) -> list[Inconsistency]:
        """What is wrong with values that are fine alone."""


def samples_of_epochs(epochs: float, samples_per_epoch: int) -> int:
    """The least number of samples that make so many epochs, exact for epochs as written in decimal."""
    return math.ceil(Fraction(repr(epochs)) * samples_per_epoch)
