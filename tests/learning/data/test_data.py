from __future__ import annotations

import gzip
import lzma
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simasgd.errors import DataMissing
from simasgd.learning.data.files import FILES, VARIABLE, locate
from simasgd.learning.data.sets import load, mini_batches
from simasgd.scenario.learning.data import DATA, AbstractData, Cifar10, Digits, FashionMnist, Mnist

_REAL = os.environ.get(VARIABLE)
PLAIN_CIFAR10 = Cifar10(subtract_mean=False)
SPECS: dict[str, AbstractData] = {spec.kind: spec for spec in (Mnist(), FashionMnist(), PLAIN_CIFAR10)}


def test_a_mini_batch_does_not_depend_on_how_many_are_drawn() -> None:
    few, many = (mini_batches(3, 7, count, 16, 1437) for count in (5, 50))
    assert few.shape == (5, 16)
    assert np.array_equal(few, many[:5])
    assert np.array_equal(many, mini_batches(3, 7, 50, 16, 1437))


def test_mini_batches_differ_between_learners_and_seeds() -> None:
    drawn = [mini_batches(seed, learner, 10, 16, 1437) for seed in (0, 1, 2**32 - 1) for learner in (0, 1, 30)]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            assert np.mean(one == other) < 0.05


def test_mini_batches_are_uniform() -> None:
    samples = 100
    drawn = mini_batches(0, 0, 1000, 100, samples)
    assert drawn.dtype == np.int32
    assert drawn.min() == 0
    assert drawn.max() == samples - 1
    counts = np.bincount(drawn.ravel(), minlength=samples)
    square = float(np.sum((counts - 1000) ** 2 / 1000))
    # Chi-square with 99 degrees of freedom: mean 99, standard deviation 14. Too even would be wrong as well.
    assert 99 - 4 * 14 < square < 99 + 5 * 14
    # Neighbours do not go together either.
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.15


@pytest.mark.parametrize("samples", [1, 2, 1437, 60_000])
def test_every_index_is_in_range(samples: int) -> None:
    drawn = mini_batches(1, 2, 200, 7, samples)
    assert drawn.min() >= 0
    assert drawn.max() < samples


def test_digits() -> None:
    digits, shape = load(Digits()), DATA["digits"]
    assert (shape.train, shape.test, shape.features, shape.classes) == (1437, 360, 64, 10)
    for inputs, labels, count in (
        (digits.train_inputs, digits.train_labels, shape.train),
        (digits.test_inputs, digits.test_labels, shape.test),
    ):
        assert inputs.shape == (count, shape.features)
        assert labels.shape == (count,)
        assert (inputs.dtype, labels.dtype) == (np.float32, np.int32)
        assert (inputs.min(), inputs.max()) == (0.0, 1.0)
        assert set(labels.tolist()) == set(range(10))
    assert digits.note == ""
    assert digits.train_inputs.mean() == pytest.approx(shape.mean[0], abs=1e-4)
    every = np.concatenate([digits.train_inputs, digits.test_inputs])
    assert len(np.unique(every, axis=0)) == 1797  # so none of the test set is in the training set


def test_the_mean_image_may_be_subtracted() -> None:
    plain, centred = load(Digits()), load(Digits(subtract_mean=True))
    assert isinstance(plain.train_inputs, np.ndarray)
    mean = plain.train_inputs.mean(axis=0, dtype=np.float64)
    assert centred.train_inputs == pytest.approx(plain.train_inputs - mean, abs=1e-6)
    assert centred.test_inputs == pytest.approx(plain.test_inputs - mean, abs=1e-6)  # the training images' mean here, too
    assert np.array_equal(centred.train_labels, plain.train_labels)
    assert np.asarray(centred.train_inputs).dtype == np.float32


def test_all_ways_to_augment_a_set_share_its_images() -> None:
    assert load(Digits(crop=1, flip=True)) is load(Digits())
    assert load(Digits(subtract_mean=True)) is load(Digits(subtract_mean=True, flip=True)) is not load(Digits())


# The files below are small, and so is what `load` is told to expect: each test makes its own folder of files in the original
# layouts and reads it the way a user's is read.
_FEATURES = {"mnist": (28, 28), "cifar10": (3, 32, 32)}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def images(name: str, count: int, start: int) -> np.ndarray:
    return (
        (np.arange(start, start + count * int(np.prod(_FEATURES[name]))) % 251)
        .astype(np.uint8)
        .reshape(count, *_FEATURES[name])
    )


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a folder of small sets, four training and two test samples per file, and let `load` expect them."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setitem(DATA, "mnist", DATA["mnist"]._replace(train=4, test=2))
    monkeypatch.setitem(DATA, "cifar10", DATA["cifar10"]._replace(train=20, test=2))
    mnist, cifar = tmp_path / "mnist", tmp_path / "cifar-10-batches-bin"
    mnist.mkdir()
    cifar.mkdir()
    for prefix, count in (("train", 4), ("t10k", 2)):
        (mnist / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images("mnist", count, count)))
        (mnist / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) + 5))
    for i, file in enumerate(FILES["cifar10"].forms[0].parts):
        (cifar / file).write_bytes(cifar_records(2 if "test" in file else 4, i))
    return tmp_path


def cifar_records(count: int, start: int) -> bytes:
    pictures = images("cifar10", count, start)
    return b"".join(bytes([(start + k) % 10]) + picture.tobytes() for k, picture in enumerate(pictures))


def test_idx_files(root: Path) -> None:
    data = load(Mnist())
    assert np.array_equal(data.train_inputs, images("mnist", 4, 4).reshape(4, 784).astype(np.float32) / np.float32(255))
    assert np.array_equal(data.test_inputs, images("mnist", 2, 2).reshape(2, 784).astype(np.float32) / np.float32(255))
    assert data.train_labels.tolist() == [5, 6, 7, 8]
    assert data.test_labels.tolist() == [5, 6]
    assert (data.train_inputs.dtype, data.train_labels.dtype) == (np.float32, np.int32)


def test_cifar_files(root: Path) -> None:
    data = load(PLAIN_CIFAR10)
    assert data.train_inputs.shape == (20, 3072)
    assert data.test_inputs.shape == (2, 3072)
    assert data.train_labels.tolist()[:8] == [0, 1, 2, 3, 1, 2, 3, 4]
    first = images("cifar10", 4, 0)[0]
    # Planar in the file, channels last in memory: red, green and blue of the first pixel stand together.
    assert np.array_equal(data.train_inputs[0, :3], first[:, 0, 0].astype(np.float32) / np.float32(255))
    assert np.array_equal(data.train_inputs[0].reshape(32, 32, 3)[5, 9], first[:, 5, 9].astype(np.float32) / np.float32(255))
    assert data.note == ""


def paths_of(name: str) -> list[Path]:
    found = locate(name)
    assert found is not None
    return [*found.train, *found.test]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_packed_files(name: str, suffix: str, pack: Callable[[bytes], bytes], root: Path) -> None:
    plain = load(SPECS[name])
    other = root / "packed"
    for path in paths_of(name):
        packed = other / path.parent.name / (path.name + suffix)
        packed.parent.mkdir(parents=True, exist_ok=True)
        packed.write_bytes(pack(path.read_bytes()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(other))
        data = load(SPECS[name])
        assert all(path.suffix == suffix for path in paths_of(name))
    assert np.array_equal(data.train_inputs, plain.train_inputs)
    assert np.array_equal(data.test_labels, plain.test_labels)


def test_an_inexact_copy_says_so(root: Path) -> None:
    (root / "cifar-10-batches-bin" / "inexact.json").write_text("{}")
    assert "JPEG" in load(Cifar10()).note


_TRAIN = "mnist/train-images-idx3-ubyte"
_LABELS = "mnist/train-labels-idx1-ubyte"
_BATCH = "cifar-10-batches-bin/data_batch_3.bin"


@pytest.mark.parametrize(
    ("name", "file", "content", "fragment"),
    [
        ("mnist", _TRAIN, idx(images("mnist", 4, 0))[:-1], "not a whole one"),
        ("mnist", _TRAIN, idx(images("mnist", 4, 0)) + b"\0", "not a whole one"),
        ("mnist", _TRAIN, idx(images("mnist", 4, 0))[:9], "not a whole one"),
        ("mnist", _TRAIN, b"\0\0\x0d\x03" + idx(images("mnist", 4, 0))[4:], "is not an IDX file of bytes"),
        ("mnist", _TRAIN, b"<html>not found</html>", "is not an IDX file of bytes"),
        ("mnist", _TRAIN, b"", "is not an IDX file of bytes"),
        ("mnist", _TRAIN, idx(images("mnist", 3, 0)), "hold 3 images of 784 numbers with 4 labels; expected 4 of 784"),
        ("mnist", _TRAIN, idx(np.zeros((4, 27, 28))), "hold 4 images of 756 numbers"),
        ("mnist", _TRAIN, idx(np.zeros((0, 28, 28))), "has nothing in it"),
        ("mnist", _LABELS, idx(np.arange(3)), "with 3 labels"),
        ("mnist", _LABELS, idx(np.array([1, 2, 3, 10])), "expected "),
        ("mnist", _LABELS, struct.pack(">BBBBI", 0, 0, 8, 1, 2**32 - 1), "not a whole one"),
        ("cifar10", _BATCH, cifar_records(4, 0)[:-1], "12291 bytes are not a multiple of 3,073"),
        ("cifar10", _BATCH, b"", "0 bytes"),
        ("cifar10", _BATCH, cifar_records(3, 0), "hold 19 images of 3072 numbers with 19 labels; expected 20 of 3072"),
        ("cifar10", _BATCH, b"\x0a" + cifar_records(4, 0)[1:], "expected "),
    ],
    ids=lambda case: "content" if isinstance(case, bytes) else str(case),
)
def test_files_that_are_not_what_they_should_be(name: str, file: str, content: bytes, fragment: str, root: Path) -> None:
    (root / file).write_bytes(content)
    with pytest.raises(DataMissing) as caught:
        load(SPECS[name])
    assert str(caught.value).startswith("learning.data: ")
    assert fragment in str(caught.value)
    assert str(root) in str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".gz", gzip.compress(b"x" * 10_000)[:-20]),
        (".gz", b"not gzip"),
        (".gz", gzip.compress(b"x" * 10_000)[:12] + b"\xff" * 40),
        (".xz", lzma.compress(b"x" * 10_000)[:-20]),
        (".xz", b"not xz"),
    ],
    ids=["short gz", "no gz", "wrong gz", "short xz", "no xz"],
)
def test_packed_files_that_are_damaged(suffix: str, content: bytes, root: Path) -> None:
    file = root / _TRAIN
    file.unlink()
    file.with_name(file.name + suffix).write_bytes(content)
    with pytest.raises(DataMissing, match="cannot be read"):
        load(Mnist())


def test_a_missing_file_is_named(root: Path) -> None:
    (root / _BATCH).unlink()
    with pytest.raises(
        DataMissing, match=r"cifar10: data_batch_3\.bin \(plain, \.gz or \.xz\) is not in .*cifar-10-batches-bin"
    ):
        load(Cifar10())


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_the_message_names_it(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False) if value is None else monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(DataMissing, match="set SIMASGD_DATA to the folder that holds fashion-mnist/"):
        load(FashionMnist())


def test_embedded_data_need_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert locate("digits") is None


@pytest.mark.skipif(not _REAL, reason="SIMASGD_DATA is not set, so there are no real data sets to read")
@pytest.mark.parametrize("name", SPECS)
def test_the_real_sets(name: str) -> None:
    data, shape = load(SPECS[name]), DATA[name]
    assert isinstance(data.train_inputs, np.ndarray)
    assert isinstance(data.test_inputs, np.ndarray)
    assert data.train_inputs.shape == (shape.train, shape.features)
    assert data.test_inputs.shape == (shape.test, shape.features)
    assert (data.train_inputs.min(), data.train_inputs.max()) == (0.0, 1.0)
    means = data.train_inputs.reshape(-1, len(shape.mean)).mean(axis=0, dtype=np.float64)
    assert means == pytest.approx(shape.mean, abs=1e-4)
    # All three are balanced, MNIST only nearly so.
    per_class = np.bincount(data.train_labels, minlength=shape.classes) / shape.train
    assert len(per_class) == shape.classes
    assert per_class.min() > 0.08
    assert per_class.max() < 0.12
    assert set(data.test_labels.tolist()) == set(range(shape.classes))
