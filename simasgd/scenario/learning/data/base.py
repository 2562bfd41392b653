"""The facts that every data set states about itself.

Sizes are stated here or in the scenario, so that checking one reads no data. Tests compare them
with the files.
"""

from __future__ import annotations

import abc
import math
from fractions import Fraction
from typing import Literal, NamedTuple

from simasgd.scenario.vocabulary.section import Inconsistency, Section


class DataShape(NamedTuple):
    """Number and shape of the samples.

    `train` and `test` are numbers of samples, and `classes` is the number of classes, 0 where
    labels are not classes. `sample` is the shape of one sample: an image (height, width and perhaps
    channels), a number of characters of a text, or a length of a list of numbers. A character is
    given by its number, and the class of a text is the character that follows. `mean` is the mean
    pixel of the training images in each channel; other samples have none.
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
        """Number of values of one sample."""
        return math.prod(self.sample)

    @property
    def outputs(self) -> int:
        """Number of outputs of a network for each sample: one for each class, or the predicted number."""
        return self.classes if self.label == "class" else 1

    @property
    def is_text(self) -> bool:
        """Whether a sample is characters of a text."""
        return self.inputs == "text"

    @property
    def image(self) -> tuple[int, int, int]:
        """Height, width and channels of one sample that is an image."""
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
    """A data set."""

    kind: str

    @property
    @abc.abstractmethod
    def shape(self) -> DataShape:
        """Number and shape of the samples that a model sees."""

    @abc.abstractmethod
    def inconsistencies(self) -> list[Inconsistency]:
        """Return the mistakes in values that are valid one by one."""


def samples_of_epochs(epochs: float, samples_per_epoch: int) -> int:
    """Return the least number of samples that make `epochs`; exact for epochs as written in decimal."""
    return math.ceil(Fraction(repr(epochs)) * samples_per_epoch)
