"""The processes that a sweep needs of an engine. They carry out tasks, and some may be killed."""

from __future__ import annotations

import abc
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from typing import Any

from simasgd.sweeps.pools.work import Delivery, PoolTask


class WorkerLost(Exception):
    """The process that carried out a task has ended before the task; the text says why, or is empty."""


class AbstractPool(abc.ABC):
    """Processes that carry out tasks."""

    @property
    @abc.abstractmethod
    def capacity(self) -> int:
        """The number of tasks that can be under way at once.

        No more are handed out, so that the end of a process takes only these down.
        """

    @property
    def is_here(self) -> bool:
        """Whether its processes share the memory of this machine, which then decides how many compute at once."""
        return False

    def count_groups(self, missing: int) -> int:
        """Return the number of groups that make one task, if `missing` groups are missing."""
        del missing
        return 1

    @abc.abstractmethod
    def running(self, tasks: int) -> AbstractContextManager[None]:
        """Return a block in which `tasks` tasks can be submitted. At its end no process works on.

        Raises RunFailed if the processes do not start.
        """

    @abc.abstractmethod
    def submit(self, tasks: Collection[PoolTask]) -> list[Any]:
        """Begin tasks, and return a handle of each. Handles are hashable."""

    @abc.abstractmethod
    def wait(self, handles: Collection[Any]) -> Collection[Any]:
        """Wait until at least one task is over, and return the handles of those that are."""

    @abc.abstractmethod
    def result(self, handle: Any) -> list[Delivery]:
        """Return the result of a task that is over. Raises WorkerLost."""


def split(items: list[Any], size: int) -> Iterator[list[Any]]:
    """Yield parts of a list that have `size` items; the last one may have fewer."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
