"""Data sets, read from their original files, and the mini-batches drawn from them. NumPy only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simasgd import exact
from simasgd.errors import DataMissing
from simasgd.learning.data import analytic, formats, image_folder, text
from simasgd.learning.data.files import VARIABLE, FileFormat, locate
from simasgd.learning.data.image_folder import LazyImages
from simasgd.scenario.learning.data import (
    DATA,
    AbstractData,
    AbstractImages,
    Characters,
    Digits,
    ImageNet,
    LinearRegression,
    LogisticRegression,
    Noise,
)

Inputs = npt.NDArray[np.float32] | LazyImages
Labels = npt.NDArray[np.int32] | npt.NDArray[np.float32]

_READERS: Mapping[FileFormat, tuple[formats.ReadFiles, formats.ReadFiles]] = {
    "idx": (formats.read_idx, formats.read_idx),
    "cifar-binary": (formats.read_cifar, formats.read_cifar),
    "cifar-pickles": (formats.read_cifar_pickles, formats.read_cifar_pickles),
    "npz": (formats.read_archive(("x_train", "y_train")), formats.read_archive(("x_test", "y_test"))),
    "npy": (formats.read_arrays, formats.read_arrays),
}
"""How training and test samples of a form are read."""


_KEPT_SETS = 2
"""Data sets that a process keeps. So a sweep over data does not fill the memory, and two variants may take turns."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test samples.

    Inputs, shape (samples, features), float32, are pixels in [0, 1], perhaps minus their mean,
    numbers of characters, or other numbers. Labels, shape (samples,), are int32 classes or float32
    numbers. `note` is a remark on this copy for readers of a result.
    """

    train_inputs: Inputs
    train_labels: Labels
    test_inputs: Inputs
    test_labels: Labels
    note: str = ""


def load(spec: AbstractData) -> Dataset:
    """Return the data set of a scenario, without crops and flips.

    Raises DataMissing if its files are missing or wrong.
    """
    if isinstance(spec, AbstractImages):
        spec = spec.model_copy(update={"crop": 0, "flip": False})  # so that all augmentations share one copy
    return _loaded(spec, os.environ.get(VARIABLE))


@lru_cache(maxsize=_KEPT_SETS)
def _loaded(spec: AbstractData, root: str | None) -> Dataset:
    match spec:
        case Characters():
            return _characters()
        case LinearRegression():
            return Dataset(*analytic.regression(spec))
        case LogisticRegression():
            return Dataset(*analytic.two_classes(spec))
        case Noise():
            return Dataset(*analytic.noise(spec))
        case ImageNet():
            return _imagenet(spec)
        case Digits():
            found = _digits()
        case _:
            found = _from_files(spec.kind)  # `locate` raises DataMissing if the kind has no files
    return _less_mean(found) if isinstance(spec, AbstractImages) and spec.subtract_mean else found


def _less_mean(data: Dataset) -> Dataset:
    """Subtract the mean training image."""
    assert isinstance(data.train_inputs, np.ndarray)
    assert isinstance(data.test_inputs, np.ndarray)
    mean = data.train_inputs.mean(axis=0, dtype=np.float64).astype(np.float32)
    return replace(data, train_inputs=data.train_inputs - mean, test_inputs=data.test_inputs - mean)


def _imagenet(spec: ImageNet) -> Dataset:
    found = locate("imagenet")
    assert found is not None
    train, test = image_folder.read(spec, *found.train, *found.test)
    return Dataset(train.images, train.labels, test.images, test.labels)


def _from_files(name: str) -> Dataset:
    found = locate(name)
    assert found is not None
    read_train, read_test = _READERS[found.form.reader]
    train_images, train_labels = read_train(found.train)
    test_images, test_labels = read_test(found.test)
    shape, first = DATA[name], found.train[0]
    for images, labels, count, path in (
        (train_images, train_labels, shape.train, first),
        (test_images, test_labels, shape.test, found.test[0]),
    ):
        if images.shape != (count, shape.features) or labels.shape != (count,) or labels.max(initial=0) >= shape.classes:
            raise DataMissing(
                f"learning.data: {name}: {path} and its companions hold {len(images)} images of {images.shape[-1]} numbers "
                f"with {len(labels)} labels; expected {count} of {shape.features}"
            )
    note = "0.2 % of this copy's images were decoded from JPEG" if (first.parent / "inexact.json").exists() else ""
    return Dataset(
        _unit(train_images, 255), train_labels.astype(np.int32), _unit(test_images, 255), test_labels.astype(np.int32), note
    )


def _digits() -> Dataset:
    """Return scikit-learn's 1,797 digits of 8×8 pixels; 360 of them, drawn once at random, are the test set.

    They are from UCI Optical Recognition of Handwritten Digits (E. Alpaydin and C. Kaynak, 1998).
    """
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        return Dataset(
            _unit(file["train_images"].reshape(-1, 64), 16),
            file["train_labels"].astype(np.int32),
            _unit(file["test_images"].reshape(-1, 64), 16),
            file["test_labels"].astype(np.int32),
        )


def _characters() -> Dataset:
    """Return two texts of the source in `text.py`; the numbers of characters are floats, like the pixels of other sets."""
    shape = DATA["characters"]
    train, test = (text.windows(number, count, shape.features) for number, count in ((1, shape.train), (2, shape.test)))
    return Dataset(train[0].astype(np.float32), train[1].astype(np.int32), test[0].astype(np.float32), test[1].astype(np.int32))


def _unit(images: formats.ByteArray, largest: int) -> npt.NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(largest)


def mini_batches(seed: int, learner: int, count: int, mini_batch: int, samples: int) -> npt.NDArray[np.int32]:
    """Draw the first `count` mini-batches of a learner as indices of samples, shape (count, µ), uniform with replacement.

    Mini-batch k is a function of (seed, learner, k) and µ only.
    """
    bits = exact.stream(seed, exact.Purpose.MINI_BATCH, learner)
    drawn = np.floor(exact.uniforms(bits, count * mini_batch) * samples)
    return drawn.astype(np.int32).reshape(count, mini_batch)
