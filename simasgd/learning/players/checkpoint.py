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
from typing import Literal, NamedTuple, final

import equinox
import jax
from pydantic import BaseModel, NonNegativeInt, ValidationError

from simasgd.errors import RunFailed
from simasgd.learning.layout.abstract import Carry
from simasgd.learning.players.results import Divergence, Evaluation, GroupResults


class State(NamedTuple):
    """How far a walk through a tape has come."""

    steps: int
    """The number of steps done."""
    carry: Carry
    """The carry after them."""
    results: GroupResults
    """The results so far."""


class AbstractCheckpoint(abc.ABC):
    """A store for the state of a walk through a tape and for the results so far.

    The evaluation of the weights adds to the results. They are kept with the state, and restored
    with it.
    """

    def __init__(self) -> None:
        self._evaluations: list[Evaluation] = []
        self._divergences: list[Divergence] = []
        self._begin: State | None = None

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

    def begin_with(self, state: State) -> None:
        """Let the next walk begin with this state, unless another one is kept."""
        self._begin = state

    def restore(self, start: Carry) -> tuple[int, Carry]:
        """Return the number of steps done and the carry after them, and restore `results`.

        If there is no state, return 0 and `start`, which has the structure of the carry.
        """
        found = self._read(start) or self._begin
        self._begin = None  # the walk frees it when it has come farther
        if found is None:
            return 0, start
        self._evaluations, self._divergences = list(found.results.evaluations), list(found.results.divergences)
        return found.steps, found.carry

    @abc.abstractmethod
    def _read(self, start: Carry) -> State | None:
        """Return the state that is kept; None if there is none."""

    @abc.abstractmethod
    def keep(self, steps: int, carry: Carry) -> None:
        """Keep the state after `steps` steps, now or later."""

    @abc.abstractmethod
    def save(self) -> None:
        """Write the last state that `keep` received. Another thread may call this."""


@final
class NoCheckpoint(AbstractCheckpoint):
    """A checkpoint that keeps nothing."""

    def _read(self, start: Carry) -> State | None:
        return None

    def keep(self, steps: int, carry: Carry) -> None:
        pass

    def save(self) -> None:
        pass


@final
class MemoryCheckpoint(AbstractCheckpoint):
    """A checkpoint that keeps the `latest` state, and writes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: State | None = None

    def _read(self, start: Carry) -> State | None:
        return self.latest

    def keep(self, steps: int, carry: Carry) -> None:
        self.latest = State(steps, carry, self.results)

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
        self._unsaved: State | None = None
        self._writing = threading.Lock()

    def _read(self, start: Carry) -> State | None:
        if not self._path.is_file():
            return None
        first_line, _, arrays = self._path.read_bytes().partition(b"\n")
        try:
            header = _Header.model_validate_json(first_line)
        except ValidationError:
            return None
        if header.identity != self._identity or header.digest != _digest(arrays):
            return None
        return State(header.steps, equinox.tree_deserialise_leaves(BytesIO(arrays), start), header.results)

    def keep(self, steps: int, carry: Carry) -> None:
        self._unsaved = State(steps, carry, self.results)
        now = time.monotonic()
        if now - self._last >= self._seconds:
            self._last = now
            self.save()

    def save(self) -> None:
        with self._writing:
            state, self._unsaved = self._unsaved, None
            if state is not None:
                self._write(state)

    def _write(self, state: State) -> None:
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
