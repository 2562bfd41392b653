"""Locations of the files of the data sets, in the forms in which people have them."""

from __future__ import annotations

import abc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, final

from simasgd.errors import DataMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simasgd.scenario.schema import Scenario

VARIABLE = "SIMASGD_DATA"
_SUFFIXES = ("", ".gz", ".xz")

FileFormat = Literal["idx", "cifar-binary", "cifar-pickles", "npz", "npy", "class-folders"]
"""How the files of a form are read; `sets.py` has the readers."""


@dataclass(frozen=True)
class AbstractDataForm(abc.ABC):
    """A form of a data set: the training and the test part in a folder below SIMASGD_DATA ("." is that folder itself)."""

    kind: ClassVar[str]
    title: str
    reader: FileFormat
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The files or folders, training before test, each once."""
        return tuple(dict.fromkeys((*self.train, *self.test)))

    @abc.abstractmethod
    def find(self, folder: Path, name: str) -> Path | None:
        """Return the path of one of `train` or `test` in a folder; None if it is missing."""


@final
@dataclass(frozen=True)
class Files(AbstractDataForm):
    """Files, which may be compressed."""

    kind = "(plain, .gz or .xz)"

    def find(self, folder: Path, name: str) -> Path | None:
        return next((path for suffix in _SUFFIXES if (path := folder / (name + suffix)).is_file()), None)


@final
@dataclass(frozen=True)
class Folders(AbstractDataForm):
    """Folders with a folder of images for each class."""

    kind = "(with a folder for each class)"

    def find(self, folder: Path, name: str) -> Path | None:
        path = folder / name
        return path if path.is_dir() else None


@final
@dataclass(frozen=True)
class DataSource:
    """A data set's home, where a user gets it, and its forms, the first one being that of its home."""

    home: str
    forms: tuple[AbstractDataForm, ...]


class FoundFiles(NamedTuple):
    """A form of a data set that is there, with the paths of its `train` and its `test`."""

    form: AbstractDataForm
    train: list[Path]
    test: list[Path]


_IDX_TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
_IDX_TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))


def _of_numpy(name: str) -> tuple[AbstractDataForm, ...]:
    archive = (f"{name}.npz",)
    return (
        Files("a NumPy archive, as of Keras", "npz", ".", archive, archive),
        Files("NumPy arrays", "npy", name, ("x_train.npy", "y_train.npy"), ("x_test.npy", "y_test.npy")),
    )


def _of_idx(name: str, torchvision: str) -> tuple[AbstractDataForm, ...]:
    return (
        Files("the original files", "idx", name, _IDX_TRAIN, _IDX_TEST),
        Files("torchvision's folder", "idx", f"{torchvision}/raw", _IDX_TRAIN, _IDX_TEST),
        *_of_numpy(name),
    )


FILES: dict[str, DataSource] = {
    "mnist": DataSource("the MNIST database of Yann LeCun, Corinna Cortes and Christopher Burges", _of_idx("mnist", "MNIST")),
    "fashion-mnist": DataSource("Zalando Research's fashion-mnist repository", _of_idx("fashion-mnist", "FashionMNIST")),
    "cifar10": DataSource(
        "Alex Krizhevsky's CIFAR page at the University of Toronto, 'CIFAR-10 binary version'",
        (
            Files(
                "the original files",
                "cifar-binary",
                "cifar-10-batches-bin",
                tuple(f"{batch}.bin" for batch in _BATCHES),
                ("test_batch.bin",),
            ),
            Files("the files for Python, as of torchvision", "cifar-pickles", "cifar-10-batches-py", _BATCHES, ("test_batch",)),
            *_of_numpy("cifar10"),
        ),
    ),
    "imagenet": DataSource(
        "image-net.org, ILSVRC 2012's classification task, with its JPEG files in folders nXXXXXXXX",
        (Folders("the original files", "class-folders", "imagenet", ("train",), ("val",)),),
    ),
}


def require_files_for(scenarios: Iterable[Scenario]) -> None:
    """Raise DataMissing if files of the scenarios' data, or of their variants', are missing."""
    every = [one for scenario in scenarios for one in scenario.by_variant.values()]
    for name in sorted({one.learning.data.kind for one in every if one.learning is not None}):
        locate(name)


def locate(name: str) -> FoundFiles | None:
    """Return the first form of a data set that is whole; None if the set needs no files. Raises DataMissing."""
    if name == "own":
        raise DataMissing("learning.data: own: give its samples in Python: simulate(scenario, task=Task(…))")
    if name not in FILES:
        return None
    forms, root = FILES[name].forms, os.environ.get(VARIABLE)
    if not root:
        raise DataMissing(
            f"learning.data: {name} is not embedded: set {VARIABLE} to the folder that holds {forms[0].folder}/ "
            "('simasgd data' says more)"
        )
    best, most = forms[0], 0
    for form in forms:
        folder = Path(root).expanduser() / form.folder
        found = {part: form.find(folder, part) for part in form.parts}
        paths = {part: path for part, path in found.items() if path is not None}
        if len(paths) == len(found):
            return FoundFiles(form, [paths[part] for part in form.train], [paths[part] for part in form.test])
        if len(paths) > most:
            best, most = form, len(paths)
    folder = Path(root).expanduser() / best.folder
    part = next(part for part in best.parts if best.find(folder, part) is None)
    others = "" if len(forms) == 1 else ", and no other form of it is there"
    raise DataMissing(
        f"learning.data: {name}: {part} {best.kind} is not in {folder}{others} ('simasgd data' says where to get it)"
    )
