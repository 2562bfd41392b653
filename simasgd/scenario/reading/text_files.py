"""Reading of the text files that a user names, in bounded time and memory."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

MAX_BYTES = 16_000_000


def read_text(path: Path) -> str:
    """Return the UTF-8 text of a regular file, without a byte order mark.

    Raises OSError with a reason for anything else (a pipe, a device, a folder, a file of more than
    MAX_BYTES), and ValueError for bytes that are not UTF-8 or a name that no file can have.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a regular file")
    if status.st_size > MAX_BYTES:
        raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes; the limit is {MAX_BYTES:,} bytes")
    with path.open("rb") as file:
        # Read no more than the size: files in /proc report 0, and some of them block or never end.
        return file.read(status.st_size).decode("utf-8-sig")
