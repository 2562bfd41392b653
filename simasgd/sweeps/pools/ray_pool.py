"""Processes of Ray: on this machine, or on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, final

import ray
from ray.exceptions import RayError, RayTaskError

from simasgd.errors import RunFailed
from simasgd.sweeps.pools.abstract import AbstractPool, WorkerLost
from simasgd.sweeps.pools.work import Delivery, PoolTask, carry_out
from simasgd.testbed.engine.ray_start import start_ray
from simasgd.testbed.engine.starting import require_answer


@final
class RayPool(AbstractPool):
    """Worker processes of Ray, one for each processor of its nodes. Nodes may come and go."""

    def __init__(self, address: str | None, workers: int | None) -> None:
        self._address, self._workers = address, workers
        self._carry_out: Any = None
        self._under_way: set[Any] = set()

    @property
    def capacity(self) -> int:
        processors = int(ray.cluster_resources().get("CPU", 0.0))
        return max(1, processors if self._workers is None else min(self._workers, processors))

    @property
    def is_here(self) -> bool:
        return self._address is None

    @contextmanager
    def running(self, tasks: int) -> Iterator[None]:
        del tasks
        if self._address is not None:
            require_answer(self._address)
        start_ray(self._address, self._workers)
        try:
            self._carry_out = ray.remote(num_cpus=1, max_retries=0)(carry_out)
            yield
        finally:
            for reference in self._under_way:
                ray.cancel(reference, force=True)
            ray.shutdown()

    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        references = [self._carry_out.remote(task) for task in tasks]
        self._under_way |= set(references)
        return references

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        ready, _ = ray.wait(list(handles), num_returns=1)
        return list(ready)

    def result(self, handle: Any) -> list[Delivery]:
        self._under_way.discard(handle)
        try:
            found: list[Delivery] = ray.get(handle)
        except RayTaskError as error:  # the task itself raises nothing
            raise RunFailed(f"a worker of Ray cannot compute points: {' '.join(str(error.cause).split())}") from None
        except RayError as error:
            raise WorkerLost(str(error).splitlines()[0]) from None
        return found
