"""Reading of the text files that a user names, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path

from simasgd.scenario.tables.opening import check_size

MAX_BYTES = 16_000_000


def read_text(path: Path) -> str:
    """Return the UTF-8 text of a regular file, without a byte order mark.

    Raises OSError with a reason for anything else (a pipe, a device, a folder, a file of more than
    MAX_BYTES), and ValueError for bytes that are not UTF-8 or a name that no file can have.
    """
    size = check_size(path, MAX_BYTES)
    with path.open("rb") as file:
        # Read no more than the size: files in /proc report 0, and some of them block or never end.
        return file.read(size).decode("utf-8-sig")
