"""No further process: the tasks are carried out one after another in this one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, final

from simasgd.sweeps.pools.abstract import AbstractPool
from simasgd.sweeps.pools.work import Delivery, PoolTask, carry_out, end_helpers


@final
class OwnProcess(AbstractPool):
    """The process that asks, itself. It suits small runs, for which another process would take longer to start."""

    @property
    def capacity(self) -> int:
        return 1

    @contextmanager
    def running(self, tasks: int) -> Iterator[None]:
        del tasks
        try:
            yield
        finally:
            end_helpers()

    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        return [tuple(carry_out(task)) for task in tasks]

    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        return list(handles)

    def result(self, handle: Any) -> list[Delivery]:
        return list(handle)
