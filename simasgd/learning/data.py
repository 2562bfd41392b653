"""Data sets, read from their original files, and the mini-batches drawn from them. NumPy only."""

from __future__ import annotations

import gzip
import lzma
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simasgd import exact
from simasgd.errors import DataMissing
from simasgd.scenario.learning import DATA, DataName

Bytes = npt.NDArray[np.uint8]
_VARIABLE = "SIMASGD_DATA"
_SUFFIXES = ("", ".gz", ".xz")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs in [0, 1], shape (samples, features), float32, and labels, shape (samples,), int32; `note` is what a reader of a
    result must know about this copy."""

    train_inputs: npt.NDArray[np.float32]
    train_labels: npt.NDArray[np.int32]
    test_inputs: npt.NDArray[np.float32]
    test_labels: npt.NDArray[np.int32]
    note: str = ""


@dataclass(frozen=True)
class Files:
    """Where a data set's original files are looked for, below SIMASGD_DATA, and where a user gets them."""

    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    home: str


_IDX_TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
_IDX_TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
FILES: dict[DataName, Files] = {
    "mnist": Files("mnist", _IDX_TRAIN, _IDX_TEST, "the MNIST database of Yann LeCun, Corinna Cortes and Christopher Burges"),
    "fashion-mnist": Files("fashion-mnist", _IDX_TRAIN, _IDX_TEST, "Zalando Research's fashion-mnist repository"),
    "cifar10": Files(
        "cifar-10-batches-bin",
        tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
        ("test_batch.bin",),
        "Alex Krizhevsky's CIFAR page at the University of Toronto, 'CIFAR-10 binary version'",
    ),
}


def load(name: DataName) -> Dataset:
    """A data set by name. Raises DataMissing where its files are not there or not what they should be."""
    return _loaded(name, os.environ.get(_VARIABLE))


def locate(name: DataName) -> list[Path]:
    """The files of a data set, training before test; none for an embedded one. Raises DataMissing."""
    if name not in FILES:
        return []
    files = FILES[name]
    root = os.environ.get(_VARIABLE)
    if not root:
        raise DataMissing(
            f"learning.data: {name} is not embedded: set {_VARIABLE} to the folder that holds {files.folder}/ ('simasgd data' says more)"
        )
    folders = [Path(root).expanduser() / files.folder, Path(root).expanduser()]
    found = []
    for file in (*files.train, *files.test):
        candidates = [folder / (file + suffix) for folder in folders for suffix in _SUFFIXES]
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            raise DataMissing(
                f"learning.data: {name}: {file} (plain, .gz or .xz) is neither in {folders[0]} nor in {folders[1]} "
                f"('simasgd data' says where to get it)"
            )
        found.append(path)
    return found


@cache
def _loaded(name: DataName, root: str | None) -> Dataset:
    if name == "digits":
        return _digits()
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
                f"learning.data: {name}: {path} and its companions hold {len(images)} images of {images.shape[-1]} numbers with "
                f"{len(labels)} labels; {count} of {shape.features} are wanted"
            )
    note = "0.2 % of this copy's images were decoded from JPEG" if (paths[0].parent / "inexact.json").exists() else ""
    return Dataset(
        _unit(train_images, 255), train_labels.astype(np.int32), _unit(test_images, 255), test_labels.astype(np.int32), note
    )


def _digits() -> Dataset:
    """The 1,797 8×8 digits that scikit-learn ships (UCI Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak,
    1998); 360 of them, drawn once at random, are the test set."""
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        return Dataset(
            _unit(file["train_images"].reshape(-1, 64), 16),
            file["train_labels"].astype(np.int32),
            _unit(file["test_images"].reshape(-1, 64), 16),
            file["test_labels"].astype(np.int32),
        )


def _unit(images: Bytes, largest: int) -> npt.NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(largest)


def _content(path: Path) -> bytes:
    opener: Callable[..., gzip.GzipFile | lzma.LZMAFile] | None = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix)
    try:
        if opener is None:
            return path.read_bytes()
        with opener(path) as file:
            return file.read()
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DataMissing(f"learning.data: {path} cannot be read: {error}") from None


def _read_idx(path: Path) -> Bytes:
    """An IDX file of unsigned bytes: two zeros, type 8, the number of dimensions, their sizes (big-endian), the data."""
    content = _content(path)
    dimensions = content[3] if len(content) >= 4 and content[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * dimensions
    sizes = np.frombuffer(content[4:start], dtype=">u4").astype(int)
    if not dimensions or len(sizes) != dimensions or len(content) - start != int(np.prod(sizes)):
        raise DataMissing(f"learning.data: {path} is not an IDX file of bytes, or not a whole one")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)


def _read_idx_pair(paths: list[Path]) -> tuple[Bytes, Bytes]:
    images, labels = map(_read_idx, paths)
    return images.reshape(len(images), -1), labels


def _read_cifar(paths: list[Path]) -> tuple[Bytes, Bytes]:
    """CIFAR-10's binary layout: records of a label byte and 3 × 32 × 32 bytes, planar; images come out channels last."""
    records = []
    for path in paths:
        content = _content(path)
        if not content or len(content) % 3073:
            raise DataMissing(f"learning.data: {path} is not a CIFAR-10 binary file: {len(content)} bytes are no multiple of 3,073")
        records.append(np.frombuffer(content, dtype=np.uint8).reshape(-1, 3073))
    every = np.concatenate(records)
    images = every[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(-1, 3072)
    return images, every[:, 0]


def mini_batches(seed: int, learner: int, count: int, mini_batch: int, samples: int) -> npt.NDArray[np.int32]:
    """The first `count` mini-batches of a learner as indices of training samples, shape (count, µ): uniform with replacement.

    Mini-batch k is a function of (seed, learner, k) and µ, whatever else happens.
    """
    bits = exact.stream(seed, exact.Purpose.MINI_BATCH, learner)
    drawn = np.floor(exact.uniforms(bits, count * mini_batch) * samples)
    return drawn.astype(np.int32).reshape(count, mini_batch)
