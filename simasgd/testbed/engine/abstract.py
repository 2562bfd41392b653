"""What the test-bed needs of an engine: processes, and calls between them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from simasgd.cluster.supervision.role import RoleEnded


class ProcessMachine(NamedTuple):
    """The machine of a process."""

    host: str
    boot: str
    """The identity of the machine's last start. Processes with an equal one share a monotonic clock."""
    processor: str
    cores: int


class ProcessInfo(NamedTuple):
    """A process: its number on its machine, and the machine."""

    pid: int
    machine: ProcessMachine


class Reply(Protocol):
    """The answer to a call that is under way."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait up to `seconds`, or without a limit; return whether the answer is there."""

    def get(self) -> Any:
        """Wait for the answer and return it; raise the error that the call has raised."""


class Process(Protocol):
    """A process, as other processes see it. It can be sent to other processes."""

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the process's object, and wait for the answer.

        Raises ProcessLost if the process has ended.
        """

    def ask(self, method: str, *arguments: Any) -> Reply:
        """Call a method of the process's object, and return at once."""


class AbstractEngine(abc.ABC):
    """Starts processes and ends them. Usable as a context, at whose end all processes end."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The name and version of the software that carries the calls."""

    @abc.abstractmethod
    def start(self, count: int) -> Sequence[Process]:
        """Return `count` processes without an object. They may be used ones that are free again, the last of them first.

        Raises RunFailed if they do not start.
        """

    @abc.abstractmethod
    def place(self, process: Process, build: Callable[..., object], *arguments: Any) -> Reply:
        """Let the process make its object, build(*arguments); the answer is the process's `ProcessInfo`."""

    @abc.abstractmethod
    def free(self, processes: Sequence[Process]) -> None:
        """Take processes back that still run. They may be used again."""

    @abc.abstractmethod
    def kill(self, process: Process) -> None:
        """End a process that has its object, at once, by SIGKILL. Raises ProcessLost if it has ended before."""

    @abc.abstractmethod
    def discard(self, processes: Sequence[Process]) -> None:
        """End processes that are not needed any more, whatever they do. Those that have ended before do not matter."""

    @abc.abstractmethod
    def close(self) -> None:
        """End all processes."""

    def __enter__(self) -> AbstractEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ProcessLost(RoleEnded):
    """The process that was called has ended."""
