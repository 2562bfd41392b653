"""Processes and calls by Ray: each process is an actor, and actors call each other without the driver."""

from __future__ import annotations

import logging
import os
import platform
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import psutil
import ray
from ray.exceptions import RayActorError, RayTaskError

from simasgd.errors import RunFailed
from simasgd.testbed.engine.abstract import About, AbstractEngine, Machine, ProcessLost

_THREADS = 512  # of a process: calls that wait for an update each hold one
_BOOT = Path("/proc/sys/kernel/random/boot_id")
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

    def place(self, build: Callable[..., object], arguments: Sequence[Any]) -> About:
        """Make the object, and tell where it is."""
        self._object = None  # before the next one takes its memory
        self._object = build(*arguments)
        boot = _BOOT.read_text().strip() if _BOOT.is_file() else f"{socket.gethostname()} {psutil.boot_time():.0f}"
        machine = Machine(socket.gethostname(), boot, platform.processor() or platform.machine(), os.cpu_count() or 1)
        return About(os.getpid(), machine)

    def call(self, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method of the object."""
        return getattr(self._object, method)(*arguments)


@final
class RayAnswer:
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
        except RayActorError as error:
            raise ProcessLost(str(error).splitlines()[0]) from None


@final
class RayProcess:
    """An actor. Other actors may have this handle, too."""

    __slots__ = ("actor",)

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __reduce__(self) -> tuple[type[RayProcess], tuple[Any]]:
        return RayProcess, (self.actor,)

    def ask(self, method: str, *arguments: Any) -> RayAnswer:
        """Call a method of the process's object, and return at once."""
        return RayAnswer(self.actor.call.remote(method, arguments))

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the process's object, and wait for the answer."""
        return self.ask(method, *arguments).get()


@final
class RayEngine(AbstractEngine):
    """Actors on this machine, or on the cluster at an address."""

    def __init__(self, address: str | None = None) -> None:
        self._actors: list[RayProcess] = []
        self._free: list[RayProcess] = []
        # Ray's hints (of tokens, say) are for those who start it; what fails is raised.
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            # Without "local", Ray joins any cluster that it finds on the machine.
            ray.init(
                address=address or "local",
                include_dashboard=False if address is None else None,
                log_to_driver=False,
                configure_logging=False,
            )
        except Exception as error:  # noqa: BLE001 - Ray raises any kind, Exception itself among them
            where = "on this machine" if address is None else f"at {address}"
            raise RunFailed(f"Ray does not start {where}: {str(error).splitlines()[0]}") from None
        options = {"num_cpus": 0, "max_concurrency": _THREADS, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        self._make: Any = ray.remote(**options)(Host)  # type: ignore[call-overload]

    @property
    def name(self) -> str:
        return f"ray {ray.__version__}"

    def start(self, count: int) -> Sequence[RayProcess]:
        missing = count - len(self._free)
        fresh = [RayProcess(self._make.remote()) for _ in range(missing)]
        self._actors += fresh
        taken, self._free = self._free[:count], self._free[count:]
        return [*taken, *fresh]

    def place(self, process: Any, build: Callable[..., object], *arguments: Any) -> RayAnswer:
        return RayAnswer(process.actor.place.remote(build, arguments))

    def free(self, processes: Sequence[Any]) -> None:
        self._free += processes

    def kill(self, process: Any) -> None:
        ray.kill(process.actor, no_restart=True)

    def close(self) -> None:
        ray.shutdown()
