"""The work folder inside a results folder: its lock, and the unfinished work that it keeps."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simasgd.errors import UsageError
from simasgd.storage import lock
from simasgd.storage.errors import ELSEWHERE, FolderTaken, Obstacle, refusing
from simasgd.storage.files import clear_results, create, is_absent, is_folder, remove_if_empty
from simasgd.storage.manifest import Contents

WORK = ".simasgd-unfinished"
"""The name of the work folder."""
POINTS = "points"
"""The folder of a sweep's points; in the work folder, of points that are being written."""
STAGED = "results"
"""The folder of files that are to be published."""
JOURNAL = "publish.json"
"""The list of files that are being published."""
PURPOSE = "work.json"
"""The purpose of the unfinished work: an empty manifest that states the contents."""
RESERVE = "reserve"
"""A file that keeps room on the disk for the results."""
_LOCK, _PROCESS = "lock", "process.json"

_RESERVED = 1 << 20  # bytes, enough for the results and the page of a small run
_OWN_FILES = re.compile(r"(work|publish)\.json(\.new)?|reserve|[0-9a-f]{16}\.checkpoint|\.[0-9a-f]{32}\.new")
_OWN_FOLDERS = re.compile(rf"{STAGED}|{POINTS}|[0-9a-f]{{16}}|\.[0-9a-f]{{32}}\.(new|old)")
_KEPT = re.compile(r"[0-9a-f]{16}(\.checkpoint)?")
_BEFORE_PURPOSE = {_LOCK, _PROCESS, RESERVE, f"{PURPOSE}.new"}  # files that a process makes before it writes its purpose
_ATTEMPTS = 100  # to make a folder that another process deletes at the same time


def has_work(work: Path) -> bool:
    """Tell whether a work folder keeps runs or checkpoints."""
    return any(_KEPT.fullmatch(name) for name in os.listdir(work))


def is_just_begun(work: Path) -> bool:
    """Tell whether a work folder has no purpose yet."""
    return _BEFORE_PURPOSE.issuperset(os.listdir(work))


def reserve(work: Path) -> None:
    """Take up room on the disk, so that a full disk is noticed before anything is computed."""
    create(work / RESERVE, os.urandom(_RESERVED))


def clear_work(work: Path) -> None:
    """Delete simasgd's files in the work folder, except those of this process.

    The purpose is deleted last, so that the work is recognized if this is interrupted.
    """
    for name in sorted(os.listdir(work), key=lambda name: name == PURPOSE):
        path = work / name
        if _OWN_FOLDERS.fullmatch(name):
            clear_results(path)
        elif _OWN_FILES.fullmatch(name) and not is_folder(path):
            path.unlink()


@contextmanager
def locked(target: Path, shown: Path, contents: Contents | None) -> Iterator[None]:
    """Hold the lock of the results folder `target`, which is made if absent; there is no other place without `contents`.

    Afterwards the work folder is deleted if it keeps nothing, and so are empty folders that were
    made for it.
    """
    work, made, handle = target / WORK, [target, *target.parents], None
    elsewhere = "" if contents is None else ELSEWHERE
    with refusing(shown, elsewhere):
        made = [folder for folder in made if not folder.exists()]
        absent: OSError | None = None
        for _ in range(_ATTEMPTS):
            try:
                target.mkdir(parents=True, exist_ok=True)
                if is_absent(work):
                    work.mkdir(exist_ok=True)
                if not is_folder(work):
                    raise Obstacle(work, "is not a folder")
                handle, absent = lock.acquire(work / _LOCK), None
                break
            except FileNotFoundError as error:  # another process ended just now, and deleted the folder
                absent = error
        if absent is not None:
            raise absent
        if handle is None:
            raise _in_use(work, shown, contents)
    try:
        with refusing(shown, elsewhere):
            about = {"pid": os.getpid(), "host": platform.node(), "contents": None if contents is None else contents.name}
            create(work / _PROCESS, json.dumps(about).encode())
        yield
    finally:
        for name in (_PROCESS, RESERVE):
            (work / name).unlink(missing_ok=True)
        if is_absent(work / JOURNAL):
            if has_work(work):
                clear_results(work / STAGED)
            else:
                clear_work(work)
        lock.release(work / _LOCK, handle)
        for folder in (work, *made):
            if is_folder(folder):
                remove_if_empty(folder)


def find_holder(folder: Path) -> tuple[str, float]:
    """Return the process that works on a results folder, in words, and since when (s since 1970); "" and 0 if none does."""
    work = folder / WORK
    if not lock.is_held(work / _LOCK):
        return "", 0.0
    try:
        return _describe_process(work)[0], (work / _PROCESS).stat().st_mtime
    except FileNotFoundError:  # it has ended just now
        return "", 0.0


def _describe_process(work: Path) -> tuple[str, Any]:
    """Return the process that holds a work folder, in words, and the name of the contents that it writes."""
    for _ in range(_ATTEMPTS):
        try:
            about: Any = json.loads((work / _PROCESS).read_bytes())
            return f"process {about['pid']} on {about['host']}", about["contents"]
        except (OSError, ValueError, TypeError, KeyError):  # that process is about to write it, or has deleted it
            time.sleep(0.01)
    return "another process", None


def _in_use(work: Path, shown: Path, contents: Contents | None) -> UsageError:
    process, other = _describe_process(work)
    error = FolderTaken if contents is not None and other != contents.name else UsageError
    other_way = "" if contents is None else f", or {ELSEWHERE}"
    return error(f"{shown}: {process} is writing to it; wait until it ends{other_way}")
