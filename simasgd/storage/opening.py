"""Opening results folders: which folder may be written to, and what must not be in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from simasgd.errors import UsageError
from simasgd.printable import shortened
from simasgd.storage.errors import ELSEWHERE, FolderTaken, refusing
from simasgd.storage.files import PAGE, is_folder
from simasgd.storage.folder import ResultsFolder
from simasgd.storage.manifest import MANIFEST, Contents, Manifest
from simasgd.storage.publishing import check_replaceable, finish_publishing
from simasgd.storage.work_folder import PURPOSE, WORK, clear_work, has_work, is_just_begun, locked, reserve

_MOST_OF_NAME, _MOST_OF_PATH = 255, 3500  # bytes; files within have longer names


@contextmanager
def open_folder(
    folder: Path, contents: Contents, expected: Collection[str], *, replacing: bool = False, command: str = ""
) -> Iterator[ResultsFolder]:
    """Open a folder for results of `contents`, made if absent, and hold it until the block ends.

    `expected` are the relative paths that may be written; a path that ends in a slash is a
    folder's. If the block raises, the files written so far stay as unfinished work, for the next
    command with the same contents. `command` is the command line that goes on with that work.

    Raises UsageError before anything is changed, if
    - the folder holds other files but no results of simasgd,
    - it holds results of other contents, unless `replacing`,
    - something else has the path of an expected file, or one of simasgd's files was changed,
    - it cannot be written to, or another process is writing to it.
    """
    target = _resolve(folder)
    _check_own(target, folder)
    with locked(target, folder, contents):
        with refusing(folder):
            finish_publishing(target)
        work = target / WORK
        _check_covered(contents, Manifest.read(target / MANIFEST), f"{folder}: holds results", replacing)
        unfinished = Manifest.read(work / PURPOSE) if has_work(work) else None
        if not _check_covered(contents, unfinished, f"{folder}: holds unfinished work", replacing):
            clear_work(work)
        _check_unchanged(target, folder, expected)
        with refusing(folder):
            reserve(work)
            Manifest(contents, complete=False, files={}, command=command).write(work / PURPOSE)
        yield ResultsFolder(target, folder, contents)


@contextmanager
def open_default_folder(
    folder: Path,
    contents: Contents,
    expected: Collection[str],
    *,
    replacing: bool,
    tell: Callable[[str], None],
    command: str = "",
) -> Iterator[ResultsFolder]:
    """Open `folder` or, if it is taken, a folder beside it.

    The name of the second ends in digits of the contents' hash. `tell` is called with a line about
    the second case. Raises the same errors as `open_folder`.
    """
    aside = name_aside(folder, contents)
    with ExitStack() as stack:
        if not replacing and aside.is_dir():
            place = stack.enter_context(open_folder(aside, contents, expected, command=command))
        else:
            try:
                place = stack.enter_context(open_folder(folder, contents, expected, replacing=replacing, command=command))
            except FolderTaken as taken:
                place = stack.enter_context(open_folder(aside, contents, expected, command=command))
                reason = str(taken).partition(";")[0]
                tell(f"{reason}; the new ones go to {aside}")
        yield place


def name_aside(folder: Path, contents: Contents) -> Path:
    """Return the folder beside a taken one; its name ends in digits of the contents' hash."""
    return folder.with_name(f"{folder.name}-{contents.name[:6]}")


@contextmanager
def reopen_folder(folder: Path) -> Iterator[tuple[ResultsFolder, str]]:
    """Open the results that a folder belongs to, to add files to them.

    Yields the results folder, and the path of `folder` below it ("" if they are the same). Raises
    UsageError if it cannot be written to, or another process is writing to it.
    """
    shown, target = folder, _resolve(folder, "")
    if not target.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    listing = next((above for above in (target, *list(target.parents)[:3]) if _lists_files(above, target)), target)
    with locked(listing, shown, None):
        with refusing(shown, ""):
            finish_publishing(listing)
            reserve(listing / WORK)
        below = "" if listing == target else target.relative_to(listing).as_posix()
        _check_unchanged(listing, shown, (f"{below}/{PAGE}" if below else PAGE,), "")
        yield ResultsFolder(listing, shown, None), below


def _lists_files(home: Path, folder: Path) -> bool:
    """Tell whether the list of files in `home` has a file of `folder`."""
    manifest = Manifest.read(home / MANIFEST)
    below = "" if home == folder else f"{folder.relative_to(home).as_posix()}/"
    return manifest is not None and any(name.startswith(below) for name in manifest.files)


def check_name(folder: Path, advice: str = ELSEWHERE) -> None:
    """Raise UsageError for a name that is too long for files inside the folder, or is not text."""
    way = advice and f"; {advice}"
    try:
        name, whole = folder.absolute().name.encode(), str(folder.absolute()).encode()
    except UnicodeEncodeError:
        raise UsageError(f"{folder}: a folder's name must be UTF-8 text{way}") from None
    if len(name) > _MOST_OF_NAME or len(whole) > _MOST_OF_PATH:
        quoted = shortened(str(folder), 100)
        limits = f"at most {_MOST_OF_NAME} bytes, and {_MOST_OF_PATH} with its path, are allowed"
        raise UsageError(f"{quoted}: the name is too long; {limits}{way}")


def _resolve(folder: Path, advice: str = ELSEWHERE) -> Path:
    try:
        check_name(folder, advice)
        if folder.is_symlink() and not folder.exists():
            raise UsageError(f"{folder}: is a link to a folder that does not exist")
        target = folder.resolve()
        above = next(parent for parent in (target, *target.parents) if parent.exists())
        if not above.is_dir():
            raise UsageError(f"{folder}: {'exists and' if above == target else above} is not a folder")
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    return target


def _check_covered(contents: Contents, earlier: Manifest | None, found: str, replacing: bool) -> bool:
    """Tell whether `contents` cover the earlier ones, if any.

    Raises FolderTaken if they do not, unless `replacing`.
    """
    if earlier is None or contents.cover(earlier.contents):
        return True
    if replacing:
        return False
    other = "other parameters" if contents.kind == earlier.contents.kind else f"`simasgd {earlier.contents.kind}`"
    raise FolderTaken(f"{found} of {other}; give another place with --out, or --replace")


def _check_own(target: Path, shown: Path) -> None:
    """Raise FolderTaken if the folder holds files but neither results nor unfinished work of simasgd."""
    with refusing(shown):
        names = set(os.listdir(target)) - {"lost+found"} if target.exists() else set()  # a file system has one at its root
        if not names or Manifest.read(target / MANIFEST) is not None:
            return
        work = target / WORK
        if is_folder(work) and ((names == {WORK} and is_just_begun(work)) or Manifest.read(work / PURPOSE) is not None):
            return
    raise FolderTaken(f"{shown}: exists and does not hold earlier results; give another place with --out")


def _check_unchanged(target: Path, shown: Path, expected: Collection[str], advice: str = ELSEWHERE) -> None:
    """Raise UsageError if a known file was changed, or an expected path is taken."""
    found = Manifest.read(target / MANIFEST)
    known = {} if found is None else found.files
    with refusing(shown, advice):
        for name in (*known, *expected, *(() if found is not None else (MANIFEST,))):
            check_replaceable(target, name, known)
