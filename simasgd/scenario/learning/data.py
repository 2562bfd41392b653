"""The data sets.

Their sizes are stated here or in the scenario, so that checking one reads no data; tests hold them equal to the files'.
"""

from __future__ import annotations

import abc
import math
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple, final

from pydantic import Field

from simasgd.scenario.vocabulary.section import Count, Flag, Inconsistency, NameForKind, Number, Rival, Section


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

DataName = Literal[
    "digits",
    "mnist",
    "fashion-mnist",
    "cifar10",
    "characters",
    "imagenet",
    "linear-regression",
    "logistic-regression",
    "noise",
    "own",
]
Features = Annotated[Count, Field(le=100_000)]
Samples = Annotated[Count, Field(le=10_000_000)]
_MOST_NUMBERS = 5 * 10**9


class AbstractData(Section):
    """What is learned."""

    kind: DataName

    @property
    @abc.abstractmethod
    def shape(self) -> DataShape:
        """Of the samples that a model sees."""

    @abc.abstractmethod
    def inconsistencies(self) -> list[Inconsistency]:
        """What is wrong with values that are fine alone."""


class AbstractImages(AbstractData):
    """Images with a label each, and what is done to them before a model sees them."""

    subtract_mean: Flag = False
    """Whether the mean training image is subtracted from every image, pixel by pixel."""
    crop: Annotated[int, Field(strict=True, ge=0)] = 0
    """Pixels of zeros on each side, of which a window of the image's own size is cut out at random for each training sample."""
    flip: Flag = False
    """Whether a training sample is mirrored left-right with probability 1/2."""

    @property
    @abc.abstractmethod
    def original(self) -> DataShape:
        """Of the images as they are read."""

    @property
    def shape(self) -> DataShape:
        original = self.original
        return original._replace(mean=(0.0,) * len(original.mean)) if self.subtract_mean else original

    @property
    def is_augmented(self) -> bool:
        """Whether a training sample is another one each time it is drawn."""
        return self.crop > 0 or self.flip

    def inconsistencies(self) -> list[Inconsistency]:
        height, width, _ = self.original.image
        if self.crop < min(height, width):
            return []
        message = f"{self.crop} is too large: of {height} × {width} pixels nothing might be left"
        return [Inconsistency(("crop",), message)]


class AbstractKnownImages(AbstractImages):
    """Images of a set whose sizes are known."""

    @property
    def original(self) -> DataShape:
        return DATA[self.kind]


@final
class Digits(AbstractKnownImages):
    """scikit-learn's 8 × 8 digits, which are embedded."""

    kind: Literal["digits"] = "digits"


@final
class Mnist(AbstractKnownImages):
    """Handwritten digits of 28 × 28 pixels."""

    kind: Literal["mnist"] = "mnist"


@final
class FashionMnist(AbstractKnownImages):
    """Clothes of 28 × 28 pixels."""

    kind: Literal["fashion-mnist"] = "fashion-mnist"


@final
class Cifar10(AbstractKnownImages):
    """Things and animals of 32 × 32 pixels in colour."""

    kind: Literal["cifar10"] = "cifar10"


@final
class ImageNet(AbstractImages):
    """Photographs of ImageNet (ILSVRC 2012), or of as large a part of it as is there, cut to squares of one size."""

    kind: Literal["imagenet"] = "imagenet"
    resolution: Annotated[Count, Field(le=2048)]
    """Pixels of a square's side."""
    classes: Annotated[Count, Field(le=1_000_000)] = 1000
    train: Annotated[Count, Field(le=2**31 - 1)] = 1_281_167
    """How many training images there are."""
    test: Annotated[Count, Field(le=2**31 - 1)] = 50_000
    """How many test images (of `val`) there are."""

    @property
    def original(self) -> DataShape:
        size = self.resolution
        return DataShape(self.train, self.test, (size, size, 3), self.classes, (0.485, 0.456, 0.406))


@final
class Characters(AbstractData):
    """Stretches of 32 characters of a made text, whose class is the next one."""

    kind: Literal["characters"] = "characters"

    @property
    def shape(self) -> DataShape:
        return DATA[self.kind]

    def inconsistencies(self) -> list[Inconsistency]:
        return []


def _too_many_numbers(shape: DataShape) -> list[Inconsistency]:
    """Data that is made has to be held in memory as a whole, 4 bytes a number."""
    numbers = (shape.train + shape.test) * shape.features
    if numbers <= _MOST_NUMBERS:
        return []
    message = f"{shape.train + shape.test:,} samples of {shape.features:,} features are {numbers:,} numbers"
    return [Inconsistency(("samples",), f"{message}; {_MOST_NUMBERS:,} are the most")]


class AbstractRegression(AbstractData):
    """Samples x of plain numbers, N(0, C), made rather than read, and labels that follow from x·w* for hidden weights w* of
    unit variance. C is diagonal, with eigenvalues evenly spaced in their logarithm from 1 down to 1/condition."""

    features: Features
    """Numbers in a sample."""
    samples: Samples = 10_000
    """How many training samples there are."""
    test: Samples = 1000
    """How many test samples there are."""
    condition: Annotated[Number, Field(ge=1.0, le=1e12)] = 1.0
    """The ratio of the greatest to the least eigenvalue of C."""

    def inconsistencies(self) -> list[Inconsistency]:
        if self.condition > 1.0 and self.features == 1:
            rivals = (Rival(("condition",), ("features",)),)
            return [Inconsistency(("condition",), "one feature has one eigenvalue, which is 1", rivals)]
        return _too_many_numbers(self.shape)


@final
class LinearRegression(AbstractRegression):
    """Labels x·w* + noise."""

    kind: Literal["linear-regression"] = "linear-regression"
    noise: Annotated[Number, Field(ge=0.0, le=1e6)] = 0.1
    """Standard deviation of the labels' noise."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, self.test, (self.features,), 0, inputs="numbers", label="number")


@final
class LogisticRegression(AbstractRegression):
    """Two classes; a sample is of class 1 with probability 1/(1 + exp(−scale·x·w*/|w*|))."""

    kind: Literal["logistic-regression"] = "logistic-regression"
    scale: Annotated[Number, Field(gt=0.0, le=100.0)] = 4.0
    """How sharply the classes part: large for few samples of doubtful class."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, self.test, (self.features,), 2, inputs="numbers")


@final
class Noise(AbstractData):
    """What a gradient's noise is drawn from: training samples N(0, deviation²) of mean exactly 0, without labels, and a single
    test sample of zeros, so that the test loss is the one without noise."""

    kind: Literal["noise"] = "noise"
    features: Features
    """Numbers in a sample."""
    samples: Samples = 10_000
    """How many training samples there are."""
    deviation: Annotated[Number, Field(ge=0.0, le=1e6)] = 1.0
    """Standard deviation of each number."""

    @property
    def shape(self) -> DataShape:
        return DataShape(self.samples, 1, (self.features,), 0, inputs="numbers", label="none")

    def inconsistencies(self) -> list[Inconsistency]:
        return _too_many_numbers(self.shape)


@final
class OwnData(AbstractData):
    """Arrays that Python gives: simulate(scenario, task=Task(…)), which fills this section in."""

    kind: Literal["own"] = "own"
    samples: Count
    """How many training samples there are."""
    test: Count
    """How many test samples there are."""
    sample: tuple[Count, ...]
    """The shape of one."""
    classes: Annotated[int, Field(strict=True, ge=0)] = 0
    """How many classes the labels tell apart; 0 where they do not."""

    @property
    def shape(self) -> DataShape:
        label: Literal["class", "number"] = "class" if self.classes else "number"
        return DataShape(self.samples, self.test, self.sample, self.classes, inputs="numbers", label=label)

    def inconsistencies(self) -> list[Inconsistency]:
        return []


Data = Annotated[
    Digits | Mnist | FashionMnist | Cifar10 | ImageNet | Characters | LinearRegression | LogisticRegression | Noise | OwnData,
    Field(discriminator="kind"),
    NameForKind,
]


def samples_of_epochs(epochs: float, samples_per_epoch: int) -> int:
    """The least number of samples that make so many epochs, exact for epochs as written in decimal."""
    return math.ceil(Fraction(repr(epochs)) * samples_per_epoch)
