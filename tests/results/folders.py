"""Results folders made by hand, for the tests of what may be in them."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from simasgd.errors import UsageError
from simasgd.storage.folder import ResultsFolder
from simasgd.storage.manifest import Contents
from simasgd.storage.opening import open_folder

ONE, OTHER = (Contents("run", (digit * 64,), "code") for digit in "12")
EXPECTED = ("run.json", "index.html", "scenario.yaml", "repeats/1/run.json", "variant/run.json", "points/")
PAGE = '<!doctype html>\n<meta name="generator" content="simasgd 0">'


def opened(folder: Path, contents: Contents = ONE, *, replacing: bool = False) -> AbstractContextManager[ResultsFolder]:
    """Open a folder for results that may have the EXPECTED paths."""
    return open_folder(folder, contents, EXPECTED, replacing=replacing)


def put(folder: Path, files: dict[str, str], contents: Contents = ONE, *, replacing: bool = False) -> None:
    """Replace results as a command does."""
    with opened(folder, contents, replacing=replacing) as place:
        with place.replacing() as fresh:
            for name, content in files.items():
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).write_text(content)
        place.finish()


def tree(folder: Path) -> dict[str, str | None]:
    """Map every path below a folder, with the text of files and the targets of links."""
    return {
        path.relative_to(folder).as_posix(): f"-> {os.readlink(path)}"
        if path.is_symlink()
        else path.read_bytes().decode(errors="replace")
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


def refuse(folder: Path, message: str, contents: Contents = ONE, *, replacing: bool = False) -> None:
    """Check that a folder is refused, and that its parent is unchanged."""
    before = tree(folder.parent)
    with pytest.raises(UsageError, match=message), opened(folder, contents, replacing=replacing):
        pytest.fail("it was opened")
    assert tree(folder.parent) == before


def interrupted(folder: Path, error: BaseException, files: dict[str, str], *, saved: bool = False) -> None:
    """Leave a folder by an error, before or after results are in place."""
    with opened(folder) as place:
        for name, content in files.items():
            (place.unfinished / name).write_text(content)
        with place.replacing() as fresh:
            (fresh / "below").mkdir()
            (fresh / "below/run.json").write_text("half")
            if not saved:
                raise error
        raise error
