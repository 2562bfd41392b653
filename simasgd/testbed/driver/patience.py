"""Waiting for the answers of processes, but not for ever: one that is there and does not answer ends the run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, final

from simasgd.testbed.engine.abstract import Process, Reply

_PATIENCE = 120.0  # seconds for a process to answer a call that takes it no time
_HURRY = 10.0  # seconds for the same, when the user has ended the run
_LOOK = 0.25  # seconds between two looks for an answer
_ROLL_CALL = 10.0  # seconds from one question to the next


@final
class NoAnswer(Exception):
    """A process has not ended, but does not answer. The text says so and names its role."""


@final
class Patience:
    """Waits for answers, less long once `is_interrupted` is set.

    A process that has ended is found by its engine. One that was stopped, or whose machine is cut off, is not: every call
    of it would wait for ever. Looks are counted and no clock is read, because the driver and all processes may have been
    stopped together, and then nobody had the time to answer.
    """

    def __init__(self, is_interrupted: threading.Event) -> None:
        self._is_interrupted = is_interrupted

    def get(self, answer: Reply, role: str) -> Any:
        """Return an answer of a role's process, or raise its error. Raises NoAnswer if it does not come in time."""
        looks = 0
        while not answer.wait(_LOOK):
            looks += 1
            _require_answer(role, looks, _HURRY if self._is_interrupted.is_set() else _PATIENCE)
        return answer.get()


@final
class PatientProcess:
    """A process as the driver calls it: its calls raise NoAnswer if no answer comes in time."""

    def __init__(self, process: Process, role: str, patience: Patience) -> None:
        self._process, self._role, self._patience = process, role, patience

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the process's object, and wait for the answer. Raises ProcessLost if the process has ended."""
        return self._patience.get(self._process.ask(method, *arguments), self._role)

    def ask(self, method: str, *arguments: Any) -> Reply:
        """Call a method of the process's object, and return at once."""
        return self._process.ask(method, *arguments)


@final
class RollCall:
    """Asks processes now and then whether they are there. Looks are a quarter of a second apart."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[Process, Reply]] = {}
        self._looks: dict[str, int] = {}

    def look(self, processes: Mapping[str, Process]) -> None:
        """Look for the answers of processes, by their roles. Raises NoAnswer if one has not come in time."""
        for role, process in processes.items():
            asked, answer = self._asked.get(role, (None, None))
            self._looks[role] = self._looks.get(role, 0) + 1
            is_answered = answer is not None and answer.wait(0.0)
            if asked is not process or (is_answered and self._looks[role] * _LOOK >= _ROLL_CALL):
                self._asked[role] = process, process.ask("answer")
                self._looks[role] = 0
            elif not is_answered:
                _require_answer(role, self._looks[role], _PATIENCE)


def _require_answer(role: str, looks: int, longest: float) -> None:
    """Raise NoAnswer if a role's process has not answered for `longest` (s), which were `looks` looks."""
    if looks * _LOOK >= longest:
        raise NoAnswer(f"the process of {role} has not ended, but has not answered for {looks * _LOOK:g} s")
