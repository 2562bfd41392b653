"""Reads the text files that a user names, in bounded time and memory whatever the name stands for."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

MAX_BYTES = 16_000_000


def read_text(path: Path) -> str:
    """The UTF-8 text of a regular file, without a byte order mark. Raises OSError with a reason for anything else (a pipe, a
    device, a folder, a file of more than MOST_BYTES), and ValueError for bytes that are not UTF-8 or a name that no file can
    have."""
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, and a regular file is expected")
    if about.st_size > MAX_BYTES:
        raise OSError(errno.EFBIG, f"it has {about.st_size:,} bytes, and {MAX_BYTES:,} are the most that is read")
    with path.open("rb") as file:
        # No more than its size: the files of /proc say 0, and some of them wait for ever or have no end.
        return file.read(about.st_size).decode("utf-8-sig")
