"""The index page of a folder: written anew, or brought up to date by a command that has written results below it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simasgd.errors import UsageError
from simasgd.indexing.kept import KeptRows
from simasgd.indexing.names import find_foreign, has_index
from simasgd.indexing.reading import Reader
from simasgd.report.page import render_index
from simasgd.storage import lock
from simasgd.storage.files import PAGE, RESULTS, is_folder, write_whole
from simasgd.storage.manifest import MANIFEST

MOST_KEPT = 20_000
"""Commands do not bring an index of more runs up to date, which would take them most of a second."""
_LOCK = ".simasgd-index.lock"
_PATIENCE = 5.0  # seconds for another command that writes the same index


def write_index(top: Path) -> list[Path]:
    """Write the index of all results in a folder; return the files in it that simasgd did not write.

    Raises UsageError if the folder is missing, holds results itself or another index.html, or cannot be written to.
    """
    if not top.is_dir():
        raise UsageError(f"{top}: there is no such folder; give the one that results were written to")
    results = sorted(name for name in (MANIFEST, *RESULTS) if name != PAGE and (top / name).exists())
    if results:
        raise UsageError(f"{top}: holds results itself ({results[0]}); an index is written into the folder above")
    _require_own(top)
    reader, rows = Reader(top), KeptRows()
    with _locked(top):
        rows.replace("", reader.read(top))
        _write(top, rows)
    return sorted(reader.unreadable)


def find_index(study: Path, default: Path) -> Path | None:
    """Return the folder whose index lists a study: the nearest above it that has one, or `default` if it is above it."""
    above = study.parents
    return next((folder for folder in above if has_index(folder)), default if default in above else None)


def update_index(top: Path, studies: list[Path]) -> None:
    """Bring the rows of these studies up to date, and those of folders in `top` that have come or gone.

    An index of more than `MOST_KEPT` runs stays as it is. Raises UsageError as `write_index` does.
    """
    _require_own(top)
    with _locked(top):
        rows = KeptRows.load(top)
        if rows is not None and rows.number > MOST_KEPT:
            raise UsageError(
                f"{top / PAGE}: lists more than {MOST_KEPT:,} runs, so it is not updated by itself; `simasgd index` does it"
            )
        reader = Reader(top)
        if rows is None:
            rows = KeptRows()
            changed = {""}
        else:
            # A folder without a study is read each time: a study that Python writes may end in it at any moment.
            changed = {study.relative_to(top).as_posix() for study in studies} | (set(_list_folders(top)) ^ rows.folders)
        for below in sorted(changed):
            rows.replace(below, reader.read(top / below) if is_folder(top / below) else ())
        _write(top, rows)


def _write(top: Path, rows: KeptRows) -> None:
    studies = rows.list_newest_first()
    runs = [run for study in studies for run in study.runs]
    kinds = {kind: sum(study.kind == kind for study in studies) for kind in dict.fromkeys(study.kind for study in studies)}
    page = render_index(top.resolve().name, [study.row for study in studies], runs, kinds, rows.number)
    rows.save(top)
    write_whole(top / PAGE, page.encode())


def _list_folders(top: Path) -> list[str]:
    with os.scandir(top) as entries:
        return [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)]


def _require_own(top: Path) -> None:
    if (foreign := find_foreign(top)) is not None:
        raise UsageError(f"{foreign}: is not an index that simasgd wrote; move it away")


@contextmanager
def _locked(top: Path) -> Iterator[None]:
    path, until = top / _LOCK, time.monotonic() + _PATIENCE
    try:
        while (handle := lock.acquire(path)) is None:
            if time.monotonic() > until:
                raise UsageError(f"{top / PAGE}: another process is writing it; `simasgd index` writes it later")
            time.sleep(0.02)
        try:
            yield
        finally:
            lock.release(path, handle)
    except OSError as error:
        raise UsageError(f"{top / PAGE}: cannot be written: {error.strerror}") from None
