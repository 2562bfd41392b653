"""Readers of the files in which people have sets of images: IDX, CIFAR-10's two forms, and NumPy's.

Each returns images as bytes, shape (samples, features), channels last, and labels, shape
(samples,). So the same set gives the same arrays, whatever its form.
"""

from __future__ import annotations

import gzip
import io
import lzma
import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from simasgd.errors import DataMissing
from simasgd.learning.data import array_files, array_pickles
from simasgd.printable import printable, shortened

ByteArray: TypeAlias = npt.NDArray[np.uint8]
ReadFiles: TypeAlias = Callable[[Sequence[Path]], tuple[ByteArray, ByteArray]]
"""Returns the images and labels of the files of one part of a data set. Raises DataMissing for a wrong file."""

_MAX_BYTES = 2**30
"""The largest file that is read, unpacked. The largest part of a known set, as NumPy arrays of bytes, has 184 MB."""
_PIECE_BYTES = 2**20

_MAX_DIMENSIONS = 4


def read_idx(paths: Sequence[Path]) -> tuple[ByteArray, ByteArray]:
    """Read an IDX file of images and one of labels."""
    images, labels = map(_read_idx, paths)
    return images.reshape(len(images), math.prod(images.shape[1:])), labels


def read_cifar(paths: Sequence[Path]) -> tuple[ByteArray, ByteArray]:
    """Read CIFAR-10's binary layout: records of a label byte and 3 × 32 × 32 bytes, planar."""
    records = []
    for path in paths:
        content = _content(path)
        if not content or len(content) % 3073:
            raise DataMissing(
                f"learning.data: {path} is not a CIFAR-10 binary file: {len(content)} bytes are not a multiple of 3,073"
            )
        records.append(np.frombuffer(content, dtype=np.uint8).reshape(-1, 3073))
    every = np.concatenate(records)
    return _channels_last(every[:, 1:]), every[:, 0]


def read_cifar_pickles(paths: Sequence[Path]) -> tuple[ByteArray, ByteArray]:
    """Read CIFAR-10's layout for Python: pickled mappings with `data`, shape (samples, 3072), planar, and `labels`."""
    parts = [_read_cifar_pickle(path) for path in paths]
    images, labels = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return _channels_last(images), labels


def read_archive(names: tuple[str, str]) -> ReadFiles:
    """Return a reader of two arrays of an npz file, images and labels, as Keras writes them."""

    def read(paths: Sequence[Path]) -> tuple[ByteArray, ByteArray]:
        (path,) = paths
        content = _content(path)
        try:
            found = array_files.read_archive(content, names, _MAX_BYTES)
        except Exception as error:  # zipfile and NumPy raise a dozen kinds for bytes that are no archive
            raise _damaged(path, "an npz file of arrays", error) from error
        return _checked(path, *found)

    return read


def read_arrays(paths: Sequence[Path]) -> tuple[ByteArray, ByteArray]:
    """Read two npy files, images and labels."""
    images, labels = map(_read_array, paths)
    return _checked(paths[0], images, labels)


def _read_array(path: Path) -> npt.NDArray[Any]:
    content = _content(path)
    try:
        return array_files.read_array(content)
    except Exception as error:  # NumPy parses a header as Python text, which may raise anything
        raise _damaged(path, "an npy file of numbers", error) from error


def _read_cifar_pickle(path: Path) -> tuple[ByteArray, ByteArray]:
    content = _content(path)
    try:
        return array_pickles.read_batch(content)
    except Exception as error:  # an unpickler raises anything for bytes that are no pickle
        raise _damaged(path, "a CIFAR-10 file for Python", error) from error


def _damaged(path: Path, expected: str, error: Exception) -> DataMissing:
    return DataMissing(f"learning.data: {path} is not {expected}: {shortened(printable(str(error)), 300)}")


def _content(path: Path) -> bytes:
    """Return the unpacked bytes of a file. Raises DataMissing."""
    open_file: Callable[[Path], io.BufferedIOBase] = {".gz": _open_gzip, ".xz": _open_xz}.get(path.suffix, _open_plain)
    try:
        with open_file(path) as file:
            content = _read_at_most(file, _MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, MemoryError) as error:
        raise DataMissing(f"learning.data: {path} cannot be read: {error}") from None
    if len(content) > _MAX_BYTES:
        raise DataMissing(f"learning.data: {path} has more than {_MAX_BYTES:,} bytes; no known data set is so large")
    return content


def _read_at_most(file: io.BufferedIOBase, most: int) -> bytes:
    """Return at most about `most` bytes. They are read in pieces, since `file.read(most)` takes that memory for any file."""
    content = io.BytesIO()
    while content.tell() < most and (piece := file.read(_PIECE_BYTES)):
        content.write(piece)
    return content.getvalue()


def _open_plain(path: Path) -> io.BufferedIOBase:
    return path.open("rb")


def _open_gzip(path: Path) -> io.BufferedIOBase:
    return gzip.open(path, "rb")


def _open_xz(path: Path) -> io.BufferedIOBase:
    return lzma.open(path, "rb")


def _read_idx(path: Path) -> ByteArray:
    """Read an IDX file of unsigned bytes: two zeros, type 8, number of dimensions, sizes (big-endian), data."""
    content = _content(path)
    dimensions = content[3] if len(content) >= 4 and content[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * dimensions
    sizes = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if not 0 < dimensions <= _MAX_DIMENSIONS or len(content) - start != math.prod(sizes) or 0 in sizes:
        raise DataMissing(f"learning.data: {path} is not an IDX file of bytes, not a whole one, or has nothing in it")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(sizes)


def _checked(path: Path, images: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[ByteArray, ByteArray]:
    """Return images and labels in the common form. Raises DataMissing if these are not bytes and classes."""
    if images.dtype != np.uint8 or images.ndim < 2:
        raise DataMissing(
            f"learning.data: {path}: the images are {images.dtype} of shape {images.shape}; expected uint8, pixels from 0 to "
            "255, with a leading axis of samples"
        )
    if labels.dtype.kind not in "iu" or not labels.ndim or labels.size != len(labels):
        raise DataMissing(
            f"learning.data: {path}: the labels are {labels.dtype} of shape {labels.shape}; expected whole numbers"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < 256:
        raise DataMissing(f"learning.data: {path}: the labels are {labels.min()} to {labels.max()}; expected classes from 0")
    flat = images.reshape(len(images), math.prod(images.shape[1:]))
    is_planar = images.ndim == 4 and images.shape[1] == 3 and images.shape[3] != 3
    return _channels_last(flat) if is_planar and flat.shape[1] == 3072 else flat, labels.reshape(-1).astype(np.uint8)


def _channels_last(images: ByteArray) -> ByteArray:
    """Rearrange planar images of 3 × 32 × 32 bytes."""
    return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(-1, 3072)
