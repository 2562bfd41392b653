"""A set of images gives the same arrays in every form in which people have it."""

from __future__ import annotations

import gzip
import lzma
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from simasgd.command.cli import app
from simasgd.errors import DataMissing
from simasgd.learning.data.files import FILES, VARIABLE, locate
from simasgd.learning.data.sets import load
from simasgd.scenario.learning.data import DATA, AbstractData, Cifar10, FashionMnist, Mnist

SPECS: dict[str, AbstractData] = {"mnist": Mnist(), "fashion-mnist": FashionMnist(), "cifar10": Cifar10(subtract_mean=False)}
COUNTS = {"train": 10, "test": 3}
Arrays = dict[str, np.ndarray]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder for data, and let `load` expect few samples."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for name in SPECS:
        monkeypatch.setitem(DATA, name, DATA[name]._replace(**COUNTS))
    return tmp_path


def arrays(name: str) -> Arrays:
    """Draw images, channels last, and labels."""
    draw, shape = np.random.default_rng(len(name)), DATA[name].sample
    found: Arrays = {}
    for part, count in COUNTS.items():
        found[f"x_{part}"] = draw.integers(0, 256, (count, *shape), dtype=np.uint8)
        found[f"y_{part}"] = draw.integers(0, 10, count, dtype=np.uint8)
    return found


def planar(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 3, 1, 2).reshape(len(images), 3072)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_idx(folder: Path, found: Arrays) -> None:
    def idx(array: np.ndarray) -> bytes:
        return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()

    for part, prefix in (("train", "train"), ("test", "t10k")):
        write(folder / f"{prefix}-images-idx3-ubyte", idx(found[f"x_{part}"]))
        write(folder / f"{prefix}-labels-idx1-ubyte", idx(found[f"y_{part}"]))


def batches(found: Arrays) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return CIFAR-10's parts, planar: five of training samples, and one of test samples."""
    training = {
        f"data_batch_{i + 1}": (found["x_train"][2 * i : 2 * i + 2], found["y_train"][2 * i : 2 * i + 2]) for i in range(5)
    }
    every = training | {"test_batch": (found["x_test"], found["y_test"])}
    return {name: (planar(images), labels) for name, (images, labels) in every.items()}


def python2_pickle(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Pickle a part as the original files are pickled: by Python 2, whose texts are bytes, in protocol 2."""

    def text(content: bytes) -> bytes:
        return b"U" + bytes([len(content)]) + content

    dtype = (
        b"cnumpy\ndtype\n(" + text(b"u1") + b"K\x00K\x01tR(K\x03" + text(b"|") + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    )
    shape = b"(" + b"".join(b"M" + struct.pack("<H", length) for length in images.shape) + b"t"
    data = b"T" + struct.pack("<I", images.nbytes) + images.tobytes()
    state = b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"tR" + state
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels.tolist()) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + listed + text(b"filenames") + b"]u."


def write_cifar_pickles(folder: Path, found: Arrays) -> None:
    for name, part in batches(found).items():
        write(folder / name, python2_pickle(*part))


def write_cifar_again(folder: Path, found: Arrays) -> None:
    """Pickle the parts as Python 3 does."""
    for name, (images, labels) in batches(found).items():
        write(folder / name, pickle.dumps({"data": images, "labels": labels.tolist(), "batch_label": name}, protocol=2))


def write_cifar_binary(folder: Path, found: Arrays) -> None:
    for name, (images, labels) in batches(found).items():
        write(folder / f"{name}.bin", np.concatenate([labels[:, None], images], axis=1).tobytes())


def write_npz(path: Path, found: Arrays) -> None:
    np.savez(path, **found)


def write_npy(folder: Path, found: Arrays) -> None:
    folder.mkdir(parents=True)
    for name, array in found.items():
        np.save(folder / f"{name}.npy", array)


def as_columns(found: Arrays) -> Arrays:
    """Return labels as Keras has them for CIFAR-10: a column of whole numbers."""
    return {name: array.astype(np.int64)[:, None] if name.startswith("y") else array for name, array in found.items()}


def channels_first(found: Arrays) -> Arrays:
    return {name: array.transpose(0, 3, 1, 2) if name.startswith("x") else array for name, array in found.items()}


FORMS: list[tuple[str, str, Callable[[Path], None]]] = [
    ("mnist", "mnist", lambda path: write_idx(path, arrays("mnist"))),
    ("mnist", "MNIST/raw", lambda path: write_idx(path, arrays("mnist"))),
    ("mnist", "mnist.npz", lambda path: write_npz(path, arrays("mnist"))),
    ("mnist", "mnist", lambda path: write_npy(path, arrays("mnist"))),
    ("fashion-mnist", "FashionMNIST/raw", lambda path: write_idx(path, arrays("fashion-mnist"))),
    ("fashion-mnist", "fashion-mnist.npz", lambda path: write_npz(path, arrays("fashion-mnist"))),
    ("cifar10", "cifar-10-batches-bin", lambda path: write_cifar_binary(path, arrays("cifar10"))),
    ("cifar10", "cifar-10-batches-py", lambda path: write_cifar_pickles(path, arrays("cifar10"))),
    ("cifar10", "cifar-10-batches-py", lambda path: write_cifar_again(path, arrays("cifar10"))),
    ("cifar10", "cifar10.npz", lambda path: write_npz(path, as_columns(arrays("cifar10")))),
    ("cifar10", "cifar10", lambda path: write_npy(path, channels_first(arrays("cifar10")))),
]


@pytest.mark.parametrize(("name", "place", "make"), FORMS, ids=[f"{name} {place}" for name, place, _ in FORMS])
def test_every_form_gives_the_same_arrays(name: str, place: str, make: Callable[[Path], None], root: Path) -> None:
    make(root / place)
    expected, data = arrays(name), load(SPECS[name])
    for part, images, labels in (
        ("train", data.train_inputs, data.train_labels),
        ("test", data.test_inputs, data.test_labels),
    ):
        flat = expected[f"x_{part}"].reshape(COUNTS[part], -1)
        assert np.array_equal(images, flat.astype(np.float32) / np.float32(255))
        assert labels.tolist() == expected[f"y_{part}"].tolist()
    listed = CliRunner().invoke(app, ["data"]).output
    (line,) = [line for line in listed.splitlines() if line.startswith(f"{name} ")]
    found = locate(name)
    assert found is not None
    assert f"available: {found.form.title} in {found.train[0].parent}" in line


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_files_for_python_may_be_compressed(suffix: str, pack: Callable[[bytes], bytes], root: Path) -> None:
    folder = root / "cifar-10-batches-py"
    write_cifar_pickles(folder, arrays("cifar10"))
    for path in list(folder.iterdir()):
        write(path.with_name(path.name + suffix), pack(path.read_bytes()))
        path.unlink()
    assert np.array_equal(load(SPECS["cifar10"]).test_labels, arrays("cifar10")["y_test"])


def test_a_form_that_is_whole_is_taken_before_one_that_is_not(root: Path) -> None:
    write_idx(root / "mnist", arrays("mnist"))
    (root / "mnist" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataMissing, match=r"train-labels-idx1-ubyte .* is not in .*, and no other form of it is there"):
        load(SPECS["mnist"])
    write_npz(root / "mnist.npz", arrays("mnist"))
    assert load(SPECS["mnist"]).train_labels.tolist() == arrays("mnist")["y_train"].tolist()
    write_idx(root / "mnist", arrays("mnist"))
    found = locate("mnist")
    assert found is not None
    assert found.form is FILES["mnist"].forms[0], "the original files come first"


class Harmful:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ[VARIABLE] + "/harm",)


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (lambda: pickle.dumps({"data": Harmful(), "labels": []}), "mkdir, which is neither an array nor a plain value"),
        (lambda: pickle.dumps({"data": np.zeros((2, 3072)), "labels": [1, 2]}, protocol=2), "expected bytes"),
        (lambda: pickle.dumps({"data": np.zeros((2, 9), np.uint8), "labels": [1, 2]}, protocol=2), "expected `data`"),
        (lambda: pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1, -2]}, protocol=2), "expected `data`"),
        (lambda: pickle.dumps([1, 2]), "expected `data`"),
        (lambda: b"", "is not a CIFAR-10 file for Python"),
        (lambda: b"<html>not found</html>", "is not a CIFAR-10 file for Python"),
        (
            lambda: python2_pickle(np.zeros((2, 3072), np.uint8), np.zeros(2, np.uint8))[:5000],
            "is not a CIFAR-10 file for Python",
        ),
    ],
    ids=["harmful", "floats", "size", "labels", "list", "empty", "page", "cut"],
)
def test_a_pickle_with_anything_else_is_refused_unread(content: Callable[[], bytes], fragment: str, root: Path) -> None:
    write_cifar_pickles(root / "cifar-10-batches-py", arrays("cifar10"))
    write(root / "cifar-10-batches-py" / "data_batch_2", content())
    with pytest.raises(DataMissing, match=r"learning.data: .*data_batch_2") as caught:
        load(SPECS["cifar10"])
    assert fragment in str(caught.value)
    assert not (root / "harm").exists()


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"x_train": np.zeros((10, 28, 28))}, "the images are float64 of shape (10, 28, 28); expected uint8"),
        ({"y_train": np.zeros(10)}, "the labels are float64"),
        ({"y_train": np.full(10, -1)}, "the labels are -1 to -1; expected classes from 0"),
        ({"y_train": np.full(10, 10)}, "expected 10 of 784"),
        ({"x_train": np.zeros((9, 28, 28), np.uint8)}, "hold 9 images of 784 numbers with 10 labels"),
        ({"x_train": np.array([{}] * 10)}, "is not an npz file of arrays"),
        ({"y_test": None}, "has no array y_test; it has x_test, x_train, y_train"),
    ],
    ids=["floats", "float labels", "negative", "class", "count", "objects", "missing"],
)
def test_numpy_arrays_of_another_kind_are_refused(change: dict[str, Any], fragment: str, root: Path) -> None:
    found = {name: array for name, array in sorted({**arrays("mnist"), **change}.items()) if array is not None}
    write_npz(root / "mnist.npz", found)
    with pytest.raises(DataMissing, match=r"learning.data: .*mnist") as caught:
        load(SPECS["mnist"])
    assert fragment in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>"])
def test_a_damaged_archive_is_one_message(content: bytes, root: Path) -> None:
    write(root / "mnist.npz", content)
    with pytest.raises(DataMissing, match=r"mnist.npz is not an npz file of arrays"):
        load(SPECS["mnist"])


def test_the_mean_of_cifar_is_subtracted_unless_the_scenario_says_otherwise(root: Path) -> None:
    write_cifar_binary(root / "cifar-10-batches-bin", arrays("cifar10"))
    plain, centred = load(Cifar10(subtract_mean=False)), load(Cifar10())
    assert isinstance(plain.train_inputs, np.ndarray)
    assert centred.test_inputs == pytest.approx(plain.test_inputs - plain.train_inputs.mean(axis=0, dtype=np.float64), abs=1e-6)
    assert not Mnist().subtract_mean
