"""A damaged file of data, of whatever form, ends in one message that names it, and takes little memory."""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simasgd.errors import DataMissing
from simasgd.learning.data import formats

IMAGES = np.arange(2 * 3072, dtype=np.uint32).astype(np.uint8).reshape(2, 3072)
LABELS = np.array([3, 9], np.uint8)
MOST_MEMORY = 300_000_000  # bytes, whatever a file claims to hold


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, x=IMAGES, y=LABELS)
    return file.getvalue()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def pickled(**of: Any) -> bytes:
    return pickle.dumps({"data": IMAGES, "labels": LABELS.tolist()}, **of)


read_npz = formats.read_archive(("x", "y"))
FORMS: dict[str, tuple[formats.ReadFiles, list[bytes], str]] = {
    "idx": (formats.read_idx, [idx(IMAGES), idx(LABELS)], ""),
    "npy": (formats.read_arrays, [npy(IMAGES), npy(LABELS)], ""),
    "npz": (read_npz, [npz(np.savez)], ""),
    "npz, compressed": (read_npz, [npz(np.savez_compressed)], ""),
    "cifar": (formats.read_cifar, [np.column_stack([LABELS, IMAGES]).tobytes()], ""),
    "pickle 2": (formats.read_cifar_pickles, [pickled(protocol=2)], ""),
    "pickle 4": (formats.read_cifar_pickles, [pickled(protocol=4)], ""),
    "pickle.gz": (formats.read_cifar_pickles, [gzip.compress(pickled(protocol=2))], ".gz"),
    "idx.xz": (formats.read_idx, [lzma.compress(idx(IMAGES)), lzma.compress(idx(LABELS))], ".xz"),
}


def damage(content: bytes, draw: random.Random) -> Iterator[bytes]:
    """Yield a file cut at many places, and with bytes changed, mostly near its ends, where it says how it is made."""
    size = len(content)
    for near in (
        lambda: draw.randrange(size),
        lambda: draw.randrange(min(size, 150)),
        lambda: -1 - draw.randrange(min(size, 150)),
    ):
        for _ in range(25):
            yield content[: near()]
            changed = bytearray(content)
            for _ in range(draw.choice((1, 1, 3))):
                changed[near()] = draw.randrange(256)
            yield bytes(changed)


@contextmanager
def little_memory() -> Iterator[None]:
    """Demand that the memory taken within this block stays small, whatever the process has taken before."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_is_read_or_refused_by_name(form: str, tmp_path: Path) -> None:
    read, contents, suffix = FORMS[form]
    paths = [tmp_path / f"part{number}{suffix}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    images, labels = read(paths)
    assert images.shape == (2, 3072)
    assert labels.tolist() == [3, 9]
    draw, messages = random.Random(form), []
    for path, content in zip(paths, contents, strict=True):
        for wrong in damage(content, draw):
            path.write_bytes(wrong)
            try:
                with little_memory():
                    images, labels = read(paths)
            except DataMissing as error:
                messages.append(str(error))
            else:
                assert images.ndim == 2
                assert labels.ndim == 1
        path.write_bytes(content)
    assert len(messages) >= 75, "whatever is cut is refused"
    assert all(str(tmp_path / "part") in message and "\n" not in message for message in messages)


class Calls:
    """An object that a pickle makes by calling a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def with_header(shape: str) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"1234"


def bomb() -> bytes:
    """Return a small archive with an array that unpacks to more than is read."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(10**6))
        archive.writestr("y.npy", npy(LABELS))
    content = file.getvalue()
    at = content.index(b"PK\x01\x02") + 24  # where the directory says how large the first member is
    return content[:at] + struct.pack("<I", 2**32 - 2) + content[at + 4 :]


NDARRAY = pickle.dumps({"data": Calls(np.zeros(0, np.uint8).__class__, (10**13,)), "labels": [1]}, protocol=2)


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (formats.read_cifar_pickles, NDARRAY, "it has an array without bytes"),
        (
            formats.read_cifar_pickles,
            b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00xX\x06\x00\x00\x00nosuch\x86R.",
            "it encodes text as 'nosuch'; expected latin1",
        ),
        (formats.read_cifar_pickles, b"\x80\x02Nr\xff\xff\xff\xff.", "it numbers more values than it has"),
        (formats.read_cifar_pickles, b"\x80\x05\x96" + b"\xff" * 5 + b"\0\0\0.", "is not a CIFAR-10 file for Python"),
        (formats.read_cifar_pickles, b"\x80\x02}N" + b"\x85" * 10**6 + b"Ns.", "it has more than 1,000 tuples"),
        (lambda paths: formats.read_arrays(paths * 2), with_header("(10000000000000,)"), "states 10,000,000,000,000 bytes"),
        (lambda paths: formats.read_arrays(paths * 2), with_header("(-2, -2)"), "the header states 4 bytes"),
        (lambda paths: formats.read_arrays(paths * 2), with_header("(" * 150), "is not an npy file"),
        (lambda paths: formats.read_arrays(paths * 2), npy(np.array(7)), "the images are int64"),
        (read_npz, bomb(), "x has more than 1,073,741,824 bytes"),
        (lambda paths: formats.read_idx(paths * 2), b"\0\0\x08\x3c" + b"\0\0\0\1" * 60 + b"1", "is not an IDX file"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_file_that_claims_too_much_is_refused(read: formats.ReadFiles, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(content)
    with little_memory(), pytest.raises(DataMissing, match=str(tmp_path / "bad")) as caught:
        read([tmp_path / "bad"])
    assert message in str(caught.value)


def test_labels_without_an_axis_are_refused(tmp_path: Path) -> None:
    for name, array in (("images", IMAGES), ("labels", np.array(7))):
        (tmp_path / name).write_bytes(npy(array))
    with pytest.raises(DataMissing, match=r"the labels are int64 of shape \(\); expected whole numbers"):
        formats.read_arrays([tmp_path / "images", tmp_path / "labels"])
