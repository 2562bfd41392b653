"""Moving finished files into a results folder, in place of files that simasgd wrote.

The new list of files is the journal. It lies in the work folder until all files are in place, so
that an interrupted move is completed by the next process that opens the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simasgd.storage.errors import Obstacle
from simasgd.storage.files import PAGE, digest, is_absent, is_file, is_folder, remove_if_empty
from simasgd.storage.manifest import MANIFEST, Manifest
from simasgd.storage.work_folder import JOURNAL, STAGED, WORK

_PAGE_MARK = b'<meta name="generator" content="simasgd '


def publish(target: Path, manifest: Manifest) -> None:
    """Move the staged files into place and make `manifest` the folder's list of files."""
    manifest.write(target / WORK / JOURNAL)
    finish_publishing(target)


def finish_publishing(target: Path) -> None:
    """Complete a publication, if one was begun.

    Staged files are renamed into place, files that they replace are deleted, and then the new list
    of files takes over.
    """
    journal = target / WORK / JOURNAL
    coming, earlier = Manifest.read(journal), Manifest.read(target / MANIFEST)
    if coming is None:
        return
    known = {} if earlier is None else earlier.files
    for name in known.keys() - coming.files.keys():
        _delete(target, name, known)
    for name in coming.files:
        move(target / WORK / STAGED, target, name, known)
    journal.replace(target / MANIFEST)


def move(source: Path, home: Path, name: str, known: Mapping[str, str]) -> None:
    """Move the file `name` from one folder to another, in place of a `known` file.

    Do nothing if it was moved before.
    """
    if is_absent(source / name):
        return
    check_replaceable(home, name, known)
    if not is_folder((home / name).parent):
        (home / name).parent.mkdir(parents=True)
    (source / name).replace(home / name)


def check_replaceable(home: Path, name: str, known: Mapping[str, str]) -> None:
    """Raise Obstacle unless a path below `home` is free, or has a known file as it was written.

    `known` maps relative paths to digests. A `name` that ends in a slash is a folder's.
    """
    *above, last = name.split("/")
    path = home
    for part in above:
        path = path / part
        if is_absent(path):
            return
        if not is_folder(path):
            raise Obstacle(path, "is not a folder")
    if not last:
        return
    path = path / last
    if is_absent(path):
        return
    if not is_file(path):
        raise Obstacle(path, "is not a file that simasgd wrote")
    if name not in known:
        if last != PAGE or not _is_page(path):
            raise Obstacle(path, "was not written by simasgd")
    elif digest(path) != known[name]:
        raise Obstacle(path, "was changed since simasgd wrote it")


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _PAGE_MARK in file.read(4096)


def _delete(home: Path, name: str, known: Mapping[str, str]) -> None:
    """Delete a known file and the folders that it leaves empty.

    A file that was changed since stays. An interrupted attempt may have deleted some of them
    already.
    """
    try:
        check_replaceable(home, name, known)
    except Obstacle:
        return
    path = home / name
    path.unlink(missing_ok=True)
    for above in path.parents:
        if above == home:
            return
        if is_folder(above):
            remove_if_empty(above)
