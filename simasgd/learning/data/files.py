"""Locations of the original files of the data sets."""

from __future__ import annotations

import abc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

from simasgd.errors import DataMissing

VARIABLE = "SIMASGD_DATA"
_SUFFIXES = ("", ".gz", ".xz")


@dataclass(frozen=True)
class AbstractSource(abc.ABC):
    """The training and the test part of a data set below SIMASGD_DATA, and the source where a user gets them."""

    form: ClassVar[str]
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    home: str

    @abc.abstractmethod
    def find(self, folder: Path, name: str) -> Path | None:
        """Return the path of one of `train` or `test` in a folder; None if it is missing."""


@final
@dataclass(frozen=True)
class Files(AbstractSource):
    """Files, which may be compressed."""

    form = "(plain, .gz or .xz)"

    def find(self, folder: Path, name: str) -> Path | None:
        return next((path for suffix in _SUFFIXES if (path := folder / (name + suffix)).is_file()), None)


@final
@dataclass(frozen=True)
class Folders(AbstractSource):
    """Folders with a folder of images for each class."""

    form = "(with a folder for each class)"

    def find(self, folder: Path, name: str) -> Path | None:
        path = folder / name
        return path if path.is_dir() else None


_IDX_TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
_IDX_TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
FILES: dict[str, AbstractSource] = {
    "mnist": Files("mnist", _IDX_TRAIN, _IDX_TEST, "the MNIST database of Yann LeCun, Corinna Cortes and Christopher Burges"),
    "fashion-mnist": Files("fashion-mnist", _IDX_TRAIN, _IDX_TEST, "Zalando Research's fashion-mnist repository"),
    "cifar10": Files(
        "cifar-10-batches-bin",
        tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
        ("test_batch.bin",),
        "Alex Krizhevsky's CIFAR page at the University of Toronto, 'CIFAR-10 binary version'",
    ),
    "imagenet": Folders(
        "imagenet",
        ("train",),
        ("val",),
        "image-net.org, ILSVRC 2012's classification task, with its JPEG files in folders nXXXXXXXX",
    ),
}


def locate(name: str) -> list[Path]:
    """Return the files or folders of a data set, training before test; none if it is embedded. Raises DataMissing."""
    if name == "own":
        raise DataMissing("learning.data: own: give its samples in Python: simulate(scenario, task=Task(…))")
    if name not in FILES:
        return []
    source = FILES[name]
    root = os.environ.get(VARIABLE)
    if not root:
        raise DataMissing(
            f"learning.data: {name} is not embedded: set {VARIABLE} to the folder that holds {source.folder}/ "
            "('simasgd data' says more)"
        )
    folder = Path(root).expanduser() / source.folder
    found = []
    for part in (*source.train, *source.test):
        path = source.find(folder, part)
        if path is None:
            raise DataMissing(
                f"learning.data: {name}: {part} {source.form} is not in {folder} ('simasgd data' says where to get it)"
            )
        found.append(path)
    return found
