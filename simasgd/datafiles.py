"""Where the original files of the data sets are looked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from simasgd.errors import DataMissing
from simasgd.scenario.data import DataName

VARIABLE = "SIMASGD_DATA"
_SUFFIXES = ("", ".gz", ".xz")


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


def locate(name: DataName) -> list[Path]:
    """The files of a data set, training before test; none for an embedded one. Raises DataMissing."""
    if name not in FILES:
        return []
    files = FILES[name]
    root = os.environ.get(VARIABLE)
    if not root:
        raise DataMissing(
            f"learning.data: {name} is not embedded: set {VARIABLE} to the folder that holds {files.folder}/ "
            "('simasgd data' says more)"
        )
    folder = Path(root).expanduser() / files.folder
    found = []
    for file in (*files.train, *files.test):
        path = next((path for suffix in _SUFFIXES if (path := folder / (file + suffix)).is_file()), None)
        if path is None:
            raise DataMissing(
                f"learning.data: {name}: {file} (plain, .gz or .xz) is not in {folder} ('simasgd data' says where to get it)"
            )
        found.append(path)
    return found
