"""Data sets, read from their original files, and the mini-batches drawn from them. NumPy only."""

from __future__ import annotations

import gzip
import lzma
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simasgd import exact
from simasgd.errors import DataMissing
from simasgd.learning.data import analytic, image_folder, text
from simasgd.learning.data.files import FILES, VARIABLE, locate
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

Bytes = npt.NDArray[np.uint8]
Inputs = npt.NDArray[np.float32] | LazyImages
Labels = npt.NDArray[np.int32] | npt.NDArray[np.float32]


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


@cache
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
    train, test = image_folder.read(spec, *locate("imagenet"))
    return Dataset(train.images, train.labels, test.images, test.labels)


def _from_files(name: str) -> Dataset:
    read: Callable[[list[Path]], tuple[Bytes, Bytes]] = _read_cifar if name == "cifar10" else _read_idx_pair
    paths, split = locate(name), len(FILES[name].train)
    train_images, train_labels = read(paths[:split])
    test_images, test_labels = read(paths[split:])
    shape = DATA[name]
    for images, labels, count, path in (
        (train_images, train_labels, shape.train, paths[0]),
        (test_images, test_labels, shape.test, paths[split]),
    ):
        if images.shape != (count, shape.features) or labels.shape != (count,) or labels.max(initial=0) >= shape.classes:
            raise DataMissing(
                f"learning.data: {name}: {path} and its companions hold {len(images)} images of {images.shape[-1]} numbers "
                f"with {len(labels)} labels; expected {count} of {shape.features}"
            )
    note = "0.2 % of this copy's images were decoded from JPEG" if (paths[0].parent / "inexact.json").exists() else ""
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


def _unit(images: Bytes, largest: int) -> npt.NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(largest)


def _content(path: Path) -> bytes:
    unpack: Callable[[bytes], bytes] = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    try:
        return unpack(path.read_bytes())
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataMissing(f"learning.data: {path} cannot be read: {error}") from None


def _read_idx(path: Path) -> Bytes:
    """Read an IDX file of unsigned bytes: two zeros, type 8, number of dimensions, sizes (big-endian), data."""
    content = _content(path)
    dimensions = content[3] if len(content) >= 4 and content[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * dimensions
    sizes = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if not dimensions or len(content) - start != math.prod(sizes):
        raise DataMissing(f"learning.data: {path} is not an IDX file of bytes, or not a whole one")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)


def _read_idx_pair(paths: list[Path]) -> tuple[Bytes, Bytes]:
    images, labels = map(_read_idx, paths)
    return images.reshape(len(images), math.prod(images.shape[1:])), labels


def _read_cifar(paths: list[Path]) -> tuple[Bytes, Bytes]:
    """Read CIFAR-10's binary layout: records of a label byte and 3 × 32 × 32 bytes, planar; returns channels last."""
    records = []
    for path in paths:
        content = _content(path)
        if not content or len(content) % 3073:
            raise DataMissing(
                f"learning.data: {path} is not a CIFAR-10 binary file: {len(content)} bytes are not a multiple of 3,073"
            )
        records.append(np.frombuffer(content, dtype=np.uint8).reshape(-1, 3073))
    every = np.concatenate(records)
    images = every[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(-1, 3072)
    return images, every[:, 0]


def mini_batches(seed: int, learner: int, count: int, mini_batch: int, samples: int) -> npt.NDArray[np.int32]:
    """Draw the first `count` mini-batches of a learner as indices of samples, shape (count, µ), uniform with replacement.

    Mini-batch k is a function of (seed, learner, k) and µ only.
    """
    bits = exact.stream(seed, exact.Purpose.MINI_BATCH, learner)
    drawn = np.floor(exact.uniforms(bits, count * mini_batch) * samples)
    return drawn.astype(np.int32).reshape(count, mini_batch)
