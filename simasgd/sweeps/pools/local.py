"""Processes of this machine, by loky. A killed process is replaced, and all end with their driver."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from typing import Any, final

from simasgd.signals import follow, held_back
from simasgd.sweeps.pools.abstract import AbstractPool, WorkerLost
from simasgd.sweeps.pools.accelerators import claim
from simasgd.sweeps.pools.work import Delivery, PoolTask, carry_out

_IDLE = 60  # seconds until a process without work ends


@final
class LocalPool(AbstractPool):
    """Worker processes of this machine. They are fresh ones, never forks, which JAX does not survive."""

    def __init__(self, workers: int, accelerators: tuple[str, ...] = ()) -> None:
        self._workers = workers
        self._accelerators = accelerators
        self._executor: Any = None
        self._under_way: set[Future[list[Delivery]]] = set()

    @property
    def capacity(self) -> int:
        return self._workers

    @property
    def is_here(self) -> bool:
        return True

    @contextmanager
    def running(self, tasks: int) -> Iterator[None]:
        self._workers = max(1, min(self._workers, tasks))
        _start_trackers()
        try:
            yield
        finally:
            if self._under_way:
                self._executor.shutdown(kill_workers=True)

    def submit(self, tasks: Collection[PoolTask]) -> list[Future[list[Delivery]]]:
        futures = [self._submit(task) for task in tasks]
        self._under_way |= set(futures)
        return futures

    def _submit(self, task: PoolTask) -> Future[list[Delivery]]:
        from joblib.externals.loky import get_reusable_executor
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        while True:
            with held_back():
                self._executor = get_reusable_executor(
                    max_workers=self._workers,
                    timeout=_IDLE,
                    initializer=_begin,
                    initargs=(os.getpid(), self._accelerators),
                )
                try:
                    future: Future[list[Delivery]] = self._executor.submit(carry_out, task)
                except TerminatedWorkerError:  # a process has died; the tasks under way raise the same error
                    continue
                return future

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        return wait(handles, return_when=FIRST_COMPLETED).done

    def result(self, handle: Any) -> list[Delivery]:
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        self._under_way.discard(handle)
        try:
            found: list[Delivery] = handle.result()
        except TerminatedWorkerError:
            raise WorkerLost from None
        return found


def _begin(driver: int, accelerators: tuple[str, ...]) -> None:
    """Begin a worker process: it follows its driver, and takes an accelerator of its own."""
    follow(driver)
    claim(accelerators, driver)


def _start_trackers() -> None:
    """Start the resource trackers of loky and of the standard library.

    loky's removes the semaphores of a killed driver; here it does so without a warning. That of the
    standard library unblocks signals when it starts, so it must not start later.
    """
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend.resource_tracker import ensure_running

    option = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(option)  # processes are started with these
    try:
        ensure_running()
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(option)
