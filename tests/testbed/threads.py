"""An engine whose processes are threads of this one: runs cost next to nothing, and calls take random times.

What a killed process had begun goes on until it calls another process, or until a call of its comes back: messages of the
dead may still arrive, as they do between real processes. A frozen process does so, too, and answers nothing until it is
thawed.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from typing import Any, final

from simasgd.cluster.supervision.role import RoleEnded
from simasgd.testbed.engine.abstract import AbstractEngine, ProcessInfo, ProcessLost, ProcessMachine
from simasgd.testbed.learner.process import LearnerProcess

_HERE = ProcessMachine("here", "boot 0", "any", 1)


def _no_clocks(number: int) -> tuple[ProcessMachine, Callable[[], float]]:
    return _HERE, time.monotonic


class Killed(RoleEnded):
    """The process of the thread was killed."""


@final
class ThreadAnswer:
    """The answer to a call."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def wait(self, seconds: float | None = None) -> bool:
        return bool(wait([self._future], seconds).done)

    def get(self) -> Any:
        return self._future.result()


@final
class ThreadProcess:
    """A process that is no process: an object, whose methods run in threads."""

    def __init__(
        self, number: int, delay: float, machine: ProcessMachine = _HERE, read: Callable[[], float] = time.monotonic
    ) -> None:
        self.number = number
        self._machine, self._read = machine, read
        self.is_alive = True
        self.delay = delay
        self._object: Any = None
        self._pending: set[Future[Any]] = set()
        self._is_thawed = threading.Event()
        self._is_thawed.set()
        self._random = random.Random(number)

    def place(self, build: Callable[..., object], arguments: Sequence[Any]) -> ProcessInfo:
        seen = [Seen(self, one) if isinstance(one, ThreadProcess) else one for one in arguments]
        self._object = build(*seen)
        if isinstance(self._object, LearnerProcess):
            self._object.read = self._read
        return ProcessInfo(self.number, self._machine)

    def ask(self, method: str, *arguments: Any) -> ThreadAnswer:
        return self.start(lambda: getattr(self._object, method)(*arguments))

    def call(self, method: str, *arguments: Any) -> Any:
        return self.ask(method, *arguments).get()

    def start(self, work: Callable[[], Any]) -> ThreadAnswer:
        future: Future[Any] = Future()
        if not self.is_alive:
            future.set_exception(ProcessLost("it was killed"))
            return ThreadAnswer(future)
        self._pending.add(future)
        threading.Thread(target=self._run, args=(future, work), daemon=True).start()
        return ThreadAnswer(future)

    def freeze(self) -> None:
        self._is_thawed.clear()

    def thaw(self) -> None:
        self._is_thawed.set()

    def require_life(self) -> None:
        """Wait while the process is frozen; raise Killed if it was killed."""
        self._is_thawed.wait()
        if not self.is_alive:
            raise Killed

    def kill(self) -> None:
        self.is_alive = False
        self.thaw()
        for future in list(self._pending):
            with suppress(InvalidStateError):
                future.set_exception(ProcessLost("it was killed"))

    def loiter(self) -> None:
        """Wait a random time of up to `delay` (s)."""
        if self.delay:
            time.sleep(self._random.random() * self.delay)

    def _run(self, future: Future[Any], work: Callable[[], Any]) -> None:
        try:
            self.require_life()
            result, error = work(), None
            self.require_life()
        except Exception as raised:  # noqa: BLE001 - the caller raises it
            result, error = None, raised
        self._pending.discard(future)
        with suppress(InvalidStateError):
            future.set_result(result) if error is None else future.set_exception(error)


@final
class Seen:
    """A process as another one sees it."""

    def __init__(self, caller: ThreadProcess, callee: ThreadProcess) -> None:
        self._caller, self._callee = caller, callee

    def ask(self, method: str, *arguments: Any) -> ThreadAnswer:
        self._caller.require_life()
        self._caller.loiter()
        return self._callee.ask(method, *arguments)

    def call(self, method: str, *arguments: Any) -> Any:
        try:
            result = self.ask(method, *arguments).get()
        finally:
            self._caller.require_life()
        self._caller.loiter()
        return result


@final
class ThreadEngine(AbstractEngine):
    """An engine without processes; each call takes up to `delay` (s) longer than it needs."""

    def __init__(
        self, delay: float = 0.0, clocks: Callable[[int], tuple[ProcessMachine, Callable[[], float]]] = _no_clocks
    ) -> None:
        """`clocks` gives each process, by its number, a machine and what reads its clock."""
        self.processes: list[ThreadProcess] = []
        self._delay, self._clocks = delay, clocks

    @property
    def name(self) -> str:
        return "threads 1"

    def start(self, count: int) -> Sequence[ThreadProcess]:
        numbers = range(len(self.processes), len(self.processes) + count)
        fresh = [ThreadProcess(number, self._delay, *self._clocks(number)) for number in numbers]
        self.processes += fresh
        return fresh

    def place(self, process: Any, build: Callable[..., object], *arguments: Any) -> ThreadAnswer:
        return process.start(lambda: process.place(build, arguments))  # type: ignore[no-any-return]

    def free(self, processes: Sequence[Any]) -> None:
        pass

    def kill(self, process: Any) -> None:
        if not process.is_alive:
            raise ProcessLost("it was killed before")
        process.kill()

    def discard(self, processes: Sequence[Any]) -> None:
        for process in processes:
            process.kill()

    def close(self) -> None:
        self.discard(self.processes)
