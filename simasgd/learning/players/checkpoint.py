"""Where a long replay has come to, on disk, so that one that is killed goes on from there to the same numbers."""

from __future__ import annotations

import abc
import hashlib
import json
import os
import threading
import time
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar, final

import equinox
import jax

from simasgd.errors import RunFailed

Tree = TypeVar("Tree")


class AbstractCheckpoint(abc.ABC):
    """Keeps what a walk through a tape needs to go on. `found` is what was found on the way, in JSON's terms, and is kept
    along."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    @abc.abstractmethod
    def restored(self, start: Tree) -> tuple[int, Tree]:
        """The steps done and the carry after them; 0 and `start`, which has its structure, where nothing is kept."""

    @abc.abstractmethod
    def keep(self, steps: int, carry: Any) -> None:
        """Is told now and then how far the walk has come."""

    @abc.abstractmethod
    def save(self) -> None:
        """Keep what the walk was last told to, at once; may be called from another thread."""


@final
class NoCheckpoint(AbstractCheckpoint):
    """Keeps nothing."""

    def restored(self, start: Tree) -> tuple[int, Tree]:
        return 0, start

    def keep(self, steps: int, carry: Any) -> None:
        pass

    def save(self) -> None:
        pass


@final
class FileCheckpoint(AbstractCheckpoint):
    """One file: a line of JSON, then the arrays (equinox's format). It is written under another name and renamed, at most every
    `seconds`.

    `identity` names the run, its code and the kind of device; a file of another identity is not read.
    """

    def __init__(self, path: Path, identity: str, seconds: float) -> None:
        super().__init__()
        self._path = path
        self._identity = identity
        self._seconds = seconds
        self._last = time.monotonic()
        self._come: tuple[int, Any, dict[str, Any]] | None = None  # steps, carry and what was found, not saved yet
        self._writing = threading.Lock()

    def restored(self, start: Tree) -> tuple[int, Tree]:
        if not self._path.is_file():
            return 0, start
        header, _, arrays = self._path.read_bytes().partition(b"\n")
        try:
            about = json.loads(header)
        except ValueError:
            return 0, start  # not whole; the next one takes its place, as that of another run's does
        mine = isinstance(about, dict) and about.get("identity") == self._identity
        if not mine or about.get("arrays") != _digest(arrays):
            return 0, start
        carry: Tree = equinox.tree_deserialise_leaves(BytesIO(arrays), start)
        self.found.update(about["found"])
        return about["steps"], carry

    def keep(self, steps: int, carry: Any) -> None:
        self._come = steps, carry, dict(self.found)
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            self.save()

    def save(self) -> None:
        with self._writing:
            come, self._come = self._come, None
            if come is not None:
                self._write(*come)

    def _write(self, steps: int, carry: Any, found: dict[str, Any]) -> None:
        buffer = BytesIO()
        equinox.tree_serialise_leaves(buffer, jax.device_get(carry))
        arrays = buffer.getvalue()
        about = {"identity": self._identity, "steps": steps, "found": found, "arrays": _digest(arrays)}
        content = json.dumps(about, allow_nan=False).encode() + b"\n" + arrays
        fresh = self._path.with_name(f".{uuid.uuid4().hex}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise RunFailed(f"how far the run has come could not be saved in {self._path.parent}: {error}") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
