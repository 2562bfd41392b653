"""An exclusive lock on a file.

The operating system releases it when its holder ends, however it ends.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_WITHOUT_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


def acquire(path: Path) -> int | None:
    """Take the lock.

    Return a file descriptor for `release`, or None if another process holds the lock. The file
    is made if absent and never written to. A file system without locks gives no protection. Raises
    OSError; FileNotFoundError if the folder is missing.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        if not _try(handle):
            os.close(handle)
            return None
        if _is_at(handle, path):
            return handle
        os.close(handle)  # its holder deleted it between the two steps


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock. The file is not made."""
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:  # there is none, or it is another user's, whose state cannot be known
        return False
    try:
        return not _try(handle)
    finally:
        os.close(handle)


def release(path: Path, handle: int) -> None:
    """Delete the file and release the lock, in the order that the platform allows."""
    if sys.platform == "win32":
        os.close(handle)
        path.unlink(missing_ok=True)
    else:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _try(handle: int) -> bool:
    if sys.platform == "win32":
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
    return True
