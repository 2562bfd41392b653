"""Files and folders, without following links."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

RUN, VARIANTS, SCENARIO, STUDY, PAGE = "run.json", "variants.json", "scenario.yaml", "study.json", "index.html"
SWEEP, COMPARE, TRACE = "sweep.json", "compare.json", "timeline.json.gz"
RUN_TABLES = ("learners", "updates", "evaluations", "timeline")
"""The names of a run's tables, each in NAME.parquet."""
POINTS_TABLE = "points.parquet"
"""The table of a sweep's points."""
RESULTS = frozenset(
    {RUN, VARIANTS, SCENARIO, STUDY, PAGE, SWEEP, COMPARE, TRACE, POINTS_TABLE, *(f"{name}.parquet" for name in RUN_TABLES)}
)
"""The names of all files that results are made of."""

_PARQUET = b"PAR1"
_OWN_RESULTS = re.compile("|".join(re.escape(name) for name in sorted(RESULTS)))


def is_folder(path: Path) -> bool:
    """Whether this is a folder, and not a link to one. Raises OSError where that cannot be known."""
    return _has_mode(path, stat.S_ISDIR)


def is_file(path: Path) -> bool:
    """Whether this is a regular file, and not a link to one. Raises OSError where that cannot be known."""
    return _has_mode(path, stat.S_ISREG)


def is_table(path: Path) -> bool:
    """Whether this is a Parquet file that was written to its end."""
    if not is_file(path) or path.stat().st_size < len(_PARQUET) * 2:
        return False
    with path.open("rb") as file:
        first = file.read(len(_PARQUET))
        file.seek(-len(_PARQUET), os.SEEK_END)
        return first == file.read() == _PARQUET


def is_absent(path: Path) -> bool:
    """Whether nothing has this name, not even a link to nowhere."""
    return not os.path.lexists(path)


def _has_mode(path: Path, test: Callable[[int], bool]) -> bool:
    try:
        return test(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def create(path: Path, content: bytes) -> None:
    """Write a new file in place of whatever file or link has its name."""
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it: it is whole or not there."""
    fresh = path.with_name(f"{path.name}.new")
    create(fresh, content)
    fresh.replace(path)


def clear(folder: Path, own: re.Pattern[str]) -> None:
    """Delete the files of a folder whose names match, and in its sub-folders those named as results are; then the folders
    that are empty. Everything else stays, and so does the target of any link."""
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            clear(path, _OWN_RESULTS)
        elif own.fullmatch(entry.name):
            path.unlink()
    remove_if_empty(folder)


def clear_results(folder: Path) -> None:
    """Delete what is named as results are in a folder, if it is there. A link of that name is deleted itself."""
    if is_folder(folder):
        clear(folder, _OWN_RESULTS)
    elif folder.is_symlink():
        folder.unlink()


def remove_if_empty(folder: Path) -> None:
    with os.scandir(folder) as entries:
        if next(entries, None) is not None:
            return
    folder.rmdir()
