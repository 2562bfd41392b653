"""Pickles of arrays of bytes, read without calling anything that a pickle names.

A pickle may name any function to call, and ask for memory without bound. Here it gets stand-ins for
the few names that pickles of arrays have, and these only hold what they are given.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Mapping
from typing import Any, final

import numpy as np
import numpy.typing as npt

_ROW = 3072
_MAX_NESTED = 1_000
"""The most tuples: the hash of a tuple recurses in C, without a limit."""


def read_batch(content: bytes) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return `data`, bytes of shape (samples, 3072), and `labels`, shape (samples,), of a pickled mapping.

    Raises ValueError for anything else, and what an unpickler raises for bytes that are not a pickle.
    """
    _refuse_excess(content)
    found = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    entries = {_text_of(key): value for key, value in found.items()} if isinstance(found, Mapping) else {}
    array, labels = entries.get("data"), entries.get("labels")
    are_labels = isinstance(labels, list) and all(type(label) is int and 0 <= label < 256 for label in labels)
    images = array.make() if isinstance(array, _Array) else None
    if images is None or images.shape[1:] != (_ROW,) or not are_labels:
        raise ValueError(f"expected `data`, bytes of shape (samples, {_ROW}), and `labels`, a list of classes")
    return images, np.array(labels, np.uint8)


def _refuse_excess(content: bytes) -> None:
    """Raise ValueError for a pickle that asks for more memory than it has bytes, or nests tuples."""
    tuples = 0
    for code, argument, _ in pickletools.genops(content):  # it raises ValueError for lengths beyond the end
        if code.name.endswith("PUT") and argument is not None and argument > len(content):
            raise ValueError("it numbers more values than it has")
        tuples += "TUPLE" in code.name
        if tuples > _MAX_NESTED:
            raise ValueError(f"it has more than {_MAX_NESTED:,} tuples")


def _text_of(key: Any) -> Any:
    """Return a key as text, if it is text or bytes."""
    match key:
        case bytes():
            return key.decode(errors="replace")
        case _Encoded():
            return key.text
        case _:
            return key


class _ArraysOnly(pickle.Unpickler):
    """An unpickler of arrays of bytes and plain values. It refuses all names but those of NumPy's arrays."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _Array
        allowed: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _Bytes,
            ("_codecs", "encode"): _Encoded,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is neither an array nor a plain value")
        return allowed[module, name]


@final
class _Array:
    """A stand-in for an array: its shape and its content, once the pickle has given them."""

    __slots__ = ("_state",)

    def __init__(self, *arguments: object) -> None:
        del arguments  # a shape that the state replaces
        self._state: Any = None

    def __setstate__(self, state: Any) -> None:
        self._state = state

    def make(self) -> npt.NDArray[np.uint8]:
        """Return the array. Raises ValueError."""
        match self._state:
            case (_, tuple(shape), _Bytes(), bool() | int() as is_fortran, bytes() | _Encoded() as data):
                content = data if isinstance(data, bytes) else data.text.encode("latin-1")
            case _:
                raise ValueError("it has an array without bytes")
        if not all(type(length) is int and length >= 0 for length in shape) or math.prod(shape) != len(content):
            raise ValueError(f"it has an array of shape {shape} with {len(content):,} bytes")
        return np.frombuffer(content, np.uint8).reshape(shape, order="F" if is_fortran else "C")


@final
class _Bytes:
    """A stand-in for the type of bytes; other types are refused."""

    __slots__ = ()

    def __init__(self, code: object, *rest: object) -> None:
        del rest
        if code not in ("u1", b"u1"):
            raise pickle.UnpicklingError(f"it has an array of {code!r}; expected bytes")

    def __setstate__(self, state: object) -> None:
        """Leave out the order of the bytes, of which a number has one."""


@final
class _Encoded:
    """A stand-in for bytes that Python 3 pickled as text, in protocols without bytes."""

    __slots__ = ("text",)

    def __init__(self, text: object, encoding: object = "latin1") -> None:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1", b"latin1", b"latin-1"):
            raise pickle.UnpicklingError(f"it encodes text as {encoding!r}; expected latin1")
        self.text = text

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it changes bytes")
