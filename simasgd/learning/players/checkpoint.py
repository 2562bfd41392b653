"""Checkpoints: the state of a long replay on disk.

A killed replay continues from it to the same numbers.
"""

from __future__ import annotations

import abc
import hashlib
import os
import threading
import time
import uuid
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, final

import equinox
import jax
from pydantic import BaseModel, NonNegativeInt, ValidationError

from simasgd.errors import RunFailed
from simasgd.learning.layout.abstract import Carry
from simasgd.learning.players.results import Divergence, Evaluation, GroupResults

Tree = TypeVar("Tree")


class AbstractCheckpoint(abc.ABC):
    """A store for the state of a walk through a tape and for the results so far.

    The evaluation of the weights adds to the results. They are kept with the state, and restored
    with it.
    """

    def __init__(self) -> None:
        self._evaluations: list[Evaluation] = []
        self._divergences: list[Divergence] = []

    @property
    def results(self) -> GroupResults:
        """The results so far."""
        return GroupResults(tuple(self._evaluations), tuple(self._divergences))

    def add_evaluation(self, evaluation: Evaluation) -> None:
        """Add an evaluation to the results."""
        self._evaluations.append(evaluation)

    def add_divergence(self, divergence: Divergence) -> None:
        """Add a divergence to the results."""
        self._divergences.append(divergence)

    @abc.abstractmethod
    def restore(self, start: Tree) -> tuple[int, Tree]:
        """Return the number of steps done and the carry after them, and restore `results`.

        If nothing is kept, return 0 and `start`, which has the structure of the carry.
        """

    @abc.abstractmethod
    def keep(self, steps: int, carry: Carry) -> None:
        """Keep the state after `steps` steps, now or later."""

    @abc.abstractmethod
    def save(self) -> None:
        """Write the last state that `keep` received. Another thread may call this."""


@final
class NoCheckpoint(AbstractCheckpoint):
    """A checkpoint that keeps nothing."""

    def restore(self, start: Tree) -> tuple[int, Tree]:
        return 0, start

    def keep(self, steps: int, carry: Carry) -> None:
        pass

    def save(self) -> None:
        pass


class _Header(BaseModel):
    """The first line of a checkpoint file."""

    format: Literal[1]
    identity: str
    steps: NonNegativeInt
    results: GroupResults
    digest: str
    """The SHA-256 of the rest of the file."""


class _State(NamedTuple):
    steps: int
    carry: Carry
    results: GroupResults


@final
class FileCheckpoint(AbstractCheckpoint):
    """A file: a line of JSON, then the arrays in equinox's format.

    It is written under another name and renamed, at most every `seconds`. `identity` names the run,
    its code and the kind of device. A file of another identity or format, or one that is damaged,
    is ignored and later replaced.
    """

    def __init__(self, path: Path, identity: str, seconds: float) -> None:
        super().__init__()
        self._path = path
        self._identity = identity
        self._seconds = seconds
        self._last = time.monotonic()
        self._unsaved: _State | None = None
        self._writing = threading.Lock()

    def restore(self, start: Tree) -> tuple[int, Tree]:
        if not self._path.is_file():
            return 0, start
        first_line, _, arrays = self._path.read_bytes().partition(b"\n")
        try:
            header = _Header.model_validate_json(first_line)
        except ValidationError:
            return 0, start
        if header.identity != self._identity or header.digest != _digest(arrays):
            return 0, start
        carry: Tree = equinox.tree_deserialise_leaves(BytesIO(arrays), start)
        self._evaluations, self._divergences = list(header.results.evaluations), list(header.results.divergences)
        return header.steps, carry

    def keep(self, steps: int, carry: Carry) -> None:
        self._unsaved = _State(steps, carry, self.results)
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            self.save()

    def save(self) -> None:
        with self._writing:
            state, self._unsaved = self._unsaved, None
            if state is not None:
                self._write(state)

    def _write(self, state: _State) -> None:
        buffer = BytesIO()
        equinox.tree_serialise_leaves(buffer, jax.device_get(state.carry))
        arrays = buffer.getvalue()
        header = _Header(format=1, identity=self._identity, steps=state.steps, results=state.results, digest=_digest(arrays))
        content = header.model_dump_json().encode() + b"\n" + arrays
        fresh = self._path.with_name(f".{uuid.uuid4().hex}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise RunFailed(f"the state of the run could not be saved in {self._path.parent}: {error}") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
