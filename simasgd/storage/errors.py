"""Errors of a results folder, as the user reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from simasgd.errors import RunFailed, UsageError

ELSEWHERE = "give another place with --out"


@final
class FolderTaken(UsageError):
    """A folder holds other results than those to be written, or another process writes them."""


@final
class Obstacle(OSError):
    """Something that must not be replaced stands where a file is to be written."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(0, f"{path} {problem}; move it away")


@contextmanager
def refusing(shown: Path, advice: str = ELSEWHERE) -> Iterator[None]:
    """Turn an OSError into a UsageError about the folder `shown`, before anything is computed.

    `advice` says what the user can do; "" for nothing.
    """
    try:
        yield
    except Obstacle as error:
        raise UsageError(f"{shown}: {error.strerror}{advice and f', or {advice}'}") from None
    except OSError as error:
        raise UsageError(f"{shown}: cannot be written to: {error.strerror}{advice and f'; {advice}'}") from None


@contextmanager
def failing(shown: Path) -> Iterator[None]:
    """Turn an OSError into a RunFailed about the folder `shown`, after something was computed."""
    try:
        yield
    except Obstacle as error:
        raise RunFailed(f"{shown}: {error.strerror}, and give the same command again") from None
    except OSError as error:
        raise RunFailed(f"the results could not be written to {shown}: {error}") from error
