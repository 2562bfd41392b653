"""The operations of a cluster, from the files of its log and from the folders of measured runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from simasgd.errors import UsageError
from simasgd.operations.log import OperationLog
from simasgd.operations.reading import read_log
from simasgd.results.json_files import read_json
from simasgd.results.origin import MeasuredLog
from simasgd.results.run import Run
from simasgd.results.stored import StudyJson
from simasgd.storage.files import OPERATIONS_TABLE, STUDY, digest


def read_sources(paths: Sequence[Path]) -> tuple[OperationLog, list[str]]:
    """Read the operations of a cluster, and return the names of their files.

    A folder of a recorded run has its operations, and these follow those of earlier paths in time. For an imported run
    its log is read again. Raises UsageError where a folder holds neither, the log of an imported run is not where it
    was, and in the cases of `simasgd.operations.reading.read_log`.
    """
    files: dict[Path, str] = {}
    recordings: dict[Path, str] = {}
    for path in paths:
        if not path.is_dir():
            chosen, found = files, {path: path.name}
        else:
            summary = Run.load(path).summary
            if summary.log is not None:
                chosen, found = files, {file: file.name for file in _find_log(path, summary.log)}
            elif summary.recorded is not None:
                chosen, found = recordings, {_find_operations(path): f"{path.resolve().name}/{OPERATIONS_TABLE}"}
            else:
                raise UsageError(f"{path}: the run was simulated; write it as a log first: simasgd export {path} --to log")
        for file, name in found.items():
            if file in chosen:
                raise UsageError(f"{file}: the file is given twice")
            chosen[file] = name
    return read_log(list(files), list(recordings)), [*files.values(), *recordings.values()]


def _find_operations(folder: Path) -> Path:
    """Return the file with the operations of a recorded run."""
    file = folder / OPERATIONS_TABLE
    if not file.is_file():
        raise UsageError(f"{folder}: {OPERATIONS_TABLE} is missing")
    return file


def _find_log(folder: Path, log: MeasuredLog) -> list[Path]:
    """Return the files that a run was imported from, if they are still where the import read them."""
    command = read_json(folder / STUDY, StudyJson).command if (folder / STUDY).is_file() else ""
    named = {Path(word).name: Path(word) for word in shlex.split(command)}
    found = []
    for file in log.files:
        path = named.get(file.name, Path(file.name))
        if not path.is_file() or digest(path) != file.digest:
            state = "has changed" if path.is_file() else "is not there"
            raise UsageError(f"{folder}: the run was imported from {path}, which {state}; give the log in place of the folder")
        found.append(path)
    return found
