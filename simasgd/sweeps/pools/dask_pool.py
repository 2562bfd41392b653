"""Processes of Dask: on this machine, or those of the scheduler at an address."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, final

import dask
import distributed
from distributed.scheduler import KilledWorker

from simasgd.errors import RunFailed
from simasgd.signals import follow
from simasgd.sweeps.pools.abstract import AbstractPool, WorkerLost
from simasgd.sweeps.pools.work import Delivery, PoolTask, carry_out

_PATIENCE = 45  # seconds until a scheduler must have answered


@final
class _Follower(distributed.WorkerPlugin):
    """Ends a local worker as soon as its driver has ended."""

    def __init__(self, driver: int) -> None:
        self._driver = driver

    def setup(self, worker: object) -> None:
        del worker
        follow(self._driver)


@final
class DaskPool(AbstractPool):
    """Worker processes of Dask, each of which computes as many tasks at once as it has threads."""

    def __init__(self, address: str | None, workers: int) -> None:
        self._address, self._workers = address, workers
        self._client: Any = None

    @property
    def capacity(self) -> int:
        return max(1, int(sum(self._client.nthreads().values())))

    @property
    def is_here(self) -> bool:
        return self._address is None

    @contextmanager
    def running(self, tasks: int) -> Iterator[None]:
        quiet = {"distributed.admin.log-format": "", "logging.distributed": "critical"}
        with dask.config.set(quiet):
            if self._address is not None:
                try:
                    client = distributed.Client(self._address, timeout=_PATIENCE)
                except OSError as error:
                    raise RunFailed(f"--address {self._address}: no Dask scheduler answers: {error}") from None
                with client as self._client:
                    yield
                return
            workers = max(1, min(self._workers, tasks))
            with (
                distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
                distributed.Client(cluster) as self._client,
            ):
                self._client.register_plugin(_Follower(os.getpid()))
                yield

    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        return [self._client.submit(carry_out, task, pure=False) for task in tasks]

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        done: Collection[Any] = distributed.wait(list(handles), return_when="FIRST_COMPLETED").done
        return done

    def result(self, handle: Any) -> list[Delivery]:
        try:
            found: list[Delivery] = handle.result()
        except KilledWorker:
            raise WorkerLost from None
        except Exception as error:  # noqa: BLE001 - of Dask, any kind; the task itself raises nothing
            raise RunFailed(f"a worker of Dask cannot compute points: {' '.join(str(error).split())}") from None
        return found
