"""NumPy's files of arrays, read so that no array is larger than the file that holds it."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_SUFFIX = ".npy"


def read_array(content: bytes) -> npt.NDArray[Any]:
    """Return the array of an npy file, which may not be written to.

    NumPy itself allocates the array that the header states before it reads on. Raises ValueError,
    and what NumPy raises for a header that is not one.
    """
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"its version is {version[0]}.{version[1]}; expected 1.0 or 2.0")
    shape, is_fortran, dtype = _HEADERS[version](file)
    start = file.tell()
    if dtype.hasobject:
        raise ValueError("it holds objects; expected numbers")
    size, rest = math.prod(shape) * dtype.itemsize, len(content) - start
    if size != rest or min(shape, default=0) < 0:
        raise ValueError(f"the header states {size:,} bytes of data; there are {rest:,}")
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape[::-1]).T if is_fortran else flat.reshape(shape)


def read_archive(content: bytes, names: Sequence[str], most: int) -> list[npt.NDArray[Any]]:
    """Return arrays of an npz file by their names.

    Raises ValueError for an array that lacks or has more than `most` bytes, and what zipfile and
    NumPy raise for bytes that are not an archive.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        there = {member.filename.removesuffix(_SUFFIX): member for member in archive.infolist()}
        if missing := [name for name in names if name not in there]:
            raise ValueError(f"it has no array {missing[0]}; it has {', '.join(there)}")
        arrays = []
        for name in names:
            if there[name].file_size > most:
                raise ValueError(f"{name} has more than {most:,} bytes")
            with archive.open(there[name]) as member:
                arrays.append(read_array(member.read(most)))
        return arrays
