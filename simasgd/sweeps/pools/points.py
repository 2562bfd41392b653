"""The points of a sweep on disk: a folder each, named by its content."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import final

from simasgd.errors import RunFailed, SimasgdError
from simasgd.results.contents import dump_scenario, keeps_weights, list_tables, stored_times
from simasgd.results.json_files import read_json
from simasgd.results.run import Run
from simasgd.results.stored import PointFailure
from simasgd.results.summary import Summary
from simasgd.scenario.schema import Scenario
from simasgd.storage.files import (
    FAILURE,
    RUN,
    SCENARIO,
    WEIGHTS,
    clear_results,
    is_absent,
    is_file,
    is_folder,
    is_table,
    remove_if_empty,
    write_whole,
)
from simasgd.storage.work_folder import POINTS, WORK


@final
class PointFolders:
    """The points in a sweep's folder, which this process or its parent has opened.

    A point exists if its folder holds all files of the run, whole and of the point's scenario. The
    files of a damaged point are replaced; other files beside them stay, and no link is followed.
    """

    def __init__(self, sweep: Path) -> None:
        self._home = sweep / POINTS
        self._fresh = sweep / WORK / POINTS

    def prepare(self) -> None:
        """Make the folders, and delete unfinished points of an interrupted sweep.

        Raises OSError.
        """
        clear_results(self._fresh)
        self._fresh.mkdir(exist_ok=True)
        self._home.mkdir(exist_ok=True)

    def make_mark(self) -> str:
        """Make an empty folder by which other processes see that they share the sweep's, and return its name.

        Raises OSError.
        """
        mark = uuid.uuid4().hex
        (self._fresh / mark).mkdir()
        return mark

    def has_mark(self, mark: str) -> bool:
        """Tell whether this process sees a mark that the driver has made."""
        return is_folder(self._fresh / mark)

    def remove_mark(self, mark: str) -> None:
        """Delete a mark."""
        with suppress(FileNotFoundError):
            (self._fresh / mark).rmdir()

    def summary(self, name: str, scenario: Scenario) -> Summary | None:
        """Return the summary of a point; None if the point is missing or damaged."""
        folder = self._home / name
        if not (is_folder(folder) and is_file(folder / RUN) and _has_scenario(folder, scenario)):
            return None
        if not all(is_table(folder / f"{name}.parquet") for name in list_tables(scenario)):
            return None
        try:
            summary = read_json(folder / RUN, Summary)
        except SimasgdError:
            return None
        if keeps_weights(scenario, summary) and not is_file(folder / WEIGHTS):
            return None
        return summary if summary.scenario_hash == scenario.hash() else None

    def save(self, name: str, run: Run) -> None:
        """Write a missing point, whole or not at all.

        Raises OSError, and RunFailed if something is in the way.
        """
        self._add(name, run.write_into)

    def receive(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write a missing point of which a worker has sent the files, whole or not at all.

        Raises OSError, and RunFailed if something is in the way.
        """

        def write(folder: Path) -> None:
            for file, content in files.items():
                (folder / Path(file).name).write_bytes(content)

        self._add(name, write)

    def failure(self, name: str) -> str:
        """Return why a point failed; "" if it did not, or has been computed since.

        Raises OSError.
        """
        path = self._home / name / FAILURE
        if not (is_folder(self._home / name) and is_file(path)):
            return ""
        try:
            return read_json(path, PointFailure).error
        except SimasgdError:
            return ""

    def keep_failure(self, name: str, error: str) -> None:
        """Write why a point failed, unless something else is in its place.

        Raises OSError.
        """
        folder = self._home / name
        if is_absent(folder):
            folder.mkdir()
        if is_folder(folder):
            content = json.dumps({"error": error}, ensure_ascii=False)
            write_whole(folder / FAILURE, f"{content}\n".encode())

    def forget_failure(self, name: str) -> None:
        """Delete the reason of a failure, and its folder if nothing else is in it.

        Raises OSError.
        """
        folder = self._home / name
        if is_folder(folder):
            (folder / FAILURE).unlink(missing_ok=True)
            remove_if_empty(folder)

    def deliver(self, name: str, scenario: Scenario, save: Callable[[], None]) -> str:
        """Save a point by `save` unless it exists. Return an error message ("": none)."""
        try:
            if self.summary(name, scenario) is None:
                save()
        except OSError as error:
            # A worker of an interrupted sweep may have written the same point meanwhile.
            return "" if self.summary(name, scenario) is not None else f"{type(error).__name__}: {error}"
        except SimasgdError as error:
            return str(error)
        return ""

    def _add(self, name: str, write: Callable[[Path], None]) -> None:
        fresh, folder = self._fresh / uuid.uuid4().hex, self._home / name
        fresh.mkdir()
        try:
            write(fresh)
            if is_absent(folder):
                fresh.rename(folder)
            else:
                _repair(folder, fresh)
                (folder / FAILURE).unlink(missing_ok=True)
        finally:
            clear_results(fresh)


def _has_scenario(folder: Path, scenario: Scenario) -> bool:
    """Tell whether a run's scenario.yaml is unchanged, and the files of its measured times are there."""
    path = folder / SCENARIO
    return (
        is_file(path)
        and path.read_bytes() == dump_scenario(scenario).encode()
        and all(is_table(folder / name) for name in stored_times(scenario))
    )


def _repair(folder: Path, fresh: Path) -> None:
    """Replace a damaged point's files; run.json comes last, so that it stays damaged until then."""
    if not is_folder(folder):
        raise RunFailed(f"{folder} is not a folder; move it away, and give the same command again")
    for path in sorted(fresh.iterdir(), key=lambda path: path.name == RUN):
        if is_folder(folder / path.name):
            raise RunFailed(f"{folder / path.name} is a folder; move it away, and give the same command again")
        path.replace(folder / path.name)
