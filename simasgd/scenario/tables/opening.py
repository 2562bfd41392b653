"""Opening of the files that a user names, in bounded time and memory."""

from __future__ import annotations

import errno
import io
import stat
from pathlib import Path
from typing import BinaryIO

_MOST_BYTES = 2_000_000_000  # of a table


def open_binary(path: Path) -> BinaryIO:
    """Open a regular file that may be large, to be read; one that reports no size is empty.

    Raises OSError with a reason for anything else, and ValueError for a name that no file can have.
    """
    return path.open("rb") if check_size(path, _MOST_BYTES) else io.BytesIO()


def check_size(path: Path, most: int) -> int:
    """Return the size of a regular file in bytes. Raises OSError for anything else."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a regular file")
    if status.st_size > most:
        raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes; the limit is {most:,} bytes")
    return status.st_size
