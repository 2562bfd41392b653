"""The files of an index, for those who only want to know whether there is one."""

from __future__ import annotations

from pathlib import Path

from simasgd.storage.files import PAGE, is_absent, is_file

KEPT = "index.json"
"""The file that commands keep beside an index's page."""
KEPT_BEGIN = '{"written_by":"simasgd index",'
_PAGE_MARK = b'<meta name="generator" content="simasgd index '


def has_index(folder: Path) -> bool:
    """Return whether a folder has an index that simasgd wrote."""
    return _begins(folder / PAGE, _PAGE_MARK) and _begins(folder / KEPT, KEPT_BEGIN.encode())


def find_foreign(folder: Path) -> Path | None:
    """Return the file of another origin that an index would replace; None if there is none."""
    marks = {PAGE: _PAGE_MARK, KEPT: KEPT_BEGIN.encode()}
    there = {folder / name: mark for name, mark in marks.items() if not is_absent(folder / name)}
    return next((path for path, mark in there.items() if not _begins(path, mark)), None)


def _begins(path: Path, mark: bytes) -> bool:
    """Return whether a file, and not a link to one, has a mark near its beginning."""
    if not is_file(path):
        return False
    with path.open("rb") as file:
        return mark in file.read(1000)
