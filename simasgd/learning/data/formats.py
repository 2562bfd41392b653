"""Readers of the files in which people have sets of images: IDX, CIFAR-10's two forms, and NumPy's.

Each returns images as bytes, shape (samples, features), channels last, and labels, shape
(samples,). So the same set gives the same arrays, whatever its form.
"""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import math
import pickle
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from simasgd.errors import DataMissing

Bytes: TypeAlias = npt.NDArray[np.uint8]
Read: TypeAlias = Callable[[Sequence[Path]], tuple[Bytes, Bytes]]
"""Returns the images and labels of the files of one part of a data set."""


def read_idx(paths: Sequence[Path]) -> tuple[Bytes, Bytes]:
    """Read an IDX file of images and one of labels."""
    images, labels = map(_read_idx, paths)
    return images.reshape(len(images), math.prod(images.shape[1:])), labels


def read_cifar(paths: Sequence[Path]) -> tuple[Bytes, Bytes]:
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


def read_cifar_pickles(paths: Sequence[Path]) -> tuple[Bytes, Bytes]:
    """Read CIFAR-10's layout for Python: pickled mappings with `data`, shape (samples, 3072), planar, and `labels`."""
    parts = [_read_cifar_pickle(path) for path in paths]
    images, labels = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return _channels_last(images), labels


def read_archive(names: tuple[str, str]) -> Read:
    """Return a reader of two arrays of an npz file, images and labels, as Keras writes them."""

    def read(paths: Sequence[Path]) -> tuple[Bytes, Bytes]:
        (path,) = paths
        try:
            with np.load(io.BytesIO(_content(path)), allow_pickle=False) as file:
                if missing := [name for name in names if name not in file]:
                    raise DataMissing(f"learning.data: {path} has no array {missing[0]}; it has {', '.join(file.files)}")
                images, labels = (file[name] for name in names)
        except (ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
            raise DataMissing(f"learning.data: {path} is not an npz file of arrays: {error}") from None
        return _checked(path, images, labels)

    return read


def read_arrays(paths: Sequence[Path]) -> tuple[Bytes, Bytes]:
    """Read two npy files, images and labels."""
    arrays = []
    for path in paths:
        try:
            arrays.append(np.load(io.BytesIO(_content(path)), allow_pickle=False))
        except (ValueError, EOFError) as error:
            raise DataMissing(f"learning.data: {path} is not an npy file of numbers: {error}") from None
    return _checked(paths[0], *arrays)


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


def _read_cifar_pickle(path: Path) -> tuple[Bytes, Bytes]:
    try:
        found = _ArraysOnly(io.BytesIO(_content(path)), encoding="bytes").load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
    ) as error:
        raise DataMissing(f"learning.data: {path} is not a CIFAR-10 file for Python: {error}") from None
    entries = {(key.decode(errors="replace") if isinstance(key, bytes) else key): value for key, value in _items(found)}
    images, labels = entries.get("data"), entries.get("labels")
    are_labels = isinstance(labels, list) and all(type(label) is int and 0 <= label < 256 for label in labels)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (3072,) or not are_labels:
        raise DataMissing(
            f"learning.data: {path} is not a CIFAR-10 file for Python: expected `data`, bytes of shape (samples, 3072), and "
            "`labels`, a list of classes"
        )
    return images, np.array(labels, np.uint8)


def _items(found: Any) -> Any:
    return found.items() if isinstance(found, dict) else ()


class _ArraysOnly(pickle.Unpickler):
    """An unpickler of arrays and plain values.

    A pickle may name any function to call. This one refuses all names but those of NumPy's arrays.
    """

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _make_array
        allowed: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): _dtype,
            ("_codecs", "encode"): codecs.encode,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is neither an array nor a plain value")
        return allowed[module, name]


def _make_array(kind: object, shape: object, code: object) -> npt.NDArray[np.uint8]:
    """Return an empty array, which the pickle fills."""
    del kind, shape, code
    return np.empty(0, np.uint8)


def _dtype(code: object, *rest: object) -> np.dtype[np.uint8]:
    """Return the type of bytes; other types are refused."""
    del rest
    if code not in ("u1", b"u1"):
        raise pickle.UnpicklingError(f"it has an array of {code!r}; expected bytes")
    return np.dtype(np.uint8)


def _checked(path: Path, images: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[Bytes, Bytes]:
    """Return images and labels in the common form. Raises DataMissing if these are not bytes and classes."""
    if images.dtype != np.uint8 or images.ndim < 2:
        raise DataMissing(
            f"learning.data: {path}: the images are {images.dtype} of shape {images.shape}; expected uint8, pixels from 0 to "
            "255, with a leading axis of samples"
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.size != len(labels):
        raise DataMissing(
            f"learning.data: {path}: the labels are {labels.dtype} of shape {labels.shape}; expected whole numbers"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < 256:
        raise DataMissing(f"learning.data: {path}: the labels are {labels.min()} to {labels.max()}; expected classes from 0")
    flat = images.reshape(len(images), math.prod(images.shape[1:]))
    is_planar = images.ndim == 4 and images.shape[1] == 3 and images.shape[3] != 3
    return _channels_last(flat) if is_planar and flat.shape[1] == 3072 else flat, labels.reshape(-1).astype(np.uint8)


def _channels_last(images: Bytes) -> Bytes:
    """Rearrange planar images of 3 × 32 × 32 bytes."""
    return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(-1, 3072)
