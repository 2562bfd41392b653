"""A results folder: one process at a time writes to it, and only simasgd's files are replaced.

Files are made in a work folder inside it and renamed into place, so the folder may be a mount
point, and its parent is not touched. The list of files is written before the first file is renamed.
If a process is killed in between, the next one that opens the folder does the rest. No link inside
the folder is followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import final

from simasgd.storage.errors import failing
from simasgd.storage.files import clear_results, digest, is_folder, remove_if_empty
from simasgd.storage.manifest import MANIFEST, Contents, Manifest
from simasgd.storage.publishing import move, publish
from simasgd.storage.work_folder import POINTS, RESERVE, STAGED, WORK, clear_work, has_work

_POINT = re.compile(r"[0-9a-f]{16}")


@final
class ResultsFolder:
    """A folder that this process may write to, until the `with` block that opened it ends.

    path    the folder, all links followed
    shown   the folder as the user wrote it
    """

    def __init__(self, path: Path, shown: Path, contents: Contents | None) -> None:
        self.path = path
        self.shown = shown
        self._contents = contents
        self._found = Manifest.read(path / MANIFEST)

    @property
    def unfinished(self) -> Path:
        """The folder inside it that keeps finished parts until the results are written."""
        return self.path / WORK

    @property
    def has_unfinished_work(self) -> bool:
        """Whether an interrupted command left runs or checkpoints here."""
        return has_work(self.unfinished)

    @property
    def lacks_only_a_page(self) -> bool:
        """Whether the same command wrote its results whole, but was interrupted before its page."""
        return self._found is not None and self._found.contents == self._contents and not self._found.complete

    @contextmanager
    def replacing(self, *, complete: bool = False) -> Iterator[Path]:
        """Yield an empty folder for new results.

        When the block ends without an error they replace all earlier ones.
        """
        with self._staged() as fresh:
            yield fresh
        self._forget_points()
        self._publish(keep={}, complete=complete)

    @contextmanager
    def adding(self) -> Iterator[Path]:
        """Yield an empty folder for further files.

        When the block ends without an error they are added to the results, or replace files of the
        same names.
        """
        with self._staged() as fresh:
            yield fresh
        self._publish(
            keep=self._found.files if self._found is not None and not self._is_of_another_kind else {}, complete=False
        )

    @property
    def _is_of_another_kind(self) -> bool:
        """Whether the earlier results were made by another command than the new ones."""
        return self._found is not None and self._contents is not None and self._found.contents.kind != self._contents.kind

    def _forget_points(self) -> None:
        """Delete the points of a sweep that is replaced; the list of files does not name them."""
        points = self.path / POINTS
        if self._is_of_another_kind and is_folder(points):
            with failing(self.shown):
                for name in os.listdir(points):
                    if _POINT.fullmatch(name):
                        clear_results(points / name)
                remove_if_empty(points)

    def finish(self) -> None:
        """Mark the results as complete, and delete the unfinished work."""
        assert self._found is not None
        with failing(self.shown):
            clear_work(self.unfinished)
            replace(self._found, complete=True).write(self.path / MANIFEST)

    @contextmanager
    def _staged(self) -> Iterator[Path]:
        fresh = self.unfinished / STAGED
        with failing(self.shown):
            clear_results(fresh)
            fresh.mkdir(exist_ok=True)
            (self.unfinished / RESERVE).unlink(missing_ok=True)
            yield fresh

    def _publish(self, keep: Mapping[str, str], *, complete: bool) -> None:
        fresh = self.unfinished / STAGED
        with failing(self.shown):
            files = {path.relative_to(fresh).as_posix(): digest(path) for path in sorted(fresh.rglob("*")) if path.is_file()}
            if self._contents is None and self._found is None:
                for name in files:
                    move(fresh, self.path, name, known={})
            else:
                contents = self._contents if self._found is None or self._contents is not None else self._found.contents
                assert contents is not None
                publish(self.path, Manifest(contents, complete, {**keep, **files}))
            clear_results(fresh)
        self._found = Manifest.read(self.path / MANIFEST)
