"""A results folder that one process writes to at a time, and in which only files that simasgd wrote are replaced.

Files are made in a work folder inside it and renamed into place, so the folder may be a mount point, and its parent is not
touched. The list of files is written before the first is renamed: where a process is killed in between, the next one that
opens the folder does the rest. No link inside the folder is followed.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, final

from simasgd.errors import RunFailed, UsageError
from simasgd.printable import shortened
from simasgd.storage import lock
from simasgd.storage.files import (
    PAGE,
    clear_results,
    create,
    digest,
    is_absent,
    is_file,
    is_folder,
    remove_if_empty,
)
from simasgd.storage.manifest import MANIFEST, Contents, Manifest

WORK = ".simasgd-unfinished"
POINTS = "points"
_STAGED, _LOCK, _PROCESS, _PURPOSE, _JOURNAL, _RESERVE = (
    "results",
    "lock",
    "process.json",
    "work.json",
    "publish.json",
    "reserve",
)
_RESERVED = 1 << 20  # bytes, which suffice for the results and the page of a small run
_OWN_FILES = re.compile(r"(work|publish)\.json(\.new)?|reserve|[0-9a-f]{16}\.checkpoint|\.[0-9a-f]{32}\.new")
_POINT = re.compile(r"[0-9a-f]{16}")
_KEPT = re.compile(r"[0-9a-f]{16}(\.checkpoint)?")
_OWN_FOLDERS = re.compile(rf"{_STAGED}|{POINTS}|[0-9a-f]{{16}}|\.[0-9a-f]{{32}}\.(new|old)")
_BEFORE_WORK = {_LOCK, _PROCESS, _RESERVE, f"{_PURPOSE}.new"}  # what a process makes before it says what it is about
_MARK = b'<meta name="generator" content="simasgd '
_MOST_OF_NAME, _MOST_OF_PATH = 255, 3500  # bytes: files within have longer names
_ELSEWHERE = "; or give another place with --out"
_ATTEMPTS = 100  # to make a folder that another process deletes at the same time


@final
class Taken(UsageError):
    """A folder holds, or is about to hold, something else than what is to be written."""


@final
class ResultsFolder:
    """A folder that this process may write to, until the `with` block ends that it comes from.

    path    where it is, all links followed
    shown   how the user calls it
    """

    def __init__(self, path: Path, shown: Path, contents: Contents | None) -> None:
        self.path = path
        self.shown = shown
        self._contents = contents
        self._found = Manifest.read(path / MANIFEST)

    @property
    def unfinished(self) -> Path:
        """The folder inside it that keeps what is done until the results are there."""
        return self.path / WORK

    @property
    def has_unfinished_work(self) -> bool:
        """Whether an interrupted run left runs or checkpoints here."""
        return _has_work(self.unfinished)

    @property
    def lacks_only_a_page(self) -> bool:
        """Whether results of the same contents are here whole, and the command that made them had not ended."""
        return self._found is not None and self._found.contents == self._contents and not self._found.complete

    @contextmanager
    def replacing(self, *, complete: bool = False) -> Iterator[Path]:
        """An empty folder to write new results into. When all went well they take the place of all earlier ones."""
        with self._staged() as fresh:
            yield fresh
        self._forget_points()
        self._publish(keep={}, complete=complete)

    @contextmanager
    def adding(self) -> Iterator[Path]:
        """An empty folder to write further files into. When all went well they are added to the results, or replace those of
        their names."""
        with self._staged() as fresh:
            yield fresh
        self._publish(
            keep=self._found.files if self._found is not None and not self._is_of_another_kind else {}, complete=False
        )

    @property
    def _is_of_another_kind(self) -> bool:
        """Whether the results that are here were made by another command than those that are to be written."""
        return self._found is not None and self._contents is not None and self._found.contents.kind != self._contents.kind

    def _forget_points(self) -> None:
        """Delete the points of a sweep that is replaced by something else. No list of files has them."""
        points = self.path / POINTS
        if self._is_of_another_kind and is_folder(points):
            with _failing(self.shown):
                for name in os.listdir(points):
                    if _POINT.fullmatch(name):
                        clear_results(points / name)
                remove_if_empty(points)

    def finish(self) -> None:
        """Say that the results are complete, and forget the unfinished work."""
        assert self._found is not None
        with _failing(self.shown):
            _clear_work(self.unfinished)
            replace(self._found, complete=True).write(self.path / MANIFEST)

    @contextmanager
    def _staged(self) -> Iterator[Path]:
        fresh = self.unfinished / _STAGED
        with _failing(self.shown):
            clear_results(fresh)
            fresh.mkdir(exist_ok=True)
            (self.unfinished / _RESERVE).unlink(missing_ok=True)
            yield fresh

    def _publish(self, keep: Mapping[str, str], *, complete: bool) -> None:
        fresh = self.unfinished / _STAGED
        with _failing(self.shown):
            files = {path.relative_to(fresh).as_posix(): digest(path) for path in sorted(fresh.rglob("*")) if path.is_file()}
            if self._contents is None and self._found is None:
                for name in files:
                    _move(fresh, self.path, name, known={})
            else:
                contents = self._contents if self._found is None or self._contents is not None else self._found.contents
                assert contents is not None
                Manifest(contents, complete, {**keep, **files}).write(self.unfinished / _JOURNAL)
                _finish_publishing(self.path)
            clear_results(fresh)
        self._found = Manifest.read(self.path / MANIFEST)


@contextmanager
def occupied(
    folder: Path, contents: Contents, expected: Collection[str], *, replacing: bool = False
) -> Iterator[ResultsFolder]:
    """Open a folder for results of `contents`, made if absent, and hold it until the block ends.

    `expected` are the relative paths that may be written; one that ends in a slash is that of a folder. Raises UsageError
    before anything is changed: where the folder holds anything that simasgd has not written but no results of its own, results
    of other contents (unless they are to be replaced), something else in place of an expected file, or a file that was changed
    since; where it cannot be written to; where another process writes to it. What was written stays unfinished if the block
    raises, and is found by the next that opens the folder for the same contents.
    """
    target = _resolved(folder)
    _refuse_foreign(target, folder)
    with _locked(target, folder, contents):
        _finish_interrupted(target, folder)
        work = target / WORK
        for holder, what in ((target / MANIFEST, "holds results"), (work / _PURPOSE, "holds unfinished work")):
            earlier = Manifest.read(holder)
            empty = holder.parent == work and not _has_work(work)
            if earlier is not None and not empty and not contents.cover(earlier.contents):
                if not replacing:
                    raise Taken(
                        f"{folder}: {what} of {_other(contents, earlier.contents)}; give another place with --out, or --replace"
                    )
                if holder.parent == work:
                    _clear_work(work)
        _refuse_changed(target, folder, expected)
        with _refusing(folder):
            create(work / _RESERVE, os.urandom(_RESERVED))
            Manifest(contents, complete=False, files={}).write(work / _PURPOSE)
        yield ResultsFolder(target, folder, contents)


@contextmanager
def occupied_by_default(
    folder: Path, contents: Contents, expected: Collection[str], *, replacing: bool, tell: Callable[[str], None]
) -> Iterator[ResultsFolder]:
    """Open `folder`, or, where that is taken, the folder beside it whose name ends in digits of the contents' hash, which
    `tell` is told. Raises what `occupied` does."""
    aside = folder.with_name(f"{folder.name}-{contents.name[:6]}")
    with ExitStack() as stack:
        if not replacing and aside.is_dir():
            place = stack.enter_context(occupied(aside, contents, expected))
        else:
            try:
                place = stack.enter_context(occupied(folder, contents, expected, replacing=replacing))
            except Taken as taken:
                place = stack.enter_context(occupied(aside, contents, expected))
                reason = str(taken).partition(";")[0]
                tell(f"{reason}; the new ones go to {aside}")
        yield place


@contextmanager
def reopened(folder: Path) -> Iterator[tuple[ResultsFolder, str]]:
    """Open the results that a folder is of, to add files to them: with the folder's path below theirs, "" if it is theirs.

    Raises UsageError where it cannot be written to, or another process writes to it.
    """
    shown, target = folder, _resolved(folder)
    if not target.is_dir():
        raise UsageError(f"{folder}: is not there")
    listing = next((above for above in (target, *list(target.parents)[:3]) if _lists(above, target)), target)
    with _locked(listing, shown, None):
        _finish_interrupted(listing, shown)
        with _refusing(shown, ""):
            create(listing / WORK / _RESERVE, os.urandom(_RESERVED))
        below = "" if listing == target else target.relative_to(listing).as_posix()
        _refuse_changed(listing, shown, (f"{below}/{PAGE}" if below else PAGE,), "")
        yield ResultsFolder(listing, shown, None), below


def _lists(home: Path, folder: Path) -> bool:
    """Whether the list of files in `home` has any of `folder`'s."""
    manifest = Manifest.read(home / MANIFEST)
    below = "" if home == folder else f"{folder.relative_to(home).as_posix()}/"
    return manifest is not None and any(name.startswith(below) for name in manifest.files)


def refuse_name(folder: Path) -> None:
    """Raise UsageError for a name that the results' own files could not have, or not say."""
    try:
        name, whole = folder.absolute().name.encode(), str(folder.absolute()).encode()
    except UnicodeEncodeError:
        raise UsageError(f"{folder}: a folder's name must be UTF-8 text; give another with --out") from None
    if len(name) > _MOST_OF_NAME or len(whole) > _MOST_OF_PATH:
        said = shortened(str(folder), 100)
        limits = f"{_MOST_OF_NAME} bytes, and {_MOST_OF_PATH} with its path, are the most"
        raise UsageError(f"{said}: the name is too long; {limits}; give another with --out")


def _resolved(folder: Path) -> Path:
    try:
        refuse_name(folder)
        if folder.is_symlink() and not folder.exists():
            raise UsageError(f"{folder}: is a link to something that is not there")
        target = folder.resolve()
        above = next(parent for parent in (target, *target.parents) if parent.exists())
        if not above.is_dir():
            raise UsageError(f"{folder}: {'exists and' if above == target else above} is not a folder")
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    return target


def _refuse_foreign(target: Path, shown: Path) -> None:
    with _refusing(shown):
        names = set(os.listdir(target)) - {"lost+found"} if target.exists() else set()  # a file system has one at its root
        if not names or Manifest.read(target / MANIFEST) is not None:
            return
        work = target / WORK
        if is_folder(work):
            just_begun = names == {WORK} and _BEFORE_WORK.issuperset(os.listdir(work))
            if just_begun or Manifest.read(work / _PURPOSE) is not None:
                return
    raise Taken(f"{shown}: exists and does not hold earlier results; give another place with --out")


def _refuse_changed(target: Path, shown: Path, expected: Collection[str], otherwise: str = _ELSEWHERE) -> None:
    """Raise UsageError unless all files that were written are as they were, and the others expected are not there."""
    found = Manifest.read(target / MANIFEST)
    known = {} if found is None else found.files
    with _refusing(shown, otherwise):
        for name in (*known, *expected, *(() if found is not None else (MANIFEST,))):
            _check_replaceable(target, name, known)


def _check_replaceable(home: Path, name: str, known: Mapping[str, str]) -> None:
    """Raise _InTheWay unless a path below `home` is free, or has a known file as it was written."""
    *above, last = name.split("/")
    path = home
    for part in above:
        path = path / part
        if is_absent(path):
            return
        if not is_folder(path):
            raise _InTheWay(path, "is not a folder")
    if not last:
        return
    path = path / last
    if is_absent(path):
        return
    if not is_file(path):
        raise _InTheWay(path, "is not a file that simasgd wrote")
    if name not in known:
        if last != PAGE or not _is_page(path):
            raise _InTheWay(path, "was not written by simasgd")
    elif digest(path) != known[name]:
        raise _InTheWay(path, "was changed since simasgd wrote it")


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK in file.read(4096)


@final
class _InTheWay(OSError):
    """Something that is not replaced stands where a file is to be written."""

    def __init__(self, path: Path, how: str) -> None:
        super().__init__(0, f"{path} {how}; move it away")


def _move(source: Path, home: Path, name: str, known: Mapping[str, str]) -> None:
    if is_absent(source / name):
        return  # moved before an interruption
    _check_replaceable(home, name, known)
    if not is_folder((home / name).parent):
        (home / name).parent.mkdir(parents=True)
    (source / name).replace(home / name)


def _finish_publishing(target: Path) -> None:
    """Rename staged files into place, delete those that they replace, and then take over the new list of files."""
    journal = target / WORK / _JOURNAL
    coming, earlier = Manifest.read(journal), Manifest.read(target / MANIFEST)
    if coming is None:
        return
    known = {} if earlier is None else earlier.files
    for name in known.keys() - coming.files.keys():
        _delete(target, name, known)
    for name in coming.files:
        _move(target / WORK / _STAGED, target, name, known)
    journal.replace(target / MANIFEST)


def _delete(home: Path, name: str, known: Mapping[str, str]) -> None:
    """Delete a known file and the folders that it leaves empty, even if an interrupted attempt deleted some of them. What was
    changed meanwhile stays."""
    try:
        _check_replaceable(home, name, known)
    except _InTheWay:
        return
    path = home / name
    path.unlink(missing_ok=True)
    for above in path.parents:
        if above == home:
            return
        if is_folder(above):
            remove_if_empty(above)


def _finish_interrupted(target: Path, shown: Path) -> None:
    with _refusing(shown):
        _finish_publishing(target)


def _has_work(work: Path) -> bool:
    """Whether a work folder keeps runs or checkpoints."""
    return any(_KEPT.fullmatch(name) for name in os.listdir(work))


def _clear_work(work: Path) -> None:
    """Delete what is ours in the work folder, but for the lock and what it says of this process. What it is about comes last,
    so that it is known again if this is interrupted."""
    for name in sorted(os.listdir(work), key=lambda name: name == _PURPOSE):
        path = work / name
        if _OWN_FOLDERS.fullmatch(name):
            clear_results(path)
        elif _OWN_FILES.fullmatch(name) and not is_folder(path):
            path.unlink()


@contextmanager
def _locked(target: Path, shown: Path, contents: Contents | None) -> Iterator[None]:
    """Hold a folder's lock. Afterwards the work folder, and the folders made for it, are deleted if they are empty."""
    work, made, handle = target / WORK, [target, *target.parents], None
    with _refusing(shown):
        made = [folder for folder in made if not folder.exists()]
        absent: OSError | None = None
        for _ in range(_ATTEMPTS):
            try:
                target.mkdir(parents=True, exist_ok=True)
                if is_absent(work):
                    work.mkdir(exist_ok=True)
                if not is_folder(work):
                    raise _InTheWay(work, "is not a folder")
                handle, absent = lock.acquire(work / _LOCK), None
                break
            except FileNotFoundError as error:  # another process was done just now, and deleted it
                absent = error
        if absent is not None:
            raise absent
        if handle is None:
            raise _in_use(work, shown, contents)
    try:
        with _refusing(shown):
            about = {"pid": os.getpid(), "host": platform.node(), "contents": None if contents is None else contents.name}
            create(work / _PROCESS, json.dumps(about).encode())
        yield
    finally:
        for name in (_PROCESS, _RESERVE):
            (work / name).unlink(missing_ok=True)
        if is_absent(work / _JOURNAL):
            if _has_work(work):
                clear_results(work / _STAGED)
            else:
                _clear_work(work)
        lock.release(work / _LOCK, handle)
        for folder in (work, *made):
            if is_folder(folder):
                remove_if_empty(folder)


def _in_use(work: Path, shown: Path, contents: Contents | None) -> UsageError:
    process, other = "another process", None
    for _ in range(_ATTEMPTS):
        try:
            about: Any = json.loads((work / _PROCESS).read_bytes())
            process, other = f"process {about['pid']} on {about['host']}", about["contents"]
            break
        except (OSError, ValueError, TypeError, KeyError):  # that process is about to write it, or has deleted it
            time.sleep(0.01)
    error = Taken if contents is not None and other != contents.name else UsageError
    return error(f"{shown}: {process} is writing to it; wait for its end, or give another place with --out")


def _other(contents: Contents, earlier: Contents) -> str:
    return "other parameters" if contents.kind == earlier.kind else f"`simasgd {earlier.kind}`"


@contextmanager
def _refusing(shown: Path, otherwise: str = _ELSEWHERE) -> Iterator[None]:
    """Turn errors into a UsageError, which ends in what the user may do otherwise."""
    try:
        yield
    except _InTheWay as error:
        raise UsageError(f"{shown}: {error.strerror}{otherwise}") from None
    except OSError as error:
        raise UsageError(f"{shown}: cannot be written to: {error.strerror}{otherwise}") from None


@contextmanager
def _failing(shown: Path) -> Iterator[None]:
    try:
        yield
    except _InTheWay as error:
        raise RunFailed(f"{shown}: {error.strerror}, and give the same command again") from None
    except OSError as error:
        raise RunFailed(f"the results could not be written to {shown}: {error}") from error
