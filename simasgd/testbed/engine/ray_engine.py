"""Processes and calls by Ray: each process is an actor, and actors call each other without the driver."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any, final

import ray
from ray.exceptions import RayError, RayTaskError

from simasgd.testbed.engine.abstract import AbstractEngine, ProcessInfo, ProcessLost
from simasgd.testbed.engine.machine import this_machine
from simasgd.testbed.engine.ray_start import start_ray

_THREADS = 192  # of a process: calls that wait for an update each hold one
# A learner that computes on all cores would slow the others down, on a machine that they share.
_ENVIRONMENT = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "OMP_NUM_THREADS": "1",
}


class Host:
    """The content of a process: one object, whose methods other processes call."""

    def __init__(self) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._object: object = None

    def place(self, build: Callable[..., object], arguments: Sequence[Any]) -> ProcessInfo:
        """Make the object, and tell where it is."""
        self._object = None  # before the next one takes its memory
        self._object = build(*arguments)
        return ProcessInfo(os.getpid(), this_machine())

    def call(self, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method of the object."""
        return getattr(self._object, method)(*arguments)

    def die(self) -> None:
        """End this process at once."""
        os.kill(os.getpid(), signal.SIGKILL)


@final
class RayReply:
    """The answer to a call of an actor."""

    __slots__ = ("_reference",)

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def wait(self, seconds: float | None = None) -> bool:
        """Wait up to `seconds`, or without a limit; return whether the answer is there."""
        ready, _ = ray.wait([self._reference], timeout=seconds)
        return bool(ready)

    def get(self) -> Any:
        """Wait for the answer and return it; raise the error that the call has raised."""
        try:
            return ray.get(self._reference)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:  # the process has ended, or an object of another one has ended with it
            raise ProcessLost(str(error).splitlines()[0]) from None


@final
class RayProcess:
    """An actor. Other actors may have this handle, too."""

    __slots__ = ("actor",)

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __reduce__(self) -> tuple[type[RayProcess], tuple[Any]]:
        return RayProcess, (self.actor,)

    def ask(self, method: str, *arguments: Any) -> RayReply:
        """Call a method of the process's object, and return at once."""
        return RayReply(self.actor.call.remote(method, arguments))

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the process's object, and wait for the answer."""
        return self.ask(method, *arguments).get()


@final
class RayEngine(AbstractEngine):
    """Actors on this machine, or on the cluster at an address."""

    def __init__(self, address: str | None = None) -> None:
        self._actors: list[RayProcess] = []
        self._free: list[RayProcess] = []
        self._placed: dict[Any, RayReply] = {}
        self._is_local = address is None
        start_ray(address)
        # A learner that the scenario kills is no accident, and whoever called a process hears of its end in any case.
        ray._private.worker._worker_logs_enabled = False
        options = {"num_cpus": 0, "max_concurrency": _THREADS, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        self._make: Any = ray.remote(**options)(Host)  # type: ignore[call-overload]

    @property
    def name(self) -> str:
        return f"ray {ray.__version__}"

    def start(self, count: int) -> Sequence[RayProcess]:
        missing = count - len(self._free)
        fresh = [RayProcess(self._make.remote()) for _ in range(missing)]
        self._actors += fresh
        kept = max(0, len(self._free) - count)
        self._free, taken = self._free[:kept], self._free[kept:]
        return [*taken, *fresh]

    def place(self, process: Any, build: Callable[..., object], *arguments: Any) -> RayReply:
        answer = self._placed[process.actor] = RayReply(process.actor.place.remote(build, arguments))
        return answer

    def free(self, processes: Sequence[Any]) -> None:
        self._free += processes

    def kill(self, process: Any) -> None:
        if self._is_local:
            try:
                os.kill(self._placed[process.actor].get().pid, signal.SIGKILL)
            except ProcessLookupError:
                raise ProcessLost("there is no such process") from None
        else:  # its number means something on its own machine only
            process.actor.die.remote()
        self._forget([process])

    def discard(self, processes: Sequence[Any]) -> None:
        for process in processes:
            ray.kill(process.actor, no_restart=True)
        self._forget(processes)

    def close(self) -> None:
        ray.shutdown()

    def _forget(self, processes: Sequence[Any]) -> None:
        for process in processes:
            self._placed.pop(process.actor, None)
            if process in self._actors:
                self._actors.remove(process)
