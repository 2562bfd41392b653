"""Files and folders, without following links."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

RUN, VARIANTS, SCENARIO, STUDY, PAGE = "run.json", "variants.json", "scenario.yaml", "study.json", "index.html"
SWEEP, COMPARE, TRACE, VALIDATION = "sweep.json", "compare.json", "timeline.json.gz", "validate.json"
ADVICE, FAILURE = "advice.json", "failure.json"
WEIGHTS = "weights.npz"
REPORTS = Path("reports")
"""The folder that commands write results below, unless another is named."""
RUN_TABLES = ("learners", "updates", "evaluations", "timeline", "operations")
"""The names of a run's tables, each in NAME.parquet."""
RUNS_CSV, CURVES_CSV = "runs.csv", "curves.csv"
EVENTS = "events.out.tfevents.0000000000.simasgd"
"""The name of the file that TensorBoard reads, in the folder of a run."""
OPERATIONS_TABLE = "operations.parquet"
"""The table of a recorded run's operations, which is a log."""
POINTS_TABLE = "points.parquet"
"""The table of a sweep's points."""
RESULTS = frozenset(
    {
        *(RUN, VARIANTS, SCENARIO, STUDY, PAGE, SWEEP, COMPARE, TRACE, VALIDATION, ADVICE, FAILURE, WEIGHTS, POINTS_TABLE),
        *(f"{name}.parquet" for name in RUN_TABLES),
    }
)
"""The names of all files that results are made of."""

_PARQUET = b"PAR1"
STORED_TIMES = "times-[0-9a-f]{16}[.]parquet"
"""The form of the names of files with measured times, which lie beside a scenario."""
_OFFLINE_RUN = "run-[0-9a-f]{16}[.]wandb"
_EXPORTED = (RUNS_CSV, CURVES_CSV, EVENTS)
_OWN_RESULTS = re.compile("|".join([*map(re.escape, (*sorted(RESULTS), *_EXPORTED)), STORED_TIMES, _OFFLINE_RUN]))


def is_folder(path: Path) -> bool:
    """Tell whether this is a folder, and not a link to one.

    Raises OSError if that cannot be known.
    """
    return _has_mode(path, stat.S_ISDIR)


def is_file(path: Path) -> bool:
    """Tell whether this is a regular file, and not a link to one.

    Raises OSError if that cannot be known.
    """
    return _has_mode(path, stat.S_ISREG)


def is_table(path: Path) -> bool:
    """Tell whether this is a Parquet file that was written to its end."""
    if not is_file(path) or path.stat().st_size < len(_PARQUET) * 2:
        return False
    with path.open("rb") as file:
        first = file.read(len(_PARQUET))
        file.seek(-len(_PARQUET), os.SEEK_END)
        return first == file.read() == _PARQUET


def is_absent(path: Path) -> bool:
    """Tell whether nothing has this path, not even a broken link."""
    return not os.path.lexists(path)


def _has_mode(path: Path, test: Callable[[int], bool]) -> bool:
    try:
        return test(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def digest(path: Path) -> str:
    """Return the SHA-256 digest of a file's content, in hexadecimal digits."""
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def create(path: Path, content: bytes) -> None:
    """Write a new file; a file or link of the same name is deleted first."""
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it, so that it is whole or absent."""
    fresh = path.with_name(f"{path.name}.new")
    create(fresh, content)
    fresh.replace(path)


def clear(folder: Path, own: re.Pattern[str]) -> None:
    """Delete the files of a folder whose names match, and results in its sub-folders.

    Folders that are empty then are deleted, too. All other files stay, and so do the targets of
    links.
    """
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
    """Delete the files of a folder that have names of results.

    If the path is a link, delete the link itself.
    """
    if is_folder(folder):
        clear(folder, _OWN_RESULTS)
    elif folder.is_symlink():
        folder.unlink()


def remove_if_empty(folder: Path) -> None:
    """Delete a folder if it is empty."""
    with os.scandir(folder) as entries:
        if next(entries, None) is not None:
            return
    folder.rmdir()
