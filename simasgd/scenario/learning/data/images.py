"""Sets of images."""

from __future__ import annotations

import abc
from typing import Annotated, ClassVar, Literal, final

from pydantic import Field

from simasgd.scenario.learning.data.base import DATA, AbstractData, DataShape
from simasgd.scenario.vocabulary.section import Count, Flag, Inconsistency


class AbstractImages(AbstractData):
    """Images with a label each, and the changes to them before a model sees them."""

    subtract_mean: Flag = False
    """Whether the mean training image is subtracted from every image, pixel by pixel."""
    crop: Annotated[int, Field(strict=True, ge=0)] = 0
    """Pixels of zeros added on each side of a training image before a window of its own size is cut
    out at random. It is cut anew each time the sample is drawn."""
    flip: Flag = False
    """Whether a training sample is mirrored left-right with probability ½ each time it is drawn."""

    @property
    @abc.abstractmethod
    def original(self) -> DataShape:
        """Number and shape of the images as read."""

    @property
    def shape(self) -> DataShape:
        original = self.original
        return original._replace(mean=(0.0,) * len(original.mean)) if self.subtract_mean else original

    @property
    def is_augmented(self) -> bool:
        """Whether a training sample changes each time it is drawn."""
        return self.crop > 0 or self.flip

    def inconsistencies(self) -> list[Inconsistency]:
        height, width, _ = self.original.image
        if self.crop < min(height, width):
            return []
        message = f"{self.crop} is too large: of {height} × {width} pixels nothing might remain"
        return [Inconsistency(("crop",), message)]


class AbstractKnownImages(AbstractImages):
    """Images of a set whose size is known."""

    @property
    def original(self) -> DataShape:
        return DATA[self.kind]


@final
class Digits(AbstractKnownImages):
    """scikit-learn's digits of 8 × 8 pixels, which are embedded in simasgd."""

    kind: Literal["digits"] = "digits"


@final
class Mnist(AbstractKnownImages):
    """Handwritten digits of 28 × 28 pixels (MNIST)."""

    kind: Literal["mnist"] = "mnist"


@final
class FashionMnist(AbstractKnownImages):
    """Clothes of 28 × 28 pixels (Fashion-MNIST)."""

    kind: Literal["fashion-mnist"] = "fashion-mnist"


@final
class Cifar10(AbstractKnownImages):
    """Things and animals of 32 × 32 pixels in colour (CIFAR-10)."""

    kind: Literal["cifar10"] = "cifar10"
    subtract_mean: Flag = True
    """Whether the mean training image is subtracted from every image, pixel by pixel, as by Rudra
    (arXiv:1509.04210; A1.7)."""


@final
class ImageNet(AbstractImages):
    """Photographs of ImageNet (ILSVRC 2012) or of a part of it, cut to squares of one size."""

    kept_bytes: ClassVar[int] = 1_000_000_000
    """The most bytes of decoded images that a process keeps of the training set, and of the test set."""
    kind: Literal["imagenet"] = "imagenet"
    resolution: Annotated[Count, Field(le=2048, examples=[64])]
    """Side of a square in pixels, up to 2048."""
    classes: Annotated[Count, Field(le=1_000_000)] = 1000
    """Number of classes."""
    train: Annotated[Count, Field(le=2**31 - 1)] = 1_281_167
    """Number of training images."""
    test: Annotated[Count, Field(le=2**31 - 1)] = 50_000
    """Number of test images (of the folder `val`)."""

    @property
    def original(self) -> DataShape:
        size = self.resolution
        return DataShape(self.train, self.test, (size, size, 3), self.classes, (0.485, 0.456, 0.406))
