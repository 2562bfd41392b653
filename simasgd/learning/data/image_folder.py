"""Images in a folder for each class, as in ImageNet, decoded on request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt
from PIL import Image

from simasgd.errors import DataMissing
from simasgd.scenario.learning.data import ImageNet

Pixels = npt.NDArray[np.float32]
_MEAN_OF = 10_000
_AT_ONCE = 128


@final
@dataclass(frozen=True, eq=False)
class LazyImages:
    """Square images of three channels, `resolution` pixels wide; `names` are their files below a folder.

    `take` returns pixels in [0, 1], minus `mean` if it is given, shape (features,) with features =
    resolution²·3. The first images that are decoded are kept as bytes, by their numbers, up to
    `ImageNet.kept_bytes`. So a test set is decoded once, however often weights are evaluated.
    """

    folder: Path
    names: Sequence[str]
    resolution: int
    mean: Pixels | None = None
    kept: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of images and number of features."""
        return len(self.names), self.resolution * self.resolution * 3

    def take(self, indices: npt.ArrayLike) -> Pixels:
        """Return the images of these indices, shape (len(indices), features), channels last.

        Raises DataMissing for a file that is not an image.
        """
        numbers = np.asarray(indices, np.int64).tolist()
        images = np.empty((len(numbers), self.shape[1]), np.float32)
        most = ImageNet.kept_bytes // self.shape[1]

        def fill(row: int) -> None:
            number = numbers[row]
            found = self.kept.get(number)
            if found is None:
                found = _square(self.folder / self.names[number], self.resolution).reshape(-1)
                if len(self.kept) < most:
                    self.kept[number] = found
            images[row] = found

        with ThreadPoolExecutor() as threads:  # Pillow decodes without Python's lock
            for _ in threads.map(fill, range(len(numbers))):
                pass
        images /= np.float32(255)
        if self.mean is not None:
            images -= self.mean
        return images


class LabelledImages(NamedTuple):
    """Images, and the number of the class of each, shape (images,)."""

    images: LazyImages
    labels: npt.NDArray[np.int32]


def read(spec: ImageNet, train: Path, test: Path) -> tuple[LabelledImages, LabelledImages]:
    """Return the images of two folders with a folder for each class.

    Classes are numbered in the order of their names in `train`. Raises DataMissing if the numbers
    of images or classes differ from the scenario.
    """
    folders = [_listed(train), _listed(test)]
    classes = {name: number for number, name in enumerate(folders[0])}
    unknown = [name for name in folders[1] if name not in classes]
    if unknown:
        raise DataMissing(f"learning.data: imagenet: {test / unknown[0]} is of a class that {train} does not have")
    counts = [sum(map(len, found.values())) for found in folders]
    if (len(classes), *counts) != (spec.classes, spec.train, spec.test):
        raise DataMissing(
            f"learning.data: imagenet: {train} holds {counts[0]} images in {len(classes)} folders and {test} holds "
            f"{counts[1]}; the scenario says {spec.train} in {spec.classes} and {spec.test}. These would fit: "
            f"classes: {len(classes)}, train: {counts[0]}, test: {counts[1]}"
        )
    first, second = (
        LabelledImages(
            LazyImages(folder, [f"{name}/{file}" for name, files in found.items() for file in files], spec.resolution),
            np.repeat([classes[name] for name in found], [len(files) for files in found.values()]).astype(np.int32),
        )
        for folder, found in zip((train, test), folders, strict=True)
    )
    if not spec.subtract_mean:
        return first, second
    mean = _mean(first.images)
    return (
        first._replace(images=replace(first.images, mean=mean)),
        second._replace(images=replace(second.images, mean=mean)),
    )


def _mean(images: LazyImages) -> Pixels:
    """Return the mean image, shape (features,), of all images or of 10,000 evenly spaced ones."""
    count = min(len(images), _MEAN_OF)
    chosen = np.arange(count) * len(images) // count
    total = np.zeros(images.shape[1])
    for start in range(0, count, _AT_ONCE):
        total += images.take(chosen[start : start + _AT_ONCE]).sum(axis=0, dtype=np.float64)
    mean: Pixels = (total / count).astype(np.float32)
    return mean


def _listed(folder: Path) -> dict[str, list[str]]:
    """Return the files of each class, both in the order of their names. Raises DataMissing if there are none."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        found = {name: sorted(file for file in os.listdir(folder / name) if file.endswith(".JPEG")) for name in names}
    except OSError as error:
        raise DataMissing(f"learning.data: imagenet: {folder} cannot be read: {error}") from None
    found = {name: files for name, files in found.items() if files}
    if not found:
        raise DataMissing(f"learning.data: imagenet: there are no images in {folder}, as nXXXXXXXX/*.JPEG")
    return found


def _square(path: Path, size: int) -> npt.NDArray[np.uint8]:
    """Return the central square of an image, scaled to `size`: shape (size, size, 3)."""
    try:
        with Image.open(path) as image:
            # A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that is still twice the
            # resolution.
            image.draft("RGB", (2 * size, 2 * size))
            coloured = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataMissing(f"learning.data: imagenet: {path} cannot be decoded: {error}") from None
    side = min(coloured.size)
    left, top = ((length - side) / 2 for length in coloured.size)
    square = coloured.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.asarray(square)
